// Goal: what the reader asks for before it reads on, and whose memory it takes. Method: both ends
// of a simulated connection; what waits is driven step by step.
#include "broker/network/request_reader.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/task_scope.h"
#include "test/unit/broker/network/fake_handler.h"
#include "test/unit/broker/network/stream_pair.h"

namespace network {
namespace {

using BeforeRead = RequestReader::BeforeRead;
using network_test::with_length;

struct NeverOverdue final : Deadlines::Subject {
  Standing standing() const override { return {Deadlines::Owed::nothing, false, 0}; }
  bool measure_frame(std::int64_t /*now_ns*/) override { return false; }
  void on_deadline_passed(const char* /*reason*/) override {}
};

struct Fixture : network_test::StreamPair {
  Fixture() { world.network().options.cut_bytes = false; }
  ~Fixture() {
    deadlines.stop();
    scope.cancel();
    world.run_until([this] { return scope.task_count() == 0; });
  }
  static runtime::Task<void> note_end(runtime::Task<base::Result<void>> task,
                                      std::optional<base::Result<void>>& ended) {
    ended = co_await task;
  }
  void get_memory() {
    ended.reset();
    scope.spawn(note_end(reader.get_memory(scope.token()), ended));
    world.run_for(1);
  }
  // Reads what is there, and gets memory where that needs no waiting.
  std::optional<RequestReader::Frame> read_all() {
    for (;;) {
      auto frame = reader.next().value();
      if (frame) return frame;
      if (reader.needs_memory()) get_memory();
      if (reader.is_waiting_for_memory()) return std::nullopt;
      world.run_for(1);
      REQUIRE(reader.read().has_value());
      if (reader.last_read_ns() < now_ns()) return std::nullopt;  // nothing came
    }
  }

