// Goal: no bytes of a client harm the broker. Method: the input is what a client sends over a
// simulated connection, in portions that the input chooses; a handler decodes each request and
// answers, some of them later.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/network/connection.h"
#include "protocol/api_key.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "runtime/stream_io.h"

namespace {

class AnswerAll final : public network::RequestHandler {
 public:
  runtime::Task<network::Reply> handle(network::RequestContext& context) override {
    VERIFY(protocol::find_api(context.header.api_key) != nullptr);
    VERIFY(context.body_offset <= context.frame.size());
    network::Response response;
    response.output.add(base::Buffer::copy_of(context.body()));
    const bool is_produce = context.header.api_key == 0;
    if (is_produce && context.header.correlation_id % 2 != 0) {
      auto [sender, receiver] = runtime::one_shot<network::Response>(*runtime::Loop::current());
      waiting_.push_back(std::move(sender));
      co_return network::Reply{{}, std::move(receiver)};
    }
    if (context.header.correlation_id % 3 == 0) {
      (void)co_await runtime::sleep_ms(*runtime::Loop::current(), 1, context.cancel);
    }
    answer_waiting();
    co_return network::Reply{std::move(response), std::nullopt};
  }
  void answer_waiting() {
    for (auto& sender : waiting_) sender.complete({});
    waiting_.clear();
  }

 private:
  std::vector<runtime::Sender<network::Response>> waiting_;
};

runtime::Task<std::unique_ptr<runtime::Stream>> accept_one(runtime::Listener& listener,
                                                           runtime::Loop& loop) {
  auto accepted = co_await listener.accept();
  co_return std::move(loop.adopt(std::move(*accepted)).value());
}

runtime::Task<void> send_in_portions(runtime::Stream& stream, base::Bytes input) {
  while (!input.empty()) {
    const std::size_t size =
        std::min<std::size_t>(input.size(), 1 + std::to_integer<std::size_t>(input.back()) * 7);
    runtime::OutputList output;
    output.add(base::Buffer::copy_of(input.first(size)));
    if (!co_await runtime::write_all(stream, std::move(output), 1000)) co_return;
    input = input.subspan(size);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::set_log_level(base::LogLevel::off);
  runtime::SimWorld world(size);
  runtime::SimLoop client_loop(world, "10.0.0.1");
  runtime::SimLoop server_loop(world, "10.0.0.2");
  AnswerAll handler;
  network::MemoryBudget budget(200'000);
  std::vector<std::byte> scratch(8 * 1024);
  const network::ConnectionShared shared{
      handler, budget, {.request_max_bytes = 300'000, .idle_max_ms = 5000}, scratch};
  const network::ListenerContext context{.name = "FUZZ"};
  const auto listener =
      server_loop.listen(*runtime::SocketAddress::from_ip("10.0.0.2", 0), {}).value();
  auto client = std::move(
      world.block_on(client_loop, client_loop.connect(listener->local_address(), 1000, {}))
          .value());
  network::Connection connection(world.block_on(server_loop, accept_one(*listener, server_loop)),
                                 context, 1, shared);
  runtime::TaskScope scope(server_loop, "connection");
  scope.spawn(connection.run());
  world.block_on(client_loop,
                 send_in_portions(*client, {reinterpret_cast<const std::byte*>(data), size}));
  world.run_for(10);
  handler.answer_waiting();
  world.run_for(10);
  client->close();
  world.run_for(10'000);
  connection.close("input over");
  VERIFY(world.run_until([&scope] { return scope.task_count() == 0; }, 10'000));
  return 0;
}
