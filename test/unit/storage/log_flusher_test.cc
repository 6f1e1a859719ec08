// Goal: what counts as durable is on the device, whatever happens around the flush; many who wait
// share one; a failed flush forgets nothing.
#include <doctest/doctest.h>

#include <deque>
#include <semaphore>
#include <thread>

#include "runtime/sim/sim_file_system.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using runtime::SimFileFault;
using runtime::SimFileOperation;
using storage::LogError;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 1'000'000; }
};

std::shared_ptr<runtime::SimFileSystem> make_disk(const runtime::Clock& clock) {
  auto files = std::make_shared<runtime::SimFileSystem>(clock);
  REQUIRE(files->create_directory("/logs").has_value());
  REQUIRE(files->sync_directory("/").has_value());
  return files;
}

// A log on a simulated disk, with a worker that runs what it was given when it is told to.
struct Bench {
  StillClock clock;
  std::shared_ptr<runtime::SimFileSystem> files = make_disk(clock);
  LogFixture fixture{files, "/logs"};
  std::deque<std::move_only_function<void()>> jobs;
  int record_syncs = 0;

  explicit Bench(std::int64_t flush_messages = INT64_MAX) {
    fixture.config.flush_messages = flush_messages;
    fixture.environment.run_on_disk = [this](const std::string&, auto job) {
      jobs.push_back(std::move(job));
    };
    fixture.open();
  }
  // The log belongs to the fixture.
  std::shared_ptr<storage::PartitionLog> log() {
    return {fixture.log.get(), [](storage::PartitionLog*) {}};
  }
  storage::LogFlusher& flusher() { return fixture.log->flusher(); }
  void run_one() {
    REQUIRE(!jobs.empty());
    auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }
  void count_record_syncs() {
    files->set_pause_hook([this](SimFileOperation operation, const std::string& path) {
      if (operation == SimFileOperation::sync && path.ends_with(".log")) ++record_syncs;
    });
  }
  // The operation fails with `errno_value`, for files that end so.
  void fail(SimFileOperation failing, const std::string& suffix, int errno_value) {
    files->set_fault_hook([=](SimFileOperation operation, const std::string& path) {
      const bool hits = operation == failing && path.ends_with(suffix);
      return SimFileFault{hits ? errno_value : 0};
    });
  }
  void heal() { files->set_fault_hook({}); }
  // The broker's machine loses power and comes back.
  void lose_power() {
    const Offset recovery_point = fixture.log->recovery_point();
    files->crash(runtime::CrashKind::power_loss);
    fixture.open(false, recovery_point);
  }
};

struct Answer {
  std::optional<base::Result<void>> result;
  storage::LogFlusher::Done receiver() {
    return [this](base::Result<void> outcome) { result.emplace(std::move(outcome)); };
  }
};

}  // namespace

TEST_CASE("a record written while a flush runs is brought to the device by the next one") {
  Bench bench;
  auto& [clock, files, fixture, jobs, syncs] = bench;
  REQUIRE(fixture.append(make_batch(1)).has_value());
  REQUIRE(fixture.log->roll(0).has_value());
  REQUIRE(fixture.append(make_batch(1)).has_value());
  const std::string active = storage::segment_file_name(Offset(1)) + ".log";
  std::binary_semaphore append_may_begin{0};
  std::binary_semaphore append_is_writing{0};
  std::binary_semaphore active_is_synced{0};
  // The flush has looked at the log's end; the append comes; the flush syncs the segment that the
  // append is about to write to; the append writes.
  files->set_pause_hook([&](SimFileOperation operation, const std::string& path) {
    if (operation == SimFileOperation::sync && path.ends_with("00000.log")) {
      append_may_begin.release();
      append_is_writing.acquire();
    } else if (operation == SimFileOperation::write && path.ends_with(active)) {
      append_is_writing.release();
      active_is_synced.acquire();
    } else if (operation == SimFileOperation::open && path.ends_with(".snapshot")) {
      active_is_synced.release();
    }
  });
  std::thread flusher([&] { CHECK(fixture.log->flusher().flush(0).has_value()); });
  append_may_begin.acquire();
  CHECK(fixture.append(make_batch(1)).has_value());
  flusher.join();
  files->set_pause_hook({});
  CHECK_EQ(fixture.log->durable_offset(), Offset(2));

  REQUIRE(fixture.log->flusher().flush(0).has_value());
  CHECK_EQ(fixture.log->durable_offset(), Offset(3));
  bench.lose_power();
  CHECK_EQ(fixture.read_all(0).size(), 3);
}

