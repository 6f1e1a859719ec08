// Goal: after an unclean stop a log is intact up to the last valid batch, whatever lies behind it,
// and what Kafka left behind is understood.
#include <doctest/doctest.h>

#include "base/big_endian.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using storage::LogError;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

void write_at(LogFixture& fixture, const std::string& name, std::string_view bytes,
              std::int64_t position) {
  const auto file = fixture.files().open(fixture.path(name), runtime::OpenMode::create).value();
  REQUIRE(file->pwrite(base::as_bytes(bytes), position).has_value());
}

std::int64_t size_of(LogFixture& fixture, const std::string& name) {
  return fixture.files().info(fixture.path(name))->size_bytes;
}

constexpr char kFirstLog[] = "00000000000000000000.log";

}  // namespace

TEST_CASE("a torn tail, a flipped byte and garbage are cut off; indexes are built anew") {
  for (const int damage : {0, 1, 2, 3}) {
    CAPTURE(damage);
    LogFixture fixture;
    fixture.config.index_interval_bytes = 100;
    fixture.open();
    for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(2), i).has_value());
    fixture.log.reset();
    const std::int64_t size = size_of(fixture, kFirstLog);
    const std::int64_t batch = size / 20;
    if (damage == 0) {
      const auto file =
          fixture.files().open(fixture.path(kFirstLog), runtime::OpenMode::read_write).value();
      REQUIRE(file->truncate(size - 7).has_value());
    } else if (damage == 1) {
      write_at(fixture, kFirstLog, "!", size - 3);
    } else if (damage == 2) {
      write_at(fixture, kFirstLog, std::string(100, 'g'), size - batch);
    } else {
      write_at(fixture, kFirstLog, std::string(1000, '\0'), size - batch);
    }
    write_at(fixture, "00000000000000000000.index", std::string(80, 'x'), 0);
    fixture.open(false);
    CHECK_EQ(fixture.log->log_end_offset().value(), 38);
    CHECK_EQ(size_of(fixture, kFirstLog), size - batch);
    CHECK_EQ(fixture.read_all(0).size(), 38);
    CHECK_EQ(fixture.log->latest_epoch(), base::LeaderEpoch(18));
    CHECK_EQ(fixture.append(make_batch(1), 30)->base_offset.value(), 38);
  }
}

TEST_CASE("damage in the middle drops the segments behind it") {
  LogFixture fixture;
  fixture.config.segment_bytes = 300;
  fixture.open();
  for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(2)).has_value());
  fixture.log.reset();
  write_at(fixture, kFirstLog, "!", size_of(fixture, kFirstLog) - 3);
  fixture.open(false);
  CHECK_EQ(fixture.log->segment_count(), 1);
  CHECK_EQ(fixture.log->log_end_offset().value(), 4);
}

TEST_CASE("segments below the recovery point are not read again") {
  LogFixture fixture;
  fixture.config.segment_bytes = 300;
  fixture.open();
  for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(2)).has_value());
  REQUIRE(fixture.log->flusher().flush(0).has_value());
  const Offset point = fixture.log->recovery_point();
  CHECK_EQ(point.value(), 40);
  fixture.log.reset();
  write_at(fixture, kFirstLog, "!", size_of(fixture, kFirstLog) - 3);
  fixture.open(false, point);
  CHECK_EQ(fixture.log->log_end_offset().value(), 40);
}

TEST_CASE("indexes with Kafka's preallocated zeros are read, and cut when written") {
  LogFixture fixture;
  fixture.config.index_interval_bytes = 100;
  fixture.open();
  for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(2, 1000 + i)).has_value());
  REQUIRE(fixture.log->flusher().close(0).has_value());
  fixture.log.reset();
  const std::int64_t index_bytes = size_of(fixture, "00000000000000000000.index");
  CHECK(index_bytes > 0);
  write_at(fixture, "00000000000000000000.index", std::string(8000, '\0'), index_bytes);
  write_at(fixture, "00000000000000000000.timeindex", std::string(12000, '\0'),
           size_of(fixture, "00000000000000000000.timeindex"));
  fixture.open(true);
  CHECK_EQ(fixture.log->log_end_offset().value(), 40);
  CHECK_EQ(fixture.read_all(33).size(), 7);
  for (int i = 0; i < 20; ++i) REQUIRE(fixture.append(make_batch(2, 2000 + i)).has_value());
  REQUIRE(fixture.log->flusher().close(0).has_value());
  CHECK(size_of(fixture, "00000000000000000000.index") < 2 * index_bytes + 32);
}

TEST_CASE("leftovers of compaction and deletion are finished or removed") {
  LogFixture fixture;
  fixture.config.segment_bytes = 300;
  fixture.open();
  for (int i = 0; i < 10; ++i) REQUIRE(fixture.append(make_batch(2)).has_value());
  REQUIRE(fixture.log->flusher().close(0).has_value());
  const auto segments = fixture.log->segment_count();
  fixture.log.reset();
  // A finished compaction of the first segments: of its six records two are left.
  base::Buffer compacted = make_batch(2);
  protocol::MutableRecordBatch(compacted.mutable_bytes()).set_base_offset(Offset(2));
  write_at(fixture, "00000000000000000000.log.swap", base::as_text(compacted.bytes()), 0);
  write_at(fixture, "00000000000000000000.index.swap", "", 0);
  write_at(fixture, "00000000000000000099.log.cleaned", "junk", 0);
  write_at(fixture, "00000000000000000007.log.deleted", "junk", 0);
  write_at(fixture, "00000000000000000999.index", "junk", 0);
  fixture.open(true);
  CHECK_EQ(fixture.log->segment_count(), segments);
  CHECK_EQ(fixture.read_all(0).size(), 16);
  CHECK(!fixture.files().exists(fixture.path("00000000000000000099.log.cleaned")));
  CHECK(!fixture.files().exists(fixture.path("00000000000000000007.log.deleted")));
  CHECK(!fixture.files().exists(fixture.path("00000000000000000999.index")));
  CHECK(!fixture.files().exists(fixture.path("00000000000000000000.log.swap")));
}

TEST_CASE("producer state survives: by snapshot after a clean stop, by replay after a kill") {
  for (const bool clean : {true, false}) {
    LogFixture fixture;
    fixture.config.segment_bytes = 400;
    fixture.open();
    for (int i = 0; i < 10; ++i) {
      REQUIRE(
          fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {7, 3, i})).has_value());
    }
    if (clean) REQUIRE(fixture.log->flusher().close(0).has_value());
    fixture.open(clean);
    const auto duplicate =
        fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {7, 3, 9})).value();
    CHECK(duplicate.is_duplicate);
    CHECK_EQ(duplicate.base_offset.value(), 9);
    CHECK(fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {7, 3, 11}))
              .error()
              .is(LogError::out_of_order_sequence));
    CHECK(fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {7, 2, 0}))
              .error()
              .is(LogError::invalid_producer_epoch));
    CHECK(fixture.append(make_batch(1, 1000, "v", protocol::Codec::none, {7, 3, 10})).has_value());
  }
}
