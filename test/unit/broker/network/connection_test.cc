// Goal: order, limits and ends of one connection. Method: a simulated network that cuts bytes at
// random, virtual time, and a handler that does what each request says.
// (long because all cases share one scene)
#include "broker/network/connection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "broker/network/response.h"
#include "protocol/gen/fetch.h"
#include "protocol/gen/leave_group.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "runtime/stream_io.h"
#include "test/unit/broker/network/fake_handler.h"
#include "test/unit/broker/network/frames.h"

namespace network {
namespace {

using network_test::big_endian;
using network_test::FakeHandler;
using network_test::request;
using network_test::response;

constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kMetadata = 3;

runtime::Task<base::Result<std::string>> read_text(runtime::Stream& stream, std::size_t size) {
  std::string text(size, '\0');
  const base::MutableBytes into(reinterpret_cast<std::byte*>(text.data()), text.size());
  CO_TRY(co_await runtime::read_exact(stream, into));
  co_return text;
}

runtime::Task<std::unique_ptr<runtime::Stream>> accept_one(runtime::Listener& listener,
                                                           runtime::Loop& loop) {
  auto accepted = co_await listener.accept();
  co_return std::move(loop.adopt(std::move(*accepted)).value());
}

runtime::Task<void> write_text(runtime::Stream& stream, std::string text) {
  runtime::OutputList output;
  output.add(network_test::buffer_of(text));
  (void)co_await runtime::write_all(stream, std::move(output));
}

runtime::Task<void> serve(std::unique_ptr<Connection> connection, std::vector<Connection*>& live) {
  live.push_back(connection.get());
  co_await connection->run();
  std::erase(live, connection.get());
}

// A server's loop with connections, and a client's end of one of them.
struct Fixture {
  explicit Fixture(std::uint64_t seed = 1) : Fixture(handler, seed) {}
  explicit Fixture(RequestHandler& used, std::uint64_t seed = 1)
      : world(seed), shared{used, budget, {.request_max_bytes = 1'000'000}, scratch} {}
  ~Fixture() {
    for (Connection* left : live) left->close("test over");
    world.run_until([this] { return scope.task_count() == 0 && writers.task_count() == 0; });
  }

  struct Opened {
    std::unique_ptr<runtime::Stream> client;
    Connection* served;  // until it has ended
  };
  Opened connect() { return connect(shared); }
  Opened connect(const ConnectionShared& used) {
    const auto listener =
        server_loop.listen(*runtime::SocketAddress::from_ip("10.0.0.2", 0), {}).value();
    auto end =
        world.block_on(client_loop, client_loop.connect(listener->local_address(), 1000, {}));
    auto stream = world.block_on(server_loop, accept_one(*listener, server_loop));
    auto served = std::make_unique<Connection>(std::move(stream), listener_context, 1, used);
    Opened opened{std::move(*end), served.get()};
    scope.spawn(serve(std::move(served), live));
    return opened;
  }
  void open() {
    auto opened = connect();
    client = std::move(opened.client);
    connection = opened.served;
  }

  // In the background: a server that does not read holds its sender back.
  void send(runtime::Stream& stream, std::string_view text) {
    writers.spawn(write_text(stream, std::string(text)));
  }
  void send(std::string_view text) { send(*client, text); }
  std::string receive(std::size_t size) {
    auto text = world.block_on(client_loop, read_text(*client, size));
    return text ? *text : text.error().to_string();
  }
  // All that comes within `duration_ms`.
  std::string receive_for(std::int64_t duration_ms) {
    world.run_for(duration_ms);
    std::string text;
    std::array<std::byte, 4096> part;
    while (const auto count = client->try_read(part)) {
      text += base::as_text(base::Bytes(part).first(*count));
    }
    return text;
  }
  bool is_over() { return is_over_within(10); }
  bool is_over_within(std::int64_t duration_ms) {
    world.run_for(duration_ms);
    return scope.task_count() == 0;
  }

