// Purpose: a simulated connection between two hosts, for the tests of one part of a connection.
#pragma once

#include <memory>
#include <string>

#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/broker/network/frames.h"

namespace network_test {

struct StreamPair {
  explicit StreamPair(std::uint64_t seed = 1) : world(seed) {
    const auto listener =
        server_loop.listen(*runtime::SocketAddress::from_ip("10.0.0.2", 0), {}).value();
    client = *world.block_on(client_loop, client_loop.connect(listener->local_address(), 1000, {}));
    server = world.block_on(server_loop, accept_one(*listener, server_loop));
  }

  static runtime::Task<std::unique_ptr<runtime::Stream>> accept_one(runtime::Listener& listener,
                                                                    runtime::Loop& loop) {
    auto accepted = co_await listener.accept();
    co_return std::move(loop.adopt(std::move(*accepted)).value());
  }

  std::int64_t now_ns() { return server_loop.now_ns(); }
  // The client's; as much as fits the network.
  void send(std::string_view text) {
    runtime::OutputList output;
    output.add(buffer_of(text));
    (void)client->try_write(output);
    world.run_for(10);
  }
  // What has come to the client by then.
  std::string receive_for(std::int64_t duration_ms) {
    world.run_for(duration_ms);
    std::string text;
    std::array<std::byte, 4096> part;
    while (const auto count = client->try_read(part)) {
      text += base::as_text(base::Bytes(part).first(*count));
    }
    return text;
  }

  runtime::SimWorld world;
  runtime::SimLoop client_loop{world, "10.0.0.1"};
  runtime::SimLoop server_loop{world, "10.0.0.2"};
  std::unique_ptr<runtime::Stream> client;
  std::unique_ptr<runtime::Stream> server;
};

}  // namespace network_test
