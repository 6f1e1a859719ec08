// Goal: which request may start and which response may leave, without a socket. Method: requests by
// their number, responses that say it.
#include "broker/network/response_order.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "runtime/sim/sim_world.h"
#include "test/unit/broker/network/frames.h"

namespace network {
namespace {

constexpr std::int16_t kProduce = 0;
constexpr std::int16_t kMetadata = 3;
constexpr std::int64_t kNsPerMs = 1'000'000;

Response response_of(std::string_view text) {
  Response response;
  response.output.add(network_test::buffer_of(text));
  return response;
}

struct Fixture {
  void begin(std::int16_t api_key) { order.begin().header.api_key = api_key; }
  bool may_start(std::int16_t api_key) {
    begin(api_key);
    const bool may = order.may_start(now_ns);
    answer({});  // out of the way again
    return may;
  }
  void answer(Response response) {
    order.answered_with({std::move(response), std::nullopt}, now_ns);
  }
  void answered(std::int16_t api_key, Response response) {
    begin(api_key);
    answer(std::move(response));
  }
  void deferred(int number) {
    auto [sender, receiver] = runtime::one_shot<Response>(loop);
    senders.insert_or_assign(number, std::move(sender));
    begin(kProduce);
    order.answered_with({{}, std::move(receiver)}, now_ns);
  }
  void come(int number, Response response) {
    senders[number].complete(std::move(response));
    world.run_for(1);
  }
  // Takes what is ready and counts it as sent.
  std::string taken() {
    CHECK(order.take_ready(now_ns).has_value());
    std::string text;
    for (const auto& piece : order.output().pieces()) text += base::as_text(piece.bytes());
    order.output().consume(order.output().total_bytes());
    order.note_sent();
    return text;
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  ResponseOrder order{3};
  std::int64_t now_ns = 1'000 * kNsPerMs;
  std::map<int, runtime::Sender<Response>> senders;
};

TEST_CASE("a response with none before it is taken at once") {
  Fixture test;
  CHECK(test.order.is_all_answered());
  test.answered(kMetadata, response_of("one"));
  CHECK(test.order.has_taken());
  CHECK_FALSE(test.order.has_untaken());
  CHECK_FALSE(test.order.is_all_answered());
  CHECK(test.taken() == "one");
  CHECK(test.order.is_all_answered());
}

TEST_CASE("responses leave in the order of their requests, whichever comes first") {
  Fixture test;
  test.deferred(1);
  test.answered(kProduce, response_of("two"));
  test.deferred(3);
  CHECK(test.order.has_untaken());
  test.come(3, response_of("three"));
  CHECK(test.taken().empty());
  CHECK(test.order.awaited() != nullptr);
  test.order.oldest_came(response_of("one"));
  CHECK(test.order.awaited() == nullptr);
  CHECK(test.taken() == "onetwothree");
  CHECK(test.order.is_all_answered());
}

TEST_CASE("only Produce starts while others wait, and only so many of them") {
  Fixture test;
  CHECK(test.may_start(kMetadata));
  test.deferred(1);
  CHECK_FALSE(test.order.is_all_answered());
  test.begin(kMetadata);
  CHECK_FALSE(test.order.may_start(test.now_ns));
  test.order.current()->header.api_key = kProduce;
  CHECK(test.order.may_start(test.now_ns));
  test.answer(response_of("x"));
  test.deferred(3);
  test.begin(kProduce);
  CHECK_FALSE(test.order.may_start(test.now_ns));  // three are in flight
  test.come(1, response_of("one"));
  CHECK(test.order.take_ready(test.now_ns).has_value());
  CHECK_FALSE(test.order.may_start(test.now_ns));  // taken is not sent
  CHECK(test.taken() == "onex");
  CHECK(test.order.may_start(test.now_ns));
  test.order.current()->header.api_key = kMetadata;
  CHECK_FALSE(test.order.may_start(test.now_ns));
}

TEST_CASE("what was taken and not sent is not answered") {
  Fixture test;
  test.deferred(1);
  test.come(1, response_of("one"));
  CHECK(test.order.take_ready(test.now_ns).has_value());
  CHECK_FALSE(test.order.has_untaken());
  CHECK_FALSE(test.order.is_all_answered());
  test.begin(kMetadata);
  CHECK_FALSE(test.order.may_start(test.now_ns));
  CHECK(test.taken() == "one");
  CHECK(test.order.may_start(test.now_ns));
}

TEST_CASE("responses are gathered for the next Produce, up to a size") {
  Fixture test;
  test.answered(kProduce, response_of("a"));
  CHECK(test.order.may_gather_for(kProduce));
  CHECK_FALSE(test.order.may_gather_for(kMetadata));
  test.answered(kProduce, response_of(std::string(64 * 1024, 'b')));
  CHECK_FALSE(test.order.may_gather_for(kProduce));
}

TEST_CASE("what waits in flight is taken piece by piece") {
  Fixture test;
  test.deferred(1);
  test.answered(kProduce, response_of(std::string(70'000, 'b')));
  test.answered(kProduce, response_of("c"));
  test.come(1, response_of("a"));
  CHECK(test.taken().size() == 70'001);
  CHECK(test.order.awaited() == nullptr);  // it is there, and ready for the next time
  CHECK(test.taken() == "c");
}

TEST_CASE("a request without a response counts as answered") {
  Fixture test;
  test.answered(kProduce, {});
  CHECK(test.order.is_all_answered());
  test.deferred(1);
  test.answered(kProduce, {});
  test.come(1, {});
  CHECK(test.order.take_ready(test.now_ns).has_value());
  CHECK(test.order.has_taken());
  test.order.note_sent();
  CHECK(test.order.is_all_answered());
}

TEST_CASE("a response that closes is the last") {
  Response last = response_of("last");
  last.close_connection = true;
  SUBCASE("at once") {
    Fixture test;
    test.answered(kMetadata, std::move(last));
    CHECK(test.order.is_ending());
    CHECK(test.order.is_last_taken());
    CHECK_FALSE(test.may_start(kProduce));
    CHECK(test.taken() == "last");
  }
  SUBCASE("in flight") {
    Fixture test;
    test.deferred(1);
    test.answered(kProduce, std::move(last));
    CHECK(test.order.is_ending());
    CHECK_FALSE(test.order.is_last_taken());
    CHECK_FALSE(test.may_start(kProduce));
    test.come(1, response_of("one"));
    CHECK(test.taken() == "onelast");
    CHECK(test.order.is_last_taken());
  }
  SUBCASE("deferred itself: what stands behind it is not answered") {
    Fixture test;
    test.deferred(1);
    test.answered(kProduce, response_of("two"));
    CHECK_FALSE(test.order.is_ending());
    test.begin(kProduce);
    test.come(1, std::move(last));
    CHECK(test.order.take_ready(test.now_ns).has_value());
    CHECK(test.order.is_last_taken());
    test.answer(response_of("three"));
    CHECK(test.taken() == "last");
    CHECK(test.order.is_all_answered());
  }
}

TEST_CASE("a response that will never come is an error once all before it are sent") {
  Fixture test;
  test.deferred(1);
  test.deferred(2);
  test.come(1, response_of("one"));
  test.senders.clear();
  test.world.run_for(1);
  CHECK(test.taken() == "one");
  const auto taken = test.order.take_ready(test.now_ns);
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().is(base::Errc::closed));
}

TEST_CASE("a throttled response pauses what comes, from when it is taken") {
  Fixture test;
  Response slow = response_of("slow");
  slow.throttle_ms = 100;
  test.deferred(1);
  test.come(1, std::move(slow));
  CHECK(test.order.pause_ns(test.now_ns) == 0);
  CHECK(test.taken() == "slow");
  CHECK(test.order.pause_ns(test.now_ns) == 100 * kNsPerMs);
  CHECK_FALSE(test.may_start(kMetadata));
  test.now_ns += 100 * kNsPerMs;
  CHECK(test.order.pause_ns(test.now_ns) == 0);
  CHECK(test.may_start(kMetadata));
}

TEST_CASE("memory of a request is given back when it is answered") {
  MemoryBudget budget(1'000'000);
  Fixture test;
  for (int number = 1; number <= 2; ++number) {
    auto [sender, receiver] = runtime::one_shot<Response>(test.loop);
    RequestContext& context = test.order.begin();
    context.header.api_key = kProduce;
    REQUIRE(budget.try_grow(context.charge, 1000, MemoryBudget::Use::client));
    test.order.answered_with({{}, std::move(receiver)}, test.now_ns);
    test.senders.insert_or_assign(number, std::move(sender));
  }
  CHECK(budget.used_bytes() == 2000);
  test.come(1, response_of("one"));
  CHECK(test.taken() == "one");
  CHECK(budget.used_bytes() == 1000);
  test.come(2, response_of("two"));
  CHECK(test.taken() == "two");
  CHECK(budget.used_bytes() == 0);
}

}  // namespace
}  // namespace network