TEST_CASE("a sync that fails is the device's failure, whatever its reason; a write is not") {
  for (const int reason : {ENOSPC, EDQUOT, EIO}) {
    Bench bench;
    REQUIRE(bench.fixture.append(make_batch(1)).has_value());
    bench.fail(SimFileOperation::sync, ".log", reason);
    CHECK(bench.flusher().flush(0).error().is(LogError::storage_error));
    CHECK_EQ(bench.fixture.failures.size(), 1);
    // Never a second try: the first has dropped what it could not write.
    bench.heal();
    CHECK(!bench.flusher().flush(0).has_value());
    CHECK_EQ(bench.fixture.log->durable_offset(), Offset(0));
  }
  Bench bench;
  bench.fail(SimFileOperation::write, ".log", ENOSPC);
  CHECK(bench.fixture.append(make_batch(1)).error().is(LogError::storage_error));
  bench.heal();
  CHECK(bench.fixture.append(make_batch(1)).has_value());
  CHECK(bench.fixture.failures.empty());
}

TEST_CASE("what a failed flush had taken is flushed by the next one") {
  const auto id = base::Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ");
  for (const char* file : {".snapshot", "partition.metadata"}) {
    CAPTURE(file);
    Bench bench;
    REQUIRE(bench.fixture.log->assign_topic_id(*id).has_value());
    REQUIRE(bench.fixture.append(make_batch(1)).has_value());
    REQUIRE(bench.fixture.log->roll(0).has_value());
    bench.fail(SimFileOperation::open, file, EMFILE);
    CHECK(bench.flusher().flush(0).error().is(LogError::storage_error));
    CHECK(bench.fixture.failures.empty());  // it passes
    bench.heal();
    REQUIRE(bench.flusher().flush(0).has_value());
    bench.lose_power();
    CHECK_EQ(bench.fixture.read_all(0).size(), 1);
    CHECK_EQ(bench.fixture.log->topic_id(), id);
    CHECK(bench.files->exists(bench.fixture.path("00000000000000000001.snapshot")));
  }
}

TEST_CASE("those who wait share a flush; those who come during one share the next") {
  Bench bench(1);
  bench.count_record_syncs();
  std::deque<Answer> answers;
  const auto append_and_wait = [&] {
    const auto info = bench.fixture.append(make_batch(1));
    REQUIRE(info.has_value());
    CHECK(info->must_flush);
    bench.flusher().when_durable(bench.log(), info->last_offset + 1,
                                 answers.emplace_back().receiver());
  };
  for (int i = 0; i < 16; ++i) append_and_wait();
  CHECK_EQ(bench.jobs.size(), 1);
  CHECK(!answers.front().result);
  bench.run_one();
  CHECK_EQ(bench.record_syncs, 1);
  for (const Answer& answer : answers) CHECK(answer.result->has_value());
  CHECK(bench.jobs.empty());

  answers.clear();
  append_and_wait();
  bench.files->set_pause_hook(
      [&, is_first = true](SimFileOperation operation, const auto&) mutable {
        if (operation != SimFileOperation::sync || !std::exchange(is_first, false)) return;
        for (int i = 0; i < 16; ++i) append_and_wait();
      });
  bench.run_one();
  bench.files->set_pause_hook({});
  CHECK(answers.front().result.has_value());
  CHECK(!answers.back().result.has_value());
  REQUIRE_EQ(bench.jobs.size(), 1);
  bench.run_one();
  CHECK(answers.back().result->has_value());
  CHECK(bench.jobs.empty());
  bench.lose_power();
  CHECK_EQ(bench.fixture.read_all(0).size(), 33);
}

