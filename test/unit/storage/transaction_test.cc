// Goal: open transactions hold the last stable offset back, aborted ones are listed for readers,
// and both survive reopening, kills and truncation.
#include <doctest/doctest.h>

#include "runtime/sim/sim_file_system.h"
#include "storage/last_stable_offset.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using storage::AppendOrigin;
using storage::LogError;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

void write(LogFixture& fixture, std::int64_t producer, std::int32_t sequence) {
  const auto appended = fixture.append(
      make_batch(1, 1000, "v", protocol::Codec::none, {producer, 0, sequence, true}));
  if (!appended) FAIL(appended.error().to_string());
  fixture.log->set_high_watermark(fixture.log->log_end_offset());
}

base::Result<storage::AppendInfo> end(LogFixture& fixture, std::int64_t producer, bool commit,
                                      std::int32_t coordinator_epoch = 1,
                                      std::int16_t producer_epoch = 0) {
  return fixture.append(protocol::build_end_transaction_marker({commit, coordinator_epoch},
                                                               producer, producer_epoch, 2000),
                        0, AppendOrigin::coordinator);
}

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 1'000'000; }
};

}  // namespace

TEST_CASE("the last stable offset waits for the earliest transaction, and for its replication") {
  LogFixture fixture;
  fixture.open();
  write(fixture, 1, 0);  // 0
  write(fixture, 2, 0);  // 1
  write(fixture, 1, 1);  // 2
  CHECK_EQ(fixture.log->last_stable_offset().value(), 0);
  REQUIRE(end(fixture, 1, false).has_value());  // 3
  CHECK_EQ(fixture.log->last_stable_offset().value(), 0);
  fixture.log->set_high_watermark(Offset(4));
  CHECK_EQ(fixture.log->last_stable_offset().value(), 1);
  REQUIRE(end(fixture, 2, true).has_value());  // 4
  fixture.log->set_high_watermark(Offset(5));
  CHECK_EQ(fixture.log->last_stable_offset().value(), 5);

  for (const bool clean : {true, false}) {
    const auto aborted = fixture.log->aborted_transactions(Offset(0), Offset(5)).value();
    REQUIRE_EQ(aborted.size(), 1);
    CHECK_EQ(aborted[0].producer_id, 1);
    CHECK_EQ(aborted[0].first_offset.value(), 0);
    CHECK_EQ(aborted[0].last_offset.value(), 3);
    CHECK_EQ(aborted[0].last_stable_offset.value(), 1);
    CHECK(fixture.log->aborted_transactions(Offset(4), Offset(5))->empty());
    if (clean) REQUIRE(fixture.log->flusher().close(0).has_value());
    fixture.open(clean);
  }
}

TEST_CASE("an open transaction is still open after a reopen, and its writes stay its own") {
  LogFixture fixture;
  fixture.config.segment_bytes = 300;
  fixture.open();
  for (int i = 0; i < 10; ++i) write(fixture, 1, i);
  for (const bool clean : {true, false}) {
    if (clean) REQUIRE(fixture.log->flusher().close(0).has_value());
    fixture.open(clean);
    CHECK_EQ(fixture.log->last_stable_offset().value(), 0);
    CHECK(fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {1, 0, 10}))
              .error()
              .is(LogError::invalid_txn_state));
  }
  REQUIRE(end(fixture, 1, false).has_value());
  fixture.log->set_high_watermark(fixture.log->log_end_offset());
  CHECK_EQ(fixture.log->aborted_transactions(Offset(0), Offset(11))->size(), 1);
  // Without the marker the transaction is open again and no longer aborted.
  REQUIRE(fixture.log->truncate_to(Offset(10), 0).value());
  CHECK(fixture.log->aborted_transactions(Offset(0), Offset(11))->empty());
  CHECK_EQ(fixture.log->last_stable_offset().value(), 0);
}

