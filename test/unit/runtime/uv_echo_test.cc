// Goal: streams, listeners and timers of the libuv loop do their basic work. Method: an echo server
// and a client as two tasks of one loop, over loopback.
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "runtime/stream_io.h"
#include "runtime/task_scope.h"
#include "runtime/uv/threads.h"

using base::Errc;
using base::Result;
using runtime::Loop;
using runtime::SocketAddress;
using runtime::Stream;
using runtime::Task;
using runtime::UvLoop;

namespace {

runtime::OutputList output_of(std::string_view text) {
  runtime::OutputList output;
  output.add(base::Buffer::copy_of(base::as_bytes(text)));
  return output;
}

Task<void> echo(std::unique_ptr<Stream> stream) {
  for (;;) {
    std::array<std::byte, 4096> bytes;
    const auto count = stream->try_read(bytes);
    if (count) {
      const auto text = base::as_text(base::Bytes(bytes).first(*count));
      if (!co_await runtime::write_all(*stream, output_of(text))) co_return;
    } else if (count.error().is(Errc::would_block)) {
      if (!co_await runtime::readable(*stream)) co_return;
    } else {
      co_return;
    }
  }
}

Task<void> serve(runtime::Listener& listener, runtime::TaskScope& scope) {
  for (;;) {
    auto accepted = co_await listener.accept();
    if (!accepted) co_return;
    scope.spawn(echo(scope.loop().adopt(std::move(*accepted)).value()));
  }
}

Task<Result<std::string>> ask(Stream& stream, std::string question) {
  CO_TRY(co_await runtime::write_all(stream, output_of(question)));
  std::string answer(question.size(), ' ');
  const base::MutableBytes into(reinterpret_cast<std::byte*>(answer.data()), answer.size());
  CO_TRY(co_await runtime::read_exact(stream, into, 5000));
  co_return answer;
}

Task<void> talk(UvLoop& loop) {
  auto listener = loop.listen(*SocketAddress::from_ip("127.0.0.1", 0), {}).value();
  runtime::TaskScope scope(loop, "echo");
  scope.spawn(serve(*listener, scope));
  {
    auto stream = (co_await loop.connect(listener->local_address(), 5000, {})).value();
    for (int i = 0; i < 100; ++i) {
      const auto answer = co_await ask(*stream, "hello " + std::to_string(i));
      CHECK_EQ(answer.value(), "hello " + std::to_string(i));
    }
    const auto large = co_await ask(*stream, std::string(100'000, 'x'));
    CHECK_EQ(large.value(), std::string(100'000, 'x'));
    CHECK_EQ(stream->peer_address().to_string(), listener->local_address().to_string());
  }
  listener->close();
  co_await scope.join();
}

}  // namespace

TEST_CASE("an echo server answers its client") {
  UvLoop loop;
  runtime::block_on(loop, talk(loop));
}