  runtime::SimWorld world;
  runtime::SimLoop client_loop{world, "10.0.0.1"};
  runtime::SimLoop server_loop{world, "10.0.0.2"};
  FakeHandler handler;
  MemoryBudget budget{1'000'000};
  std::vector<std::byte> scratch = std::vector<std::byte>(64 * 1024);
  ConnectionShared shared;
  ListenerContext listener_context{.name = "PLAINTEXT"};
  runtime::TaskScope scope{server_loop, "connections"};
  runtime::TaskScope writers{client_loop, "writers"};
  std::vector<Connection*> live;
  Connection* connection = nullptr;
  std::unique_ptr<runtime::Stream> client;
};

TEST_CASE("requests are answered in order, cut wherever the network likes") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Fixture test(seed);
    test.open();
    std::string requests;
    std::string responses;
    for (std::int32_t id = 0; id < 30; ++id) {
      const std::string body(static_cast<std::size_t>(id * id * id), 'b');
      requests += request(id % 2 == 0 ? kProduce : kMetadata, id, body);
      responses += response(id, body);
    }
    test.send(requests);
    CHECK(test.receive(responses.size()) == responses);
  }
}

TEST_CASE("what a handler sees of a request") {
  struct Handler final : RequestHandler {
    runtime::Task<Reply> handle(RequestContext& context) override {
      CHECK(context.header.api_key == kMetadata);
      CHECK(context.client_id() == "test");
      CHECK(base::as_text(context.body()) == "body");
      CHECK(context.listener->name == "PLAINTEXT");
      CHECK(context.connection->id == 1);
      CHECK(context.connection->peer_host == "10.0.0.1");
      CHECK(context.received_ns > 0);
      context.release_frame();
      CHECK(context.frame.empty());
      CHECK(context.client_id().empty());
      co_return Reply{FakeHandler::response_of(7), std::nullopt};
    }
  } handler;
  Fixture test(handler);
  test.open();
  test.send(request(kMetadata, 7, "body"));
  CHECK(test.receive(8) == response(7));
  test.client->close();
  CHECK(test.is_over());
}

TEST_CASE("produce requests overtake each other's waiting, responses stay in order") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1, "deferred") + request(kProduce, 2, "now") +
            request(kProduce, 3, "deferred") + request(kProduce, 4, "no response") +
            request(kMetadata, 5) + request(kProduce, 6));
  CHECK(test.receive_for(100).empty());
  CHECK(test.handler.started == std::vector<std::int32_t>{1, 2, 3, 4});  // 5 waits for all of them
  test.handler.senders[3].complete(FakeHandler::response_of(3));
  CHECK(test.receive_for(100).empty());
  test.handler.senders[1].complete(FakeHandler::response_of(1));
  CHECK(test.receive_for(100) ==
        response(1) + response(2, "now") + response(3) + response(5) + response(6));
  CHECK(test.handler.started == std::vector<std::int32_t>{1, 2, 3, 4, 5, 6});
}

TEST_CASE("responses gathered behind each other do not wait for a handler that waits") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1) + request(kProduce, 2, "sleep 5000") + request(kProduce, 3));
  CHECK(test.receive_for(100) == response(1));
  CHECK(test.receive_for(5000) == response(2, "sleep 5000") + response(3));
}

TEST_CASE("what was done is answered although the bytes behind it make no sense") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1) + request(kProduce, 2) + big_endian(-1));
  CHECK(test.receive_for(100) == response(1) + response(2));
  CHECK(test.is_over());
}

TEST_CASE("a deferred response behind gathered ones keeps its place") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1) + request(kProduce, 2, "deferred") + request(kProduce, 3) +
            request(kProduce, 4, "deferred") + request(kMetadata, 5));
  CHECK(test.receive_for(100) == response(1));
  test.handler.senders[4].complete(FakeHandler::response_of(4));
  test.handler.senders[2].complete(FakeHandler::response_of(2));
  CHECK(test.receive_for(100) == response(2) + response(3) + response(4) + response(5));
}

TEST_CASE("at most so many requests are in flight") {
  Fixture test;
  test.shared.options.in_flight_max = 3;
  test.open();
  std::string requests;
  for (std::int32_t id = 0; id < 5; ++id) requests += request(kProduce, id, "deferred");
  test.send(requests);
  test.world.run_for(100);
  CHECK(test.handler.started.size() == 3);
  test.handler.senders[0].complete(FakeHandler::response_of(0));
  test.world.run_for(100);
  CHECK(test.handler.started.size() == 4);
}