TEST_CASE("markers of an older coordinator or producer epoch are fenced") {
  LogFixture fixture;
  fixture.open();
  REQUIRE(end(fixture, 1, true, 5, 2).has_value());  // without data: fine
  CHECK(end(fixture, 1, true, 4, 2).error().is(LogError::transaction_coordinator_fenced));
  CHECK(end(fixture, 1, true, 5, 1).error().is(LogError::invalid_producer_epoch));
  // After a marker of a new epoch sequences begin at 0.
  CHECK(fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {1, 2, 3, true}))
            .error()
            .is(LogError::out_of_order_sequence));
  CHECK(
      fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {1, 2, 0, true})).has_value());
}

TEST_CASE("an index of aborted transactions that makes no sense is built anew") {
  LogFixture fixture;
  fixture.config.segment_bytes = 300;
  fixture.open();
  write(fixture, 1, 0);
  write(fixture, 1, 1);
  write(fixture, 2, 0);
  write(fixture, 1, 2);
  write(fixture, 1, 3);
  REQUIRE(end(fixture, 1, false).has_value());  // 5, not in the first segment
  write(fixture, 2, 1);
  REQUIRE(fixture.log->segment_count() > 1);
  const auto before = fixture.log->aborted_transactions(Offset(0), Offset(9)).value();
  REQUIRE_EQ(before.size(), 1);
  REQUIRE(fixture.log->flusher().close(0).has_value());
  fixture.log.reset();
  for (const auto& entry : fixture.files().list_directory(fixture.path("")).value()) {
    if (!entry.name.ends_with(".txnindex")) continue;
    const auto file =
        fixture.files().open(fixture.path(entry.name), runtime::OpenMode::read_write).value();
    REQUIRE(file->pwrite(base::as_bytes("junk"), file->size().value()).has_value());
  }
  fixture.open(true);
  const auto after = fixture.log->aborted_transactions(Offset(0), Offset(9)).value();
  REQUIRE_EQ(after.size(), 1);
  CHECK_EQ(after[0].first_offset.value(), 0);
  CHECK_EQ(after[0].last_offset.value(), 5);
  CHECK_EQ(after[0].last_stable_offset.value(), before[0].last_stable_offset.value());
  CHECK_EQ(fixture.log->last_stable_offset().value(), 2);
}

TEST_CASE(
    "a transaction that begins, or ends, while the last stable offset is read is no surprise") {
  for (const bool begins : {true, false}) {
    CAPTURE(begins);
    std::int64_t high_watermark = 5;
    std::int64_t first_unstable = begins ? -1 : 3;
    int reads = 0;
    const auto read = [&](const std::int64_t& value) {
      const std::int64_t seen = value;
      if (++reads == 1) {  // the other threads' turn
        first_unstable = begins ? 5 : -1;
        high_watermark = 6;
      }
      return seen;
    };
    const Offset stable = storage::last_stable_offset([&] { return read(high_watermark); },
                                                      [&] { return read(first_unstable); });
    CHECK_EQ(stable.value(), 5);
  }
}

TEST_CASE("the name of a new index of aborted transactions survives a power failure") {
  StillClock clock;
  const auto files = std::make_shared<runtime::SimFileSystem>(clock);
  REQUIRE(files->create_directories("/data").has_value());
  REQUIRE(files->sync_directory("/").has_value());
  LogFixture fixture(files, "/data");
  fixture.open();
  write(fixture, 1, 0);
  REQUIRE(fixture.log->flusher().flush(0).has_value());  // all names that there are
  REQUIRE(end(fixture, 1, false).has_value());
  REQUIRE(fixture.log->flusher().flush(0).has_value());
  const Offset flushed = fixture.log->recovery_point();
  fixture.log.reset();
  files->crash(runtime::CrashKind::power_loss);
  fixture.open(false, flushed);
  CHECK_EQ(fixture.log->log_end_offset(), flushed);
  CHECK_EQ(fixture.log->aborted_transactions(Offset(0), flushed)->size(), 1);
}

