// Goal: the simulated world is reproducible, and its network does what a test orders: cut, heal,
// reset. Method: a small chatter whose trace hash must depend on the seed alone.
#include <doctest/doctest.h>

#include "test/unit/runtime/both_loops.h"
#include "test/unit/runtime/failed_with.h"

using base::Errc;
using runtime::Loop;
using runtime::SimLoop;
using runtime::SimWorld;
using runtime::SocketAddress;
using runtime::Stream;
using runtime::Task;
using runtime::TaskScope;
using namespace runtime_test;

namespace {

constexpr std::uint16_t kPort = 9092;

Task<void> answer(std::unique_ptr<Stream> stream) {
  for (;;) {
    const auto question = co_await read_text(*stream, 8);
    if (!question || !co_await write_text(*stream, *question)) co_return;
  }
}

Task<void> serve(runtime::Listener* listener, TaskScope* scope) {
  for (;;) {
    auto accepted = co_await listener->accept();
    if (!accepted) co_return;
    scope->spawn(answer(scope->loop().adopt(std::move(*accepted)).value()));
  }
}

Task<base::Result<int>> chat(Loop* loop, SocketAddress at, int rounds) {
  CO_TRY_ASSIGN(const auto stream, co_await loop->connect(at, 5000, {}));
  int answers = 0;
  for (int i = 0; i < rounds; ++i) {
    CO_TRY(co_await write_text(*stream, "question"));
    CO_TRY_ASSIGN(const auto text, co_await read_text(*stream, 8));
    answers += text == "question";
    (void)co_await runtime::sleep_ms(*loop, static_cast<std::int64_t>(loop->random().below(20)));
  }
  co_return answers;
}

Task<void> chat_into(Loop* loop, SocketAddress at, int rounds, int* answers) {
  *answers += (co_await chat(loop, at, rounds)).value();
}

// A server host and a client host.
struct Hosts {
  SimWorld world;
  SimLoop server{world, "10.0.0.1"};
  SimLoop client{world, "10.0.0.2"};
  TaskScope scope{server, "server"};
  std::unique_ptr<runtime::Listener> listener;
  SocketAddress at = *SocketAddress::from_ip("10.0.0.1", kPort);

  explicit Hosts(std::uint64_t seed) : world(seed) {
    listener = server.listen(*SocketAddress::from_ip("0.0.0.0", kPort), {}).value();
    scope.spawn(serve(listener.get(), &scope));
  }
  ~Hosts() {
    listener->close();
    CHECK(world.run_until([this] { return scope.task_count() == 0; }));
  }
};

std::uint64_t run_chatter(std::uint64_t seed) {
  Hosts hosts(seed);
  int answers = 0;
  TaskScope clients(hosts.client, "clients");
  for (int i = 0; i < 5; ++i) {
    clients.spawn(chat_into(&hosts.client, hosts.at, 20, &answers));
  }
  CHECK(hosts.world.run_until([&clients] { return clients.task_count() == 0; }));
  CHECK_EQ(answers, 100);
  return hosts.world.trace_hash();
}

Task<void> through_a_partition(Hosts* hosts) {
  auto& network = hosts->world.network();
  auto stream = (co_await hosts->client.connect(hosts->at, 5000, {})).value();
  network.cut("10.0.0.1", "10.0.0.2");  // answers only
  CHECK((co_await write_text(*stream, "question")).has_value());
  CHECK(failed_with(co_await runtime::readable(*stream, 5000), Errc::timed_out));
  CHECK(failed_with(co_await hosts->client.connect(hosts->at, 3000, {}), Errc::timed_out));
  network.heal_all();
  CHECK_EQ((co_await read_text(*stream, 8)).value(), "question");
  network.reset_port(kPort);
  CHECK(failed_with(co_await read_text(*stream, 8), std::errc::connection_reset));
  CHECK(failed_with(co_await write_text(*stream, "question"), std::errc::connection_reset));
  CHECK_EQ(network.connection_count(), 0);
  const auto nowhere = *SocketAddress::from_ip("10.0.0.9", kPort);
  CHECK(failed_with(co_await hosts->client.connect(nowhere, 3000, {}),
                    std::errc::connection_refused));
}

}  // namespace

TEST_CASE("one seed is one run") {
  CHECK_EQ(run_chatter(1), run_chatter(1));
  CHECK_EQ(run_chatter(2), run_chatter(2));
  CHECK_NE(run_chatter(1), run_chatter(2));
}

TEST_CASE("cut, heal and reset") {
  Hosts hosts(3);
  hosts.world.block_on(hosts.client, through_a_partition(&hosts));
}

TEST_CASE("an idle world stands still, events come in order") {
  SimWorld world(4);
  CHECK_FALSE(world.step());
  std::vector<int> order;
  world.schedule(2000, [&] { order.push_back(2); });
  world.schedule(1000, [&] {
    order.push_back(1);
    world.schedule(0, [&] { order.push_back(3); });
  });
  const std::int64_t before_ns = world.clock().monotonic_ns();
  CHECK(world.run_until_idle());
  CHECK((order == std::vector<int>{1, 3, 2}));
  CHECK_EQ(world.clock().monotonic_ns() - before_ns, 2000);
  world.run_for(7);
  CHECK_EQ(world.clock().monotonic_ns() - before_ns, 7'002'000);
}
