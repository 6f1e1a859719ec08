// Goal: listeners, limits and the stop of a server over real sockets and threads. Method: the
// accept loop and all clients on the test's thread, two data loops beside it.
#include "broker/network/server.h"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <random>
#include <string>

#include "runtime/stream_io.h"
#include "runtime/uv/threads.h"
#include "test/unit/broker/network/fake_handler.h"

namespace network {
namespace {

using network_test::FakeHandler;
using network_test::request;
using network_test::response;
using StreamPtr = std::unique_ptr<runtime::Stream>;

constexpr std::int16_t kMetadata = 3;
constexpr std::int64_t kPatienceMs = 20'000;

// FakeHandler per call: the loops are threads.
struct SharedHandler final : RequestHandler {
  runtime::Task<Reply> handle(RequestContext& context) override {
    FakeHandler handler;
    co_return co_await handler.handle(context);
  }
};

config::Listener listener_of(std::string name, std::string host, std::int32_t port = 0) {
  return {std::move(name), config::SecurityProtocol::plaintext, std::move(host), port};
}

struct Fixture {
  explicit Fixture(config::NetworkConfig network = {}, ServerLimits limits = {})
      : config(std::move(network)) {
    if (config.listeners.empty()) config.listeners = {listener_of("PLAINTEXT", "127.0.0.1")};
    if (config.inter_broker_listener.empty()) {
      config.inter_broker_listener = config.listeners[0].name;
    }
    server = std::make_unique<Server>(
        config, loop, std::vector<runtime::Loop*>{&threads[0]->loop(), &threads[1]->loop()},
        *resolver, budget, handler, std::move(limits));
  }
  ~Fixture() {
    runtime::block_on(loop, server->stop(100));
    for (auto& thread : threads) {
      thread->stop();
      thread->join();
    }
    server.reset();
  }

  void start() {
    const auto listening = runtime::block_on(loop, server->start_listening());
    REQUIRE_MESSAGE(listening.has_value(), listening.error().to_string());
    server->start_accepting();
  }
  StreamPtr connect(std::size_t listener = 0) {
    auto address = server->bound()[listener].address;
    if (server->bound()[listener].listener.host.empty()) {
      address = *runtime::SocketAddress::from_ip("127.0.0.1", address.port());
    }
    return std::move(runtime::block_on(loop, loop.connect(address, kPatienceMs, {})).value());
  }
  static runtime::Task<base::Result<std::string>> ask(runtime::Stream& stream, std::string text,
                                                      std::size_t size_bytes,
                                                      std::int64_t timeout_ms) {
    runtime::OutputList output;
    output.add(network_test::buffer_of(text));
    CO_TRY(co_await runtime::write_all(stream, std::move(output), timeout_ms));
    std::string answer(size_bytes, '\0');
    const base::MutableBytes into(reinterpret_cast<std::byte*>(answer.data()), answer.size());
    CO_TRY(co_await runtime::read_exact(stream, into, timeout_ms));
    co_return answer;
  }
  base::Result<std::string> ask(runtime::Stream& stream, std::int32_t id, std::string body = "",
                                std::int64_t timeout_ms = kPatienceMs) {
    return runtime::block_on(
        loop, ask(stream, request(kMetadata, id, body), 8 + body.size(), timeout_ms));
  }
  bool is_closed(runtime::Stream& stream) {
    const auto answer = runtime::block_on(loop, ask(stream, "", 1, kPatienceMs));
    return !answer && !answer.error().is(base::Errc::timed_out);
  }