TEST_CASE("an index of aborted transactions that was built anew is flushed soon") {
  StillClock clock;
  const auto files = std::make_shared<runtime::SimFileSystem>(clock);
  REQUIRE(files->create_directories("/data").has_value());
  REQUIRE(files->sync_directory("/").has_value());
  LogFixture fixture(files, "/data");
  fixture.open();
  write(fixture, 1, 0);
  REQUIRE(end(fixture, 1, false).has_value());
  const Offset log_end = fixture.log->log_end_offset();
  REQUIRE(fixture.log->flusher().close(0).has_value());
  const std::string path = fixture.path("00000000000000000000.txnindex");
  {
    const auto file = files->open(path, runtime::OpenMode::read_write).value();
    REQUIRE(file->truncate(10).has_value());
    REQUIRE(file->sync().has_value());
  }
  fixture.open(true);
  CHECK_EQ(fixture.log->recovery_point(), Offset(0));
  REQUIRE(fixture.log->flusher().is_due(fixture.now_ms));
  REQUIRE(fixture.log->flusher().flush(fixture.now_ms).has_value());
  CHECK_EQ(fixture.log->recovery_point(), log_end);
  fixture.log.reset();
  files->crash(runtime::CrashKind::power_loss);
  CHECK_EQ(files->info(path)->size_bytes, std::int64_t{storage::TransactionIndex::kEntryBytes});
  fixture.open(false, log_end);
  CHECK_EQ(fixture.log->aborted_transactions(Offset(0), log_end)->size(), 1);
}

TEST_CASE("that there are no aborted transactions, and which there are, is known without a file") {
  StillClock clock;
  const auto files = std::make_shared<runtime::SimFileSystem>(clock);
  REQUIRE(files->create_directories("/data").has_value());
  LogFixture fixture(files, "/data");
  fixture.config.segment_bytes = 300;
  fixture.open();
  for (int i = 0; i < 40; ++i) REQUIRE(fixture.append(make_batch(1)).has_value());
  write(fixture, 1, 0);
  REQUIRE(end(fixture, 1, false).has_value());
  for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(1)).has_value());
  REQUIRE(fixture.log->segment_count() > 10);
  const Offset log_end = fixture.log->log_end_offset();
  for (int start = 0; start < 2; ++start) {
    CAPTURE(start);
    CHECK_EQ(fixture.log->aborted_transactions(Offset(0), log_end)->size(), 1);
    int opened = 0;
    files->set_fault_hook([&](runtime::SimFileOperation operation, const std::string&) {
      if (operation == runtime::SimFileOperation::open) ++opened;
      return runtime::SimFileFault{};
    });
    CHECK_EQ(fixture.log->aborted_transactions(Offset(0), log_end, false)->size(), 1);
    CHECK(fixture.log->aborted_transactions(Offset(42), log_end, false)->empty());
    CHECK_EQ(opened, 0);
    files->set_fault_hook({});
    fixture.reopen_clean();
  }
}

TEST_CASE("retention that is quicker than a look for aborted transactions is no disk failure") {
  StillClock clock;
  const auto files = std::make_shared<runtime::SimFileSystem>(clock);
  REQUIRE(files->create_directories("/data").has_value());
  LogFixture fixture(files, "/data");
  fixture.open();
  constexpr int kMoreThanAreKept = 4100;
  for (int i = 0; i < kMoreThanAreKept; ++i) {
    write(fixture, 1, i);
    REQUIRE(end(fixture, 1, false).has_value());
  }
  const Offset log_end = fixture.log->log_end_offset();
  fixture.log->set_high_watermark(log_end);
  REQUIRE(fixture.log->roll(0).has_value());
  REQUIRE_EQ(fixture.log->aborted_transactions(Offset(0), log_end)->size(), kMoreThanAreKept);
  fixture.config.retention_bytes = 0;
  fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
  files->set_pause_hook(
      [&, is_first = true](runtime::SimFileOperation operation, const std::string& path) mutable {
        if (operation != runtime::SimFileOperation::open || !path.ends_with(".txnindex")) return;
        if (!std::exchange(is_first, false)) return;
        REQUIRE(fixture.log->delete_old_segments(0).has_value());
        for (const std::string& removed : fixture.removed) (void)files->remove_file(removed);
      });
  const auto aborted = fixture.log->aborted_transactions(Offset(0), log_end);
  files->set_pause_hook({});
  REQUIRE_FALSE(aborted.has_value());
  CHECK(aborted.error().is(LogError::offset_out_of_range));
  CHECK(fixture.failures.empty());
  CHECK(fixture.log->is_usable());
}