  ConnectionInfo info{.peer_host = "10.0.0.1"};
  network_test::FakeHandler handler;
  MemoryBudget budget{1'000'000};
  std::vector<std::byte> scratch = std::vector<std::byte>(64 * 1024);
  std::string broker_host;
  ConnectionShared shared{
      handler, budget, {.request_max_bytes = 2'000'000}, scratch, [this](const std::string& ip) {
        return ip == broker_host;
      }};
  NeverOverdue subject;
  Deadlines deadlines{server_loop, shared.options, subject};
  RequestReader reader{*server, shared, info, deadlines};
  runtime::TaskScope scope{server_loop, "memory"};
  std::optional<base::Result<void>> ended;
};

TEST_CASE("frames come out whole; after each the reader waits for bytes first") {
  Fixture test;
  CHECK(test.reader.prepare_read() == BeforeRead::wait_for_bytes);
  test.send(with_length("one") + with_length("two") + with_length("three").substr(0, 6));
  CHECK(test.reader.read().has_value());
  CHECK(test.reader.last_read_ns() == test.now_ns());
  CHECK(test.deadlines.last_active_ns() == test.now_ns());
  for (const char* expected : {"one", "two"}) {
    const auto frame = test.reader.next();
    REQUIRE((frame.has_value() && frame->has_value()));
    CHECK(base::as_text((*frame)->buffer.bytes().subspan((*frame)->offset)) == expected);
  }
  CHECK_FALSE(test.reader.next()->has_value());
  CHECK_FALSE(test.reader.needs_memory());
  CHECK(test.reader.prepare_read() == BeforeRead::wait_for_bytes);
}

TEST_CASE("a read that finds nothing is no activity; the peer's end is an error") {
  Fixture test;
  const std::int64_t begun_ns = test.reader.last_read_ns();
  test.world.run_for(100);
  CHECK(test.reader.read().has_value());
  CHECK(test.reader.last_read_ns() == begun_ns);
  test.client->close();
  test.world.run_for(100);
  CHECK(test.reader.read().error().is(base::Errc::end_of_stream));
}

TEST_CASE("a sender that is always ahead gives others a turn") {
  Fixture test;
  test.world.network().options.pipe_bytes = 8'000'000;
  test.send(with_length(std::string(1'900'000, 'x')));
  std::size_t turns = 0;
  for (int i = 0; i < 500 && !test.reader.next()->has_value(); ++i) {
    if (test.reader.needs_memory()) test.get_memory();
    turns += test.reader.prepare_read() == BeforeRead::give_turn ? 1 : 0;
    REQUIRE(test.reader.read().has_value());
  }
  CHECK(turns == 1);
}

TEST_CASE("a large frame waits for memory, and gives it back with the frame") {
  Fixture test;
  test.world.network().options.pipe_bytes = 8'000'000;
  MemoryBudget::Charge all;
  REQUIRE(test.budget.try_grow(all, 1'000'000, MemoryBudget::Use::client));
  MemoryBudget::Charge over;
  REQUIRE(test.budget.try_grow(over, 1, MemoryBudget::Use::client));
  test.send(with_length(std::string(300'000, 'x')));
  test.read_all();
  CHECK(test.reader.is_waiting_for_memory());
  CHECK_FALSE(test.reader.holds_memory());
  test.world.run_for(5'000);
  const std::int64_t granted_ns = test.now_ns();
  over.release();
  all.release();
  test.world.run_for(1);
  REQUIRE(test.ended.has_value());
  CHECK(test.ended->has_value());
  CHECK_FALSE(test.reader.is_waiting_for_memory());
  CHECK(test.reader.holds_memory());
  CHECK(test.reader.frame_progress_ns() >= granted_ns);  // the wait was not the sender's
  {
    const auto frame = test.read_all();
    REQUIRE(frame.has_value());
    CHECK_FALSE(test.reader.holds_memory());  // it goes with the frame
    CHECK(test.budget.used_bytes() >= 300'000);
  }
  CHECK(test.budget.used_bytes() == 0);
}

TEST_CASE("waiting for memory ends with the connection") {
  Fixture test;
  MemoryBudget::Charge all;
  REQUIRE(test.budget.try_grow(all, 1'000'000, MemoryBudget::Use::client));
  MemoryBudget::Charge over;
  REQUIRE(test.budget.try_grow(over, 1, MemoryBudget::Use::client));
  test.send(with_length(std::string(300'000, 'x')).substr(0, 60'000));
  test.read_all();
  REQUIRE(test.reader.is_waiting_for_memory());
  test.scope.cancel();
  test.world.run_for(1);
  REQUIRE(test.ended.has_value());
  CHECK(test.ended->error().is(base::Errc::cancelled));
  CHECK_FALSE(test.reader.is_waiting_for_memory());
}

TEST_CASE("the reserve is for those who are brokers by now") {
  Fixture test;
  CHECK(test.reader.memory_use() == MemoryBudget::Use::client);
  test.broker_host = "10.0.0.1";
  CHECK(test.reader.memory_use() == MemoryBudget::Use::inter_broker);
}

TEST_CASE("only a frame that its sender holds up is measured") {
  Fixture test;
  test.world.network().options.pipe_bytes = 8'000'000;
  const auto look = [&](bool is_reading) {
    test.world.run_for(1'500);
    (void)test.reader.measure_frame(is_reading, test.now_ns());
    test.world.run_for(1'500);
    return test.reader.measure_frame(is_reading, test.now_ns());
  };
  CHECK_FALSE(look(true));  // no frame
  test.send(with_length(std::string(900'000, 'x')).substr(0, 200'000));
  test.read_all();
  REQUIRE(test.reader.holds_memory());
  MemoryBudget::Charge rest;
  REQUIRE(
      test.budget.try_grow(rest, 1'000'000 - test.budget.used_bytes(), MemoryBudget::Use::client));
  MemoryBudget::Charge over;
  REQUIRE(test.budget.try_grow(over, 1, MemoryBudget::Use::client));
  MemoryBudget::Charge wanted;
  test.scope.spawn(Fixture::note_end(
      test.budget.grow(wanted, 500'000, MemoryBudget::Use::client, test.scope.token()),
      test.ended));
  CHECK_FALSE(look(false));
  CHECK(look(true));
  test.scope.cancel();
  test.world.run_for(1);
}

}  // namespace
}  // namespace network