TEST_CASE("a flush that fails tells all who wait; nobody is told twice") {
  Bench bench(1);
  const auto info = bench.fixture.append(make_batch(1));
  Answer kept;
  Answer forgotten;
  bench.flusher().when_durable(bench.log(), info->last_offset + 1, kept.receiver());
  const auto ticket =
      bench.flusher().when_durable(bench.log(), info->last_offset + 1, forgotten.receiver());
  bench.flusher().forget(*ticket);
  bench.fail(SimFileOperation::sync, ".log", EIO);
  bench.run_one();
  CHECK(kept.result->error().is(LogError::storage_error));
  CHECK(!forgotten.result.has_value());
  CHECK(bench.jobs.empty());
}

TEST_CASE("truncation lowers what is durable, and a flush from before it raises nothing") {
  Bench bench(1);
  REQUIRE(bench.fixture.append(make_batch(5)).has_value());
  REQUIRE(bench.flusher().flush(0).has_value());
  CHECK_EQ(bench.fixture.log->durable_offset(), Offset(5));
  const auto info = bench.fixture.append(make_batch(5));
  REQUIRE(info.has_value());
  Answer cut;
  bench.flusher().when_durable(bench.log(), info->last_offset + 1, cut.receiver());
  bench.files->set_pause_hook(
      [&, is_first = true](SimFileOperation operation, const auto&) mutable {
        if (operation != SimFileOperation::sync || !std::exchange(is_first, false)) return;
        REQUIRE(bench.fixture.log->truncate_to(Offset(5), 0).has_value());
        // Another history, which ends at the same offset.
        REQUIRE(bench.fixture.append(make_batch(5), 1).has_value());
        CHECK_EQ(bench.fixture.log->durable_offset(), Offset(5));
      });
  bench.run_one();
  CHECK(cut.result->error().is(base::Errc::cancelled));
  CHECK_EQ(bench.fixture.log->durable_offset(), Offset(5));
  bench.files->set_pause_hook({});
  REQUIRE(bench.flusher().flush(0).has_value());
  CHECK_EQ(bench.fixture.log->durable_offset(), Offset(10));
  REQUIRE(bench.fixture.log->truncate_to(Offset(5), 0).has_value());
  CHECK_EQ(bench.fixture.log->durable_offset(), Offset(5));
  REQUIRE(bench.fixture.log->truncate_fully_and_start_at(Offset(100), 0).has_value());
  CHECK_EQ(bench.fixture.log->durable_offset(), Offset(100));
}

TEST_CASE("a batch that is sent again waits for the flush of the first one") {
  Bench bench(1);
  const auto batch = [] {
    return make_batch(2, 1000, "value", protocol::Codec::none,
                      {.id = 7, .epoch = 0, .sequence = 0});
  };
  CHECK(bench.fixture.append(batch())->must_flush);
  const auto again = bench.fixture.append(batch());
  CHECK(again->is_duplicate);
  CHECK(again->must_flush);
  REQUIRE(bench.flusher().flush(0).has_value());
  const auto late = bench.fixture.append(batch());
  CHECK(late->is_duplicate);
  CHECK(!late->must_flush);
}

TEST_CASE("with a larger flush.messages the append that reaches it waits, and no other") {
  Bench bench(10);
  CHECK(!bench.fixture.append(make_batch(5))->must_flush);
  CHECK(bench.fixture.append(make_batch(5))->must_flush);
  // A flush of those ten has been asked for.
  CHECK(!bench.fixture.append(make_batch(5))->must_flush);
  CHECK(bench.fixture.append(make_batch(5))->must_flush);
}

// Story: a new leader flushes up to the log end, which an append has published and not yet
// answered.
TEST_CASE("flush.messages=1: who finds a flush asked for by somebody else waits for it too") {
  LogFixture fixture;
  fixture.config.flush_messages = 1;
  fixture.environment.run_on_disk = [](const std::string&, std::move_only_function<void()>) {};
  fixture.open();
  const std::shared_ptr<storage::PartitionLog> log(std::move(fixture.log));
  log->flusher().start(log, Offset(1));
  auto batch = make_batch(1);
  storage::AppendRequest request;
  request.records = batch.mutable_bytes();
  request.leader_epoch = base::LeaderEpoch(0);
  request.now_ms = 1;
  const auto info = log->append(request);
  REQUIRE(info.has_value());
  CHECK_EQ(log->durable_offset(), Offset(0));
  CHECK(info->must_flush);
}
