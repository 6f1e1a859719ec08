// Goal: what the one writer of a socket sends, and what it waits for. Method: both ends of a
// simulated connection, responses put straight into the order.
#include "broker/network/response_writer.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "runtime/task_scope.h"
#include "test/unit/broker/network/stream_pair.h"

namespace network {
namespace {

using Phase = ResponseWriter::Phase;
using network_test::buffer_of;

constexpr std::int16_t kProduce = 0;

struct Watched final : Deadlines::Subject {
  Standing standing() const override { return {owed, false, 0}; }
  bool measure_frame(std::int64_t /*now_ns*/) override { return false; }
  void on_deadline_passed(const char* reason) override { passed = reason; }
  Deadlines::Owed owed = Deadlines::Owed::nothing;
  std::string passed;
};

Response response_of(std::string_view text) {
  Response response;
  response.output.add(buffer_of(text));
  return response;
}

struct Fixture : network_test::StreamPair {
  Fixture() { world.network().options.cut_bytes = false; }
  ~Fixture() {
    deadlines.stop();
    scope.cancel();
    world.run_until([this] { return scope.task_count() == 0; });
  }
  void answered(Response response) {
    order.begin().header.api_key = kProduce;
    order.answered_with({std::move(response), std::nullopt}, now_ns());
  }
  runtime::Sender<Response> deferred() {
    auto [sender, receiver] = runtime::one_shot<Response>(server_loop);
    order.begin().header.api_key = kProduce;
    order.answered_with({{}, std::move(receiver)}, now_ns());
    return std::move(sender);
  }
  static runtime::Task<void> note_end(runtime::Task<base::Result<void>> writing,
                                      std::optional<base::Result<void>>& ended) {
    ended = co_await writing;
  }
  void start() { scope.spawn(note_end(writer.start(scope.token()), ended)); }

  ConnectionOptions options;
  Watched subject;
  Deadlines deadlines{server_loop, options, subject};
  ResponseOrder order{64};
  ResponseWriter writer{*server, order, deadlines};
  runtime::TaskScope scope{server_loop, "writer"};
  std::optional<base::Result<void>> ended;
};

TEST_CASE("what is there is sent at once, with nothing to wait for") {
  Fixture test;
  test.answered(response_of("one"));
  test.answered(response_of("two"));
  CHECK(test.writer.write().value());
  CHECK(test.writer.is_idle());
  CHECK(test.order.is_all_answered());
  CHECK(test.receive_for(10) == "onetwo");
}

TEST_CASE("the writer waits for deferred responses in turn, and ends") {
  Fixture test;
  test.answered(response_of("one"));
  auto second = test.deferred();
  auto third = test.deferred();
  test.start();
  CHECK(test.writer.phase() == Phase::begins);  // nobody else writes from here on
  CHECK(test.receive_for(10) == "one");
  CHECK(test.writer.phase() == Phase::waits_for_response);
  third.complete(response_of("three"));
  CHECK(test.receive_for(10).empty());
  second.complete(response_of("two"));
  CHECK(test.receive_for(10) == "twothree");
  CHECK(test.writer.is_idle());
  REQUIRE(test.ended.has_value());
  CHECK(test.ended->has_value());
}

TEST_CASE("a full socket is waited for") {
  Fixture test;
  const std::string large(300'000, 'l');
  test.answered(response_of(large));
  CHECK_FALSE(test.writer.write().value());
  CHECK_FALSE(test.order.is_all_answered());
  test.start();
  test.world.run_for(10);
  CHECK(test.writer.phase() == Phase::waits_for_socket);
  std::string got;
  while (got.size() < large.size()) {
    const std::string part = test.receive_for(10);
    REQUIRE_FALSE(part.empty());
    got += part;
  }
  CHECK(got == large);
  CHECK(test.writer.is_idle());
  CHECK(test.order.is_all_answered());
}

TEST_CASE("an answer that a peer does not take has a deadline from when it waits") {
  Fixture test;
  test.subject.owed = Deadlines::Owed::room_for_answer;
  test.world.run_for(100'000);
  test.answered(response_of(std::string(300'000, 'l')));
  test.start();
  test.world.run_for(59'000);
  CHECK(test.subject.passed.empty());
  test.world.run_for(2'000);
  CHECK(test.subject.passed == "response without progress");
}

TEST_CASE("a peer that has gone is no error: answers to it are dropped") {
  Fixture test;
  test.client->close();
  test.world.run_for(10);
  for (int i = 0; i < 3; ++i) {
    test.answered(response_of("for nobody"));
    CHECK(test.writer.write().value());
    CHECK(test.order.is_all_answered());
    test.world.run_for(10);
  }
}

TEST_CASE("the writer ends with the response that closes") {
  Fixture test;
  auto first = test.deferred();
  auto second = test.deferred();
  test.start();
  Response last = response_of("last");
  last.close_connection = true;
  first.complete(std::move(last));
  CHECK(test.receive_for(10) == "last");
  REQUIRE(test.ended.has_value());
  CHECK(test.ended->has_value());
  CHECK(test.order.is_last_taken());
}

TEST_CASE("a response that will never come, and the end of the connection, are its errors") {
  for (const bool is_cancelled : {true, false}) {
    Fixture test;
    auto first = test.deferred();
    test.start();
    test.world.run_for(1);
    if (is_cancelled) {
      test.scope.cancel();
    } else {
      first = {};
    }
    test.world.run_for(1);
    REQUIRE(test.ended.has_value());
    CHECK(test.ended->error().is(is_cancelled ? base::Errc::cancelled : base::Errc::closed));
    CHECK(test.writer.is_idle());
  }
}

}  // namespace
}  // namespace network