TEST_CASE("a deferred response that will never come closes the connection") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1, "deferred"));
  test.world.run_for(10);
  test.handler.senders.clear();
  CHECK(test.is_over());
  const auto end = test.world.block_on(test.client_loop, read_text(*test.client, 1));
  CHECK(end.error().is(base::Errc::end_of_stream));
}

TEST_CASE("a response may close the connection, behind those before it") {
  for (const char* first : {"now", "deferred"}) {
    Fixture test;
    test.open();
    test.send(request(kProduce, 1, first) + request(kProduce, 2, "close") +
              request(kProduce, 3, "now"));
    test.world.run_for(10);
    if (test.handler.senders.contains(1)) {
      test.handler.senders[1].complete(FakeHandler::response_of(1, first));
    }
    CHECK(test.receive_for(10) == response(1, first) + response(2, "close"));
    CHECK(test.is_over());
  }
}

TEST_CASE("an exception in a handler closes its connection and nothing else") {
  Fixture test;
  const auto other = test.connect();
  test.open();
  test.send(request(kMetadata, 1, "throw"));
  test.world.run_for(10);
  CHECK(test.scope.task_count() == 1);
  test.send(*other.client, request(kMetadata, 2));
  CHECK(test.world.block_on(test.client_loop, read_text(*other.client, 8)) == response(2));
  other.client->close();
}

TEST_CASE("bytes that make no sense close the connection") {
  const std::string unknown_key = network_test::with_length(std::string("\x7f\x00\0\0\0\0\0\1", 8));
  for (const std::string& bytes :
       {big_endian(-1), big_endian(1'000'001), unknown_key, big_endian(0), big_endian(3) + "abc"}) {
    Fixture test;
    test.open();
    test.send(bytes);
    CHECK(test.is_over());
    CHECK(test.handler.started.empty());
  }
}

TEST_CASE("a throttled connection is answered at once and not read for a while") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1, "throttle 5000") + request(kProduce, 2));
  CHECK(test.receive_for(100) == response(1, "throttle 5000"));
  CHECK(test.receive_for(4800).empty());
  CHECK(test.receive_for(200) == response(2));
}

