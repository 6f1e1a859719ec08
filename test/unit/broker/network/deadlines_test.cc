// Goal: each deadline passes when it should and not before, and activity moves it. Method: virtual
// time, a subject that owes what the test says.
#include "broker/network/deadlines.h"

#include <doctest/doctest.h>

#include <string>

#include "runtime/sim/sim_world.h"

namespace network {
namespace {

using Owed = Deadlines::Owed;

struct Fixture final : Deadlines::Subject {
  Standing standing() const override { return {owed, holds_memory, frame_progress_ns}; }
  bool measure_frame(std::int64_t /*now_ns*/) override {
    ++asked;
    return gives_way;
  }
  void on_deadline_passed(const char* reason) override {
    passed = reason;
    deadlines.stop();
  }
  std::string passed_within(std::int64_t duration_ms) {
    world.run_for(duration_ms);
    return passed;
  }

  Owed owed = Owed::request;
  bool holds_memory = false;
  std::int64_t frame_progress_ns = 0;
  bool gives_way = false;
  int asked = 0;
  std::string passed;

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  ConnectionOptions options{
      .idle_max_ms = 10'000, .write_stall_ms = 6'000, .frame_stall_ms = 3'000};
  Deadlines deadlines{loop, options, *this};
};

TEST_CASE("a connection that owes a request is idle after a while without activity") {
  Fixture test;
  test.deadlines.start();
  CHECK(test.passed_within(9'000).empty());
  test.deadlines.note_activity();
  CHECK(test.deadlines.last_active_ns() == test.loop.now_ns());
  CHECK(test.passed_within(9'900).empty());
  CHECK(test.passed_within(200) == "idle");
}

TEST_CASE("nothing passes while the broker is at work") {
  Fixture test;
  test.owed = Owed::nothing;
  test.deadlines.start();
  CHECK(test.passed_within(1'000'000).empty());
  test.owed = Owed::request;  // and it is looked at again
  CHECK(test.passed_within(11'000) == "idle");
}

TEST_CASE("without an idle limit nothing is looked at") {
  Fixture test;
  test.options.idle_max_ms = -1;
  test.deadlines.start();
  CHECK(test.passed_within(100'000'000).empty());
  CHECK(test.asked == 0);
}

TEST_CASE("an answer that does not move has its own deadline") {
  Fixture test;
  test.deadlines.start();
  test.owed = Owed::room_for_answer;
  test.deadlines.answer_waits();
  CHECK(test.passed_within(5'900).empty());
  test.deadlines.answer_moved();
  CHECK(test.passed_within(5'900).empty());
  CHECK(test.passed_within(200) == "response without progress");
}

TEST_CASE("an answer that moved to its end is activity") {
  Fixture test;
  test.deadlines.start();
  test.owed = Owed::room_for_answer;
  test.deadlines.answer_waits();
  test.world.run_for(5'000);
  test.deadlines.answer_moved();
  test.deadlines.answer_sent();
  test.owed = Owed::request;
  CHECK(test.passed_within(9'900).empty());
  CHECK(test.passed_within(200) == "idle");
}

TEST_CASE("a frame without progress, while others wait") {
  Fixture test;
  test.deadlines.start();
  test.holds_memory = true;
  test.deadlines.watch_frame();
  test.frame_progress_ns = test.loop.now_ns();
  CHECK(test.passed_within(2'500).empty());  // owes a request: nobody wants the memory
  test.owed = Owed::rest_of_frame;
  CHECK(test.passed_within(400).empty());
  CHECK(test.passed_within(1'200) == "stalled while others wait");
}

TEST_CASE("whether memory has to be given back is asked once a second while it is held") {
  Fixture test;
  test.deadlines.start();
  test.owed = Owed::nothing;
  test.holds_memory = true;
  test.deadlines.watch_frame();
  CHECK(test.passed_within(5'500).empty());
  CHECK(test.asked == 5);
  test.gives_way = true;
  CHECK(test.passed_within(1'000) == "too slow while others wait");
}

TEST_CASE("a stopped one stays so") {
  Fixture test;
  test.deadlines.start();
  test.deadlines.stop();
  test.deadlines.watch_frame();
  test.deadlines.answer_waits();
  CHECK(test.passed_within(1'000'000).empty());
  CHECK(test.asked == 0);
}

}  // namespace
}  // namespace network
