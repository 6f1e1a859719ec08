// Goal: a loop that was held says so, with what held it. Method: real loops that are kept busy or
// asleep; the counters of the process.
#include "runtime/loop_watch.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "runtime/turn_budget.h"
#include "test/unit/runtime/both_loops.h"

using runtime::Loop;
using runtime::LoopThread;
using runtime::SlowPieces;
using runtime::Task;
using runtime::TaskScope;
using runtime::UvLoop;
using namespace runtime_test;

namespace {

void burn(std::int64_t duration_ms) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(duration_ms);
  while (std::chrono::steady_clock::now() < end) {
  }
}

// Runs `work` as one piece of a loop, and ends the loop.
SlowPieces slow_pieces_of(std::move_only_function<void()> work) {
  const SlowPieces before = runtime::slow_pieces();
  UvLoop loop;
  loop.post([&loop, work = std::move(work)]() mutable {
    runtime::note_running("a test", "10.0.0.1", "tester");
    work();
    loop.stop();
  });
  loop.run();
  const SlowPieces after = runtime::slow_pieces();
  return {after.by_wall - before.by_wall, after.by_cpu - before.by_cpu};
}

// Goes through a long list with a turn budget.
Task<void> walk(int* steps, UvLoop* loop) {
  runtime::TurnBudget turn;
  for (; *steps < 3000; ++*steps) {
    if (turn.is_spent()) co_await turn.yield();
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(100);
    while (std::chrono::steady_clock::now() < end) {
    }
  }
  loop->stop();
}

}  // namespace

TEST_CASE("a piece of work that holds a loop is counted, a short one is not") {
  CHECK_EQ(slow_pieces_of([] { burn(5); }).by_wall, 0);
  CHECK_EQ(slow_pieces_of([] { burn(250); }).by_wall, 1);
}

TEST_CASE("work that waits holds a loop by wall time alone") {
  const SlowPieces waited =
      slow_pieces_of([] { std::this_thread::sleep_for(std::chrono::milliseconds(250)); });
  CHECK_EQ(waited.by_wall, 1);
  CHECK_EQ(waited.by_cpu, 0);
}

TEST_CASE("what ran is named, long names are cut") {
  runtime::LoopWatch::Note note;
  note.set("Metadata", "10.0.0.1", "client-7");
  CHECK_EQ(note.to_string(), "Metadata peer=10.0.0.1 client=\"client-7\"");
  note.set(std::string(1000, 'x'), "", "");
  CHECK_EQ(note.to_string(), std::string(48, 'x'));
}

TEST_CASE("a coroutine that yields by its budget leaves turns to others") {
  UvLoop loop;
  int steps = 0;
  int turns_between = 0;
  TaskScope scope(loop, "walk");
  std::function<void()> tick = [&] {
    if (steps < 3000 && steps > 0) ++turns_between;
    if (steps < 3000) loop.post(tick);
  };
  loop.post([&] {
    scope.spawn(walk(&steps, &loop));
    tick();
  });
  loop.run();
  CHECK_EQ(steps, 3000);
  CHECK(turns_between >= 10);  // 300 ms of work in pieces of 10 ms
}
