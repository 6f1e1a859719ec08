// Goal: open transactions hold the last stable offset back, aborted ones are listed for readers,
// and both survive reopening, kills and truncation.
#include <doctest/doctest.h>

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