  config::NetworkConfig config;
  runtime::UvLoop loop;
  std::array<std::unique_ptr<runtime::LoopThread>, 2> threads = {
      std::make_unique<runtime::LoopThread>("data-0"),
      std::make_unique<runtime::LoopThread>("data-1")};
  std::unique_ptr<runtime::WorkerPool> resolver = runtime::make_worker_pool("resolver", 1, 16);
  MemoryBudget budget{100'000'000};
  SharedHandler handler;
  std::unique_ptr<Server> server;
};

TEST_CASE("a server answers on all its listeners") {
  config::NetworkConfig config;
  config.listeners = {listener_of("ALL", ""), listener_of("NAME", "localhost"),
                      listener_of("LOOPBACK", "127.0.0.1")};
  Fixture test(config);
  test.start();
  REQUIRE(test.server->bound().size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto client = test.connect(i);
    CHECK(test.ask(*client, 5, "body") == response(5, "body"));
    CHECK(test.ask(*client, 6, std::string(300'000, 'b')) ==
          response(6, std::string(300'000, 'b')));
  }
}

TEST_CASE("a connection that comes before the server accepts is served later") {
  Fixture test;
  REQUIRE(runtime::block_on(test.loop, test.server->start_listening()).has_value());
  const auto client = test.connect();
  test.server->start_accepting();
  CHECK(test.ask(*client, 1) == response(1));
}

TEST_CASE("a listener that cannot be bound says why and what to do") {
  Fixture taken;
  taken.start();
  const auto why = [](config::Listener listener) {
    config::NetworkConfig config;
    config.listeners = {std::move(listener)};
    Fixture test(config);
    const auto bound = runtime::block_on(test.loop, test.server->start_listening());
    REQUIRE_FALSE(bound.has_value());
    CHECK(test.server->bound().empty());
    return bound.error().context();
  };
  const std::int32_t port = taken.server->bound()[0].address.port();
  CHECK(why(listener_of("PLAINTEXT", "127.0.0.1", port)) ==
        "listener PLAINTEXT://127.0.0.1:" + std::to_string(port) + ": port " +
            std::to_string(port) +
            " is in use by another process; stop that process or give listeners another port");
  CHECK(why(listener_of("PLAINTEXT", "", port)).find("in use") != std::string::npos);
  CHECK(why(listener_of("PLAINTEXT", "192.0.2.1")).find("not an address of this host") !=
        std::string::npos);
  CHECK(why(listener_of("PLAINTEXT", "a..b")).find("does not resolve") != std::string::npos);
}

TEST_CASE("past max.connections the next one waits for a place") {
  config::NetworkConfig config;
  config.max_connections = 2;
  Fixture test(config);
  test.start();
  auto first = test.connect();
  const auto second = test.connect();
  const auto third = test.connect();
  CHECK(test.ask(*first, 1) == response(1));
  CHECK(test.ask(*second, 2) == response(2));
  CHECK(test.ask(*third, 3, "", 100).error().is(base::Errc::timed_out));
  CHECK(test.server->connection_count() == 2);
  first.reset();
  CHECK(runtime::block_on(test.loop, Fixture::ask(*third, "", 8, kPatienceMs)) == response(3));
}

TEST_CASE("descriptors bound the connections, whatever max.connections says") {
  config::NetworkConfig config;
  config.max_connections = 1'000'000;
  Fixture test(config, {.connections_max = 2});
  test.start();
  auto first = test.connect();
  const auto second = test.connect();
  const auto third = test.connect();
  CHECK(test.ask(*first, 1) == response(1));
  CHECK(test.ask(*second, 2) == response(2));
  CHECK(test.ask(*third, 3, "", 100).error().is(base::Errc::timed_out));
  runtime::block_on(test.loop, test.server->update_limits(config));  // stays so
  CHECK(test.server->connection_count() == 2);
  first.reset();
  CHECK(runtime::block_on(test.loop, Fixture::ask(*third, "", 8, kPatienceMs)) == response(3));
}

TEST_CASE("an address past its own limit is refused, unless it has an override") {
  config::NetworkConfig config;
  config.max_connections_per_ip = 1;
  SUBCASE("refused") {
    Fixture test(config);
    test.start();
    auto first = test.connect();
    CHECK(test.ask(*first, 1) == response(1));
    const auto second = test.connect();
    CHECK(test.is_closed(*second));
    CHECK(test.ask(*first, 2) == response(2));
  }
  SUBCASE("override by name") {
    config.max_connections_per_ip_overrides = {{"localhost", 2}};
    Fixture test(config);
    test.start();
    const auto first = test.connect();
    const auto second = test.connect();
    CHECK(test.ask(*second, 2) == response(2));
    const auto third = test.connect();
    CHECK(test.is_closed(*third));
  }
}

TEST_CASE("other brokers come in when the broker is full; an idle client goes") {
  config::NetworkConfig config;
  config.listeners = {listener_of("CLIENTS", "127.0.0.1"), listener_of("BROKERS", "127.0.0.1")};
  config.inter_broker_listener = "BROKERS";
  config.max_connections = 2;
  Fixture test(config);
  test.start();
  const auto client = test.connect(0);
  CHECK(test.ask(*client, 1) == response(1));
  const auto client_too = test.connect(0);
  CHECK(test.ask(*client_too, 2) == response(2));
  const auto broker = test.connect(1);
  CHECK(test.ask(*broker, 3) == response(3));
  CHECK(test.is_closed(*client));  // the loops take turns, so this one shares the broker's loop
  CHECK(test.ask(*client_too, 4) == response(4));
}

runtime::Task<void> ask_and_count(runtime::Stream& stream, std::string text, std::size_t size_bytes,
                                  int& answered) {
  if (co_await Fixture::ask(stream, text, size_bytes, kPatienceMs)) ++answered;
}

TEST_CASE("stop lets requests under way be answered and closes the rest") {
  Fixture test;
  test.start();
  const auto idle = test.connect();
  const auto brief = test.connect();
  const auto endless = test.connect();
  CHECK(test.ask(*idle, 1) == response(1));
  int answered = 0;
  runtime::TaskScope clients(test.loop, "clients");
  clients.spawn(ask_and_count(*brief, request(kMetadata, 2, "sleep 50"), 16, answered));
  int never = 0;
  clients.spawn(ask_and_count(*endless, request(kMetadata, 3, "sleep 100000"), 20, never));
  runtime::block_on(test.loop, [](runtime::Loop& loop) -> runtime::Task<void> {
    (void)co_await runtime::sleep_ms(loop, 20);
  }(test.loop));
  runtime::block_on(test.loop, test.server->stop(500));
  runtime::block_on(test.loop, clients.join());
  CHECK(answered == 1);
  CHECK(never == 0);
  CHECK(test.is_closed(*idle));
  CHECK(test.server->connection_count() == 0);
}

runtime::Task<void> disturb(runtime::Loop& loop, runtime::SocketAddress address,
                            std::uint32_t seed) {
  std::mt19937 random(seed);
  auto stream = co_await loop.connect(address, kPatienceMs, {});
  if (!stream) co_return;
  const int rounds = static_cast<int>(random() % 4);
  for (int round = 0; round < rounds; ++round) {
    std::string text;
    for (unsigned i = random() % 4; i > 0; --i) {
      text += request(static_cast<std::int16_t>(random() % 4), round,
                      random() % 5 == 0 ? "size 200000" : std::string(random() % 9000, 'b'));
    }
    if (random() % 3 == 0) text.resize(text.size() - text.size() / 3);
    if (random() % 7 == 0 && !text.empty()) text[random() % text.size()] ^= 0x40;
    runtime::OutputList output;
    output.add(network_test::buffer_of(text));
    (void)co_await runtime::write_all(**stream, std::move(output), kPatienceMs);
    (void)co_await runtime::sleep_ms(loop, random() % 10);
    std::array<std::byte, 3000> part;
    (void)(*stream)->try_read(part);
  }
}

TEST_CASE("a thousand connections that break off anywhere leave nothing behind") {
  config::NetworkConfig config;
  config.socket_listen_backlog_size = 1024;
  Fixture test(config);
  test.start();
  runtime::TaskScope clients(test.loop, "clients");
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    clients.spawn(disturb(test.loop, test.server->bound()[0].address, seed));
    if (seed % 100 == 99) runtime::block_on(test.loop, clients.join());
  }
  const auto client = test.connect();
  CHECK(test.ask(*client, 1) == response(1));
  runtime::block_on(test.loop, test.server->stop(0));
  CHECK(test.server->connection_count() == 0);
  CHECK(test.budget.used_bytes() == 0);
}

TEST_CASE("sockets that announce large frames and send nothing cost next to nothing") {
  Fixture test;
  test.start();
  std::vector<StreamPtr> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(test.connect());
    runtime::OutputList output;
    output.add(network_test::buffer_of(network_test::big_endian(100'000'000)));
    CHECK(clients.back()->try_write(output).has_value());
  }
  const auto client = test.connect();
  CHECK(test.ask(*client, 1) == response(1));
  CHECK(test.budget.used_bytes() == 0);
}

}  // namespace
}  // namespace network