TEST_CASE("an idle connection is closed, a busy one is not") {
  Fixture test;
  test.shared.options.idle_max_ms = 10'000;
  test.open();
  for (std::int32_t id = 0; id < 5; ++id) {
    test.world.run_for(9'000);
    test.send(request(kMetadata, id));
    CHECK(test.receive(8) == response(id));
  }
  test.send(request(kMetadata, 9, "sleep 60000"));
  CHECK_FALSE(test.receive_for(60'100).empty());
  CHECK_FALSE(test.is_over());
  test.world.run_for(21'000);
  CHECK(test.is_over());
}

TEST_CASE("who waits for a deferred response is not idle") {
  Fixture test;
  test.shared.options.idle_max_ms = 10'000;
  test.open();
  test.send(request(kProduce, 1, "deferred"));
  CHECK(test.receive_for(60'000).empty());
  test.handler.senders[1].complete(FakeHandler::response_of(1));
  CHECK(test.receive_for(100) == response(1));
  CHECK(test.is_over_within(21'000));
}

TEST_CASE("a connection without an idle limit stays") {
  Fixture test;
  test.shared.options.idle_max_ms = -1;
  test.open();
  test.world.run_for(100'000'000);
  CHECK_FALSE(test.is_over());
}

TEST_CASE("a slow reader gets its response, one that stopped is closed") {
  Fixture test;
  test.open();
  test.send(request(kMetadata, 1, "size 3000000"));
  std::size_t got = 0;
  while (got < 2'000'000) {
    const std::string part = test.receive_for(20'000);
    REQUIRE_FALSE(part.empty());
    got += part.size();
  }
  test.world.run_for(59'000);
  CHECK_FALSE(test.is_over());
  test.world.run_for(2'000);
  CHECK(test.is_over());
}

TEST_CASE("a waiting handler is cancelled when its connection ends") {
  Fixture test;
  test.open();
  test.send(request(kMetadata, 1, "sleep 100000"));
  test.world.run_for(10);
  test.connection->close("test");
  CHECK(test.is_over());
  CHECK(test.handler.cancelled == 1);
}

TEST_CASE("finish lets requests under way be answered and takes no more") {
  SUBCASE("nothing under way") {
    Fixture test;
    test.open();
    test.world.run_for(10);
    test.connection->finish();
    CHECK(test.is_over());
  }
  SUBCASE("a handler at work") {
    Fixture test;
    test.open();
    test.send(request(kMetadata, 1, "sleep 500") + request(kMetadata, 2));
    test.world.run_for(100);
    test.connection->finish();
    CHECK(test.receive_for(1000) == response(1, "sleep 500"));
    CHECK(test.is_over());
    CHECK(test.handler.started == std::vector<std::int32_t>{1});
  }
  SUBCASE("deferred responses") {
    Fixture test;
    test.open();
    test.send(request(kProduce, 1, "deferred"));
    test.world.run_for(100);
    test.connection->finish();
    CHECK_FALSE(test.is_over());
    test.handler.senders[1].complete(FakeHandler::response_of(1));
    CHECK(test.receive_for(100) == response(1));
    CHECK(test.is_over());
  }
}

TEST_CASE("large frames wait for memory; one that stalls meanwhile is closed") {
  Fixture test;
  test.open();
  const auto other = test.connect();
  MemoryBudget::Charge rest;
  REQUIRE(test.budget.try_grow(rest, 1'000'000, MemoryBudget::Use::client));
  // The first goes over the limit, then stops in the middle of its frame.
  const std::string large = request(kMetadata, 1, std::string(500'000, 'l'));
  test.send(large.substr(0, 200'000));
  test.world.run_for(60'000);
  CHECK_FALSE(test.is_over());  // nobody else wants the memory
  // The second one comes whole and has to wait until the first is given up.
  test.send(*other.client, large);
  test.world.run_for(500);
  CHECK(test.budget.has_waiters());
  test.world.run_for(15'000);
  CHECK(test.handler.started == std::vector<std::int32_t>{1});  // the other's
  CHECK_FALSE(test.budget.has_waiters());
  CHECK(test.scope.task_count() == 1);
  rest.release();
  CHECK(test.budget.used_bytes() == 0);
  other.client->close();
}

// Bytes that trickle are progress to a clock that looks at single reads.
TEST_CASE("while others wait for memory, the largest of the slow frames goes first") {
  Fixture test;
  std::vector<Fixture::Opened> tricklers;
  std::vector<std::string> frames;
  const std::size_t sent_first[] = {100'000, 200'000, 66'000};
  for (int i = 0; i < 3; ++i) {
    tricklers.push_back(test.connect());
    frames.push_back(request(kMetadata, i, std::string(900'000, 't')));
    test.send(*tricklers[i].client, frames[i].substr(0, sent_first[i]));
  }
  std::size_t trickled = 0;
  const auto trickle_for = [&](int seconds) {
    for (int second = 0; second < seconds; ++second, trickled += 2000) {
      for (int i = 0; i < 3; ++i) {
        if (test.writers.task_count() > 0) continue;  // a sender that is held back
        test.send(*tricklers[i].client, frames[i].substr(sent_first[i] + trickled, 2000));
      }
      test.world.run_for(1000);
    }
  };
  trickle_for(5);
  CHECK(test.scope.task_count() == 3);  // nobody else wants the memory
  MemoryBudget::Charge rest;
  const std::int64_t left = test.budget.limit_bytes() - test.budget.used_bytes();
  REQUIRE(test.budget.try_grow(rest, left, MemoryBudget::Use::client));
  MemoryBudget::Charge over;  // the one that may go on
  REQUIRE(test.budget.try_grow(over, 1, MemoryBudget::Use::client));
  const auto other = test.connect();
  test.send(*other.client, request(kMetadata, 7, std::string(350'000, 'o')));
  trickle_for(5);
  CHECK(test.handler.started == std::vector<std::int32_t>{7});
  CHECK(test.live.size() >= 3);  // the one that was closed was enough
  CHECK(std::ranges::find(test.live, tricklers[1].served) == test.live.end());
}

TEST_CASE("a large frame that arrives at an honest rate stays while others wait") {
  Fixture test;
  test.open();
  MemoryBudget::Charge rest;
  REQUIRE(test.budget.try_grow(rest, 1'000'000, MemoryBudget::Use::client));
  const std::string large = request(kMetadata, 1, std::string(900'000, 'l'));
  test.send(large.substr(0, 200'000));
  test.world.run_for(100);
  const auto other = test.connect();
  test.send(*other.client, request(kMetadata, 2, std::string(300'000, 'o')));
  for (std::size_t at = 200'000; at < large.size(); at += 50'000) {
    test.send(large.substr(at, 50'000));
    test.world.run_for(1000);
  }
  CHECK(test.handler.started.front() == 1);
  rest.release();
}

TEST_CASE("the reserve is for the addresses of brokers, whatever a frame says it is") {
  for (const bool is_broker : {false, true}) {
    Fixture test;
    ConnectionShared shared{
        test.handler, test.budget, test.shared.options, test.scratch,
        [is_broker](const std::string& ip) { return is_broker && ip == "10.0.0.1"; }};
    const auto opened = test.connect(shared);
    MemoryBudget::Charge all;
    REQUIRE(test.budget.try_grow(all, 1'000'000, MemoryBudget::Use::client));
    MemoryBudget::Charge over;
    REQUIRE(test.budget.try_grow(over, 1'000, MemoryBudget::Use::client));
    constexpr std::int16_t kLeaderAndIsr = 4;
    test.send(*opened.client, request(kLeaderAndIsr, 1, std::string(300'000, 'l')));
    test.world.run_for(500);
    CHECK(test.handler.started.size() == (is_broker ? 1 : 0));
    over.release();
    all.release();
    opened.client->close();
    CHECK(test.is_over_within(1000));
  }
}

TEST_CASE("what arrived whole is executed in order although the peer has gone") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Fixture test(seed);
    test.open();
    // The answer to the first meets a peer that has gone; those behind it want none.
    std::string bytes = request(kMetadata, 0, "sleep 50") + request(kMetadata, 1, "size 300000");
    std::vector<std::int32_t> expected{0, 1};
    for (int i = 2; i < 40; ++i) {
      bytes += request(kProduce, i, "no response");
      expected.push_back(i);
    }
    test.world.block_on(test.client_loop, write_text(*test.client, bytes));
    test.client->close();
    CHECK(test.is_over_within(1000));
    CHECK(test.handler.started == expected);
  }
}

TEST_CASE("nothing is executed behind a close of ours") {
  Fixture test;
  test.open();
  test.send(request(kProduce, 1, "deferred") + request(kProduce, 2, "close") +
            request(kProduce, 3, "no response") + request(kProduce, 4, "no response"));
  test.world.run_for(100);
  test.handler.senders[1].complete(FakeHandler::response_of(1));
  CHECK(test.is_over());
  CHECK(test.handler.started == std::vector<std::int32_t>{1, 2});
}

TEST_CASE("an answer that its version cannot carry closes the connection") {
  protocol::LeaveGroupResponse response;
  response.members.emplace_back().member_id = "a";  // versions 3 and up
  const protocol::RequestHeader header{.api_key = 13, .correlation_id = 7};
  const Response fine = encode_response(header, response, 3);
  CHECK_FALSE(fine.close_connection);
  CHECK_FALSE(fine.output.empty());
  const Response broken = encode_response(header, response, 2);
  CHECK(broken.close_connection);
  CHECK(broken.output.empty());
  // Records that were announced and not given, and the reverse.
  protocol::FetchResponse fetch;
  fetch.responses.emplace_back().partitions.emplace_back().records.external_size_bytes = 10;
  protocol::Writer writer = protocol::encode_response_frame(7, fetch, 11);
  CHECK(make_response(1, 11, std::move(writer)).close_connection);
  runtime::OutputList records;
  records.add(network_test::buffer_of("abc"));
  CHECK(make_response(1, 11, protocol::Writer(), std::move(records)).close_connection);
}

TEST_CASE("random bytes end in a closed connection or an answer, never in harm") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Fixture test(seed);
    test.open();
    std::string bytes;
    for (int i = 0; i < 40; ++i) {
      std::string frame = request(static_cast<std::int16_t>(test.world.random().below(70)), i,
                                  std::string(test.world.random().below(3000), 'b'));
      if (test.world.random().chance(0.1)) {
        const std::size_t at = test.world.random().below(std::min<std::size_t>(frame.size(), 20));
        frame[at] = static_cast<char>(test.world.random().next());
      }
      bytes += frame;
    }
    test.send(bytes);
    test.world.run_for(1000);
    test.client->close();
    CHECK(test.is_over());
    CHECK(test.budget.used_bytes() == 0);
  }
}

}  // namespace
}  // namespace network
