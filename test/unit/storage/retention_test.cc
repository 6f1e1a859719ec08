// Goal: old segments go by size, time and log start, never above the high watermark; time lookups
// find the first record at or after a time.
#include <doctest/doctest.h>

#include "test/unit/storage/log_fixture.h"

using base::Offset;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

// Ten segments of four records each, timestamps 1000, 1010, ...
void fill(LogFixture& fixture) {
  fixture.config.segment_bytes = 200;
  fixture.config.index_interval_bytes = 64;
  fixture.config.retention_ms = -1;
  fixture.open();
  for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(2, 1000 + i * 10)).has_value());
  REQUIRE_EQ(fixture.log->segment_count(), 10);
}

void configure(LogFixture& fixture) {
  fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
}

}  // namespace

TEST_CASE("by size, down to what retention.bytes keeps") {
  LogFixture fixture;
  fill(fixture);
  const std::int64_t segment = fixture.log->size_bytes() / 10;
  fixture.config.retention_bytes = 4 * segment + 1;
  configure(fixture);
  fixture.log->set_high_watermark(Offset(8));
  CHECK_EQ(fixture.log->delete_old_segments(0).value(), 2);  // no further than the high watermark
  fixture.log->set_high_watermark(Offset(40));
  CHECK_EQ(fixture.log->delete_old_segments(0).value(), 3);
  CHECK_EQ(fixture.log->log_start_offset().value(), 20);
  CHECK_EQ(fixture.log->segment_count(), 5);
  CHECK_EQ(fixture.read_all(20).size(), 20);
  CHECK_EQ(fixture.removed.size(), 15);  // .log, .index, .timeindex, renamed
  CHECK(fixture.files().exists(fixture.path("00000000000000000000.log.deleted")));
}

TEST_CASE("by time, the active segment too") {
  LogFixture fixture;
  fill(fixture);
  fixture.log->set_high_watermark(Offset(40));
  fixture.config.retention_ms = 100;
  configure(fixture);
  CHECK_EQ(fixture.log->delete_old_segments(1000 + 31 + 100 + 1).value(), 2);
  CHECK_EQ(fixture.log->delete_old_segments(1'000'000).value(), 8);
  CHECK_EQ(fixture.log->log_start_offset().value(), 40);
  CHECK_EQ(fixture.log->size_bytes(), 0);
  CHECK_EQ(fixture.append(make_batch(1))->base_offset.value(), 40);
  fixture.reopen_clean();
  CHECK_EQ(fixture.log->log_start_offset().value(), 40);
  CHECK_EQ(fixture.log->log_end_offset().value(), 41);
}

TEST_CASE("below the log start, and only that on a compacted topic") {
  LogFixture fixture;
  fill(fixture);
  fixture.log->set_high_watermark(Offset(40));
  fixture.config.retention_ms = 1;
  fixture.config.cleanup_compact = true;
  fixture.config.cleanup_delete = false;
  configure(fixture);
  CHECK_EQ(fixture.log->delete_old_segments(1'000'000).value(), 0);
  CHECK(fixture.log->advance_log_start_offset(Offset(41))
            .error()
            .is(storage::LogError::offset_out_of_range));
  REQUIRE(fixture.log->advance_log_start_offset(Offset(9)).value());
  CHECK_EQ(fixture.log->delete_old_segments(1'000'000).value(), 2);
  CHECK_EQ(fixture.log->first_segment_base().value(), 8);
  CHECK_EQ(fixture.log->log_start_offset().value(), 9);
}

TEST_CASE("lookups by time") {
  for (const auto codec : {protocol::Codec::none, protocol::Codec::lz4}) {
    LogFixture fixture;
    fixture.config.segment_bytes = 500;
    fixture.config.index_interval_bytes = 64;
    fixture.config.retention_ms = -1;
    fixture.open();
    for (int i = 0; i < 30; ++i) {
      REQUIRE(fixture.append(make_batch(2, 1000 + i * 10, "value", codec), 4).has_value());
    }
    const auto check = [&](std::int64_t target, std::int64_t offset, std::int64_t time) {
      const auto found = fixture.log->offset_for_timestamp(target).value();
      REQUIRE(found.has_value());
      CHECK_EQ(found->offset.value(), offset);
      CHECK_EQ(found->timestamp_ms, time);
      CHECK_EQ(found->leader_epoch, base::LeaderEpoch(4));
    };
    for (int round = 0; round < 2; ++round) {
      check(0, 0, 1000);
      check(1001, 1, 1001);
      check(1002, 2, 1010);
      check(1155, 32, 1160);
      check(1291, 59, 1291);
      CHECK(!fixture.log->offset_for_timestamp(1292)->has_value());
      CHECK_EQ(fixture.log->offset_of_max_timestamp().value()->offset.value(), 59);
      CHECK_EQ(fixture.log->earliest_offset().leader_epoch, base::LeaderEpoch(4));
      CHECK_EQ(fixture.log->latest_offset().offset.value(), 60);
      fixture.reopen_clean();
    }
  }
}

TEST_CASE("a segment rolls by time and by index size") {
  LogFixture fixture;
  fixture.config.segment_ms = 1000;
  fixture.open();
  REQUIRE(fixture.append(make_batch(1, 1000)).has_value());
  REQUIRE(fixture.append(make_batch(1, 2000)).has_value());
  CHECK_EQ(fixture.log->segment_count(), 1);
  REQUIRE(fixture.append(make_batch(1, 2001)).has_value());
  CHECK_EQ(fixture.log->segment_count(), 2);

  LogFixture small_index;
  small_index.config.segment_index_bytes = 80;  // 10 entries, 6 - 1 time entries
  small_index.config.index_interval_bytes = 1;
  small_index.open();
  for (int i = 0; i < 14; ++i) REQUIRE(small_index.append(make_batch(1, 1000 + i)).has_value());
  CHECK_EQ(small_index.log->segment_count(), 3);
  CHECK_EQ(small_index.read_all(0).size(), 14);
}
