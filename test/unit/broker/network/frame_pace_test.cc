// Goal: which frames count as slow, and which has to go for others. Method: time as a value, a
// budget that is used up.
#include "broker/network/frame_pace.h"

#include <doctest/doctest.h>

#include "runtime/sim/sim_world.h"
#include "runtime/task_scope.h"

namespace network {
namespace {

constexpr std::int64_t kMs = 1'000'000;

runtime::Task<void> want(MemoryBudget& budget, std::int64_t bytes, runtime::CancelToken token) {
  MemoryBudget::Charge charge;
  (void)co_await budget.grow(charge, bytes, MemoryBudget::Use::client, token);
}

struct Fixture {
  Fixture() {
    REQUIRE(budget.try_grow(all, 1'000'000, MemoryBudget::Use::client));
    REQUIRE(budget.try_grow(over, 1, MemoryBudget::Use::client));
  }
  ~Fixture() {
    scope.cancel();
    world.run_until([this] { return scope.task_count() == 0; });
  }
  void others_wait() {
    scope.spawn(want(budget, 500'000, scope.token()));
    world.run_for(2'000);
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  runtime::TaskScope scope{loop, "others"};
  MemoryBudget budget{1'000'000};
  MemoryBudget::Charge all;
  MemoryBudget::Charge over;
  ConnectionOptions options;  // a frame has 30 s to arrive
};

// 3 MB in 30 s: 100 KB a second.
constexpr FramePace::Frame kFrame{.announced_bytes = 3'000'000, .held_bytes = 200'000};

TEST_CASE("a frame is slow that would take longer than it may") {
  for (const std::size_t per_second : {99'000, 101'000}) {
    Fixture test;
    test.others_wait();
    FramePace pace(test.budget, test.options);
    std::int64_t now_ns = test.loop.now_ns();
    CHECK_FALSE(pace.measure(kFrame, now_ns));  // begins to measure
    pace.note_bytes(per_second, now_ns);
    now_ns += 1000 * kMs;
    CHECK(pace.measure(kFrame, now_ns) == (per_second < 100'000));
    CHECK(pace.is_slow() == (per_second < 100'000));
  }
}

TEST_CASE("a rate is measured over a second at least") {
  Fixture test;
  test.others_wait();
  FramePace pace(test.budget, test.options);
  std::int64_t now_ns = test.loop.now_ns();
  CHECK_FALSE(pace.measure(kFrame, now_ns));
  CHECK_FALSE(pace.measure(kFrame, now_ns + 999 * kMs));
  CHECK(pace.measure(kFrame, now_ns + 1000 * kMs));
}

TEST_CASE("a slow frame stays while nobody waits, and goes when somebody does") {
  Fixture test;
  FramePace pace(test.budget, test.options);
  std::int64_t now_ns = test.loop.now_ns();
  CHECK_FALSE(pace.measure(kFrame, now_ns));
  CHECK_FALSE(pace.measure(kFrame, now_ns + 1000 * kMs));
  CHECK(pace.is_slow());
  test.others_wait();
  CHECK(pace.measure(kFrame, test.loop.now_ns()));
}

TEST_CASE("of several the largest goes") {
  Fixture test;
  test.others_wait();
  FramePace large(test.budget, test.options);
  FramePace small(test.budget, test.options);
  FramePace::Frame less = kFrame;
  less.held_bytes = 100'000;
  const std::int64_t now_ns = test.loop.now_ns();
  CHECK_FALSE(large.measure(kFrame, now_ns));
  CHECK_FALSE(small.measure(less, now_ns));
  CHECK(large.measure(kFrame, now_ns + 1000 * kMs));
  CHECK_FALSE(small.measure(less, now_ns + 1000 * kMs));
}

TEST_CASE("time that is not the sender's does not count") {
  Fixture test;
  test.others_wait();
  FramePace pace(test.budget, test.options);
  std::int64_t now_ns = test.loop.now_ns();
  CHECK_FALSE(pace.measure(kFrame, now_ns));
  SUBCASE("it waited for memory") { pace.restart(now_ns + 900 * kMs); }
  SUBCASE("the request before it was handled") {
    CHECK_FALSE(pace.measure(std::nullopt, now_ns + 900 * kMs));
  }
  CHECK_FALSE(pace.measure(kFrame, now_ns + 1000 * kMs));
  CHECK_FALSE(pace.is_slow());
}

TEST_CASE("a slow frame that was given up or handled is slow no more") {
  Fixture test;
  FramePace pace(test.budget, test.options);
  const std::int64_t now_ns = test.loop.now_ns();
  CHECK_FALSE(pace.measure(kFrame, now_ns));
  CHECK_FALSE(pace.measure(kFrame, now_ns + 1000 * kMs));
  CHECK(pace.is_slow());
  CHECK_FALSE(pace.measure(std::nullopt, now_ns + 1100 * kMs));
  CHECK_FALSE(pace.is_slow());
}

TEST_CASE("progress is 64 KB, not a trickle") {
  Fixture test;
  FramePace pace(test.budget, test.options);
  pace.note_progress(1 * kMs);
  pace.note_bytes(60'000, 2 * kMs);
  CHECK(pace.progress_ns() == 1 * kMs);
  pace.note_bytes(6'000, 3 * kMs);
  CHECK(pace.progress_ns() == 3 * kMs);
}

}  // namespace
}  // namespace network
