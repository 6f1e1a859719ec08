// Purpose: one test body over both implementations of the runtime: sockets and memory.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "runtime/posix/file_system.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "runtime/stream_io.h"
#include "runtime/task_scope.h"
#include "runtime/uv/threads.h"

namespace runtime_test {

struct OnUv {
  runtime::UvLoop native_loop;
  runtime::Loop& loop = native_loop;
  template <class T>
  T run(runtime::Task<T> task) {
    return runtime::block_on(native_loop, std::move(task));
  }
};

struct OnSim {
  runtime::SimWorld world{20240229};
  runtime::SimLoop sim_loop{world};
  runtime::Loop& loop = sim_loop;
  template <class T>
  T run(runtime::Task<T> task) {
    return world.block_on(sim_loop, std::move(task));
  }
};

inline runtime::OutputList output_of(std::string_view text) {
  runtime::OutputList output;
  output.add(base::Buffer::copy_of(base::as_bytes(text)));
  return output;
}

inline runtime::Task<base::Result<std::string>> read_text(runtime::Stream& stream,
                                                          std::size_t size_bytes) {
  std::string text(size_bytes, ' ');
  const base::MutableBytes into(reinterpret_cast<std::byte*>(text.data()), text.size());
  CO_TRY(co_await runtime::read_exact(stream, into, 10'000));
  co_return text;
}

inline runtime::Task<base::Result<void>> write_text(runtime::Stream& stream, std::string text) {
  co_return co_await runtime::write_all(stream, output_of(text), 10'000);
}

// Two ends of one connection.
struct Connected {
  std::unique_ptr<runtime::Stream> client;
  std::unique_ptr<runtime::Stream> server;
};

inline runtime::Task<Connected> connect_pair(runtime::Loop& loop) {
  auto listener = loop.listen(*runtime::SocketAddress::from_ip("127.0.0.1", 0), {}).value();
  const auto at = listener->local_address();
  Connected pair;
  pair.client = (co_await loop.connect(at, 5000, {})).value();
  auto accepted = co_await listener->accept();
  pair.server = loop.adopt(std::move(*accepted)).value();
  co_return pair;
}

}  // namespace runtime_test
