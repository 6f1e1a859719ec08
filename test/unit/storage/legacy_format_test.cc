// Goal: logs of upgraded clusters, with messages of formats v0 and v1 before the batches, are read,
// looked up, recovered, cut and retained like any other; nothing is written in those formats.
#include <doctest/doctest.h>

#include <algorithm>

#include "test/unit/storage/legacy_fixture.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using protocol::Codec;
using storage::LogError;
using storage_test::legacy_entry;
using storage_test::legacy_wrapper;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

constexpr char kFirstLog[] = "00000000000000000000.log";
constexpr char kFirstIndex[] = "00000000000000000000.index";
constexpr char kFirstTimeIndex[] = "00000000000000000000.timeindex";

void write_file(LogFixture& fixture, const std::string& name, const std::string& bytes) {
  const auto file = fixture.files().open(fixture.path(name), runtime::OpenMode::truncate).value();
  REQUIRE(file->pwrite(base::as_bytes(bytes), 0).has_value());
}

// Offsets 0..3 in v0, 4..7 in v1 (timestamps 1004..), 8..11 compressed v1 (2000, 5000, 3000, 4000),
// then the batches of the log itself.
struct UpgradedLog {
  explicit UpgradedLog(bool clean = true) {
    REQUIRE(fixture.files().create_directory(fixture.path("")).has_value());
    for (int i = 0; i < 4; ++i) legacy += legacy_entry(0, i, -1, "v0");
    v1_position = legacy.size();
    for (int i = 4; i < 8; ++i) legacy += legacy_entry(1, i, 1000 + i, "v1");
    legacy += legacy_wrapper(11, {2000, 5000, 3000, 4000}, Codec::gzip);
    write_file(fixture, kFirstLog, legacy);
    write_file(fixture, kFirstIndex, "");
    if (clean) {
      write_file(fixture, kFirstTimeIndex,
                 storage_test::big_endian<std::int64_t>(5000) +
                     storage_test::big_endian<std::int32_t>(11));
    }
    fixture.open(clean);
  }
  std::string read(std::int64_t from, std::int64_t to, std::int8_t magic_max = 2) const {
    storage::ReadRequest request{Offset(from), Offset(to), 1 << 20, true};
    request.magic_max = magic_max;
    const auto bytes = fixture.log->read(request);
    if (!bytes) FAIL(bytes.error().to_string());
    return std::string(base::as_text(bytes->bytes()));
  }

  std::string legacy;
  std::size_t v1_position = 0;
  LogFixture fixture;
};

}  // namespace

TEST_CASE("v0 and v1 are read as they are stored, from any offset, before and behind v2") {
  for (const bool clean : {true, false}) {
    UpgradedLog old(clean);
    CHECK_EQ(old.fixture.log->log_end_offset().value(), 12);
    REQUIRE(old.fixture.append(make_batch(2, 9000)).has_value());
    CHECK_EQ(old.read(0, 12), old.legacy);
    CHECK_EQ(old.read(4, 12), old.legacy.substr(old.v1_position));
    CHECK_EQ(old.read(9, 12), old.legacy.substr(old.legacy.size() - old.read(11, 12).size()));
    CHECK(old.read(0, 14).starts_with(old.legacy));
    CHECK(old.read(0, 14).size() > old.legacy.size());
    CHECK_EQ(old.read(12, 14).size(), old.read(0, 14).size() - old.legacy.size());
    CHECK(old.fixture.failures.empty());
  }
}

TEST_CASE("a reader of older formats gets what it knows, and is refused what would be converted") {
  UpgradedLog old;
  REQUIRE(old.fixture.append(make_batch(2)).has_value());
  CHECK_EQ(old.read(0, 14, 0), old.legacy.substr(0, old.v1_position));
  CHECK_EQ(old.read(0, 14, 1), old.legacy);
  storage::ReadRequest request{Offset(4), Offset(14), 1 << 20, true};
  request.magic_max = 0;
  CHECK(old.fixture.log->plan_read(request).error().is(LogError::unsupported_message_format));
  request.magic_max = 1;
  request.from = Offset(12);
  CHECK(old.fixture.log->plan_read(request).error().is(LogError::unsupported_message_format));
  CHECK(old.fixture.failures.empty());
}

TEST_CASE("v1 timestamps are found, those inside compressed messages too; v0 has none") {
  for (const bool clean : {true, false}) {
    UpgradedLog old(clean);
    REQUIRE(old.fixture.append(make_batch(2, 9000)).has_value());
    const auto offset_at = [&](std::int64_t timestamp_ms) {
      const auto found = old.fixture.log->offset_for_timestamp(timestamp_ms).value();
      return found ? found->offset.value() : -1;
    };
    CHECK_EQ(offset_at(0), 4);
    CHECK_EQ(offset_at(1006), 6);
    CHECK_EQ(offset_at(1500), 8);
    CHECK_EQ(offset_at(2001), 9);
    CHECK_EQ(offset_at(5001), 12);
    CHECK_EQ(offset_at(9001), 13);
    CHECK_EQ(offset_at(9002), -1);
    CHECK_EQ(old.fixture.log->offset_for_timestamp(2001).value()->timestamp_ms, 5000);
    CHECK_EQ(old.fixture.log->offset_for_timestamp(2001).value()->leader_epoch.value(), -1);
    CHECK_EQ(old.fixture.log->offset_of_max_timestamp().value()->offset.value(), 13);
  }
}

TEST_CASE("an append time counts for all messages inside") {
  LogFixture fixture;
  REQUIRE(fixture.files().create_directory(fixture.path("")).has_value());
  write_file(fixture, kFirstLog, legacy_wrapper(3, {7, 8, 9, 10}, Codec::snappy, true));
  fixture.open(false);
  CHECK_EQ(fixture.log->offset_for_timestamp(10).value()->offset.value(), 0);
  CHECK(!fixture.log->offset_for_timestamp(11).value().has_value());
}

TEST_CASE("recovery checks the checksums of v0 and v1 and cuts at the first wrong one") {
  for (const std::size_t damaged : {std::size_t{25}, std::size_t{0}}) {
    LogFixture fixture;
    REQUIRE(fixture.files().create_directory(fixture.path("")).has_value());
    std::string bytes;
    for (int i = 0; i < 200; ++i) bytes += legacy_entry(i < 50 ? 0 : 1, i, 1000 + i, "value");
    const std::size_t whole = bytes.size();
    std::string last = legacy_entry(1, 200, 1200, "value");
    last[last.size() - 1 - damaged] ^= 1;
    write_file(fixture, kFirstLog, bytes + last);
    fixture.config.index_interval_bytes = 500;
    fixture.open(false);
    CHECK_EQ(fixture.log->log_end_offset().value(), 200);
    CHECK_EQ(fixture.log->size_bytes(), static_cast<std::int64_t>(whole));
    CHECK(fixture.log->offset_for_timestamp(1150).value()->offset.value() == 150);
    REQUIRE(fixture.log->truncate_to(Offset(120), 0).has_value());
    CHECK_EQ(fixture.log->log_end_offset().value(), 120);
    CHECK_EQ(fixture.append(make_batch(1))->base_offset.value(), 120);
    fixture.reopen_clean();
    CHECK_EQ(fixture.log->log_end_offset().value(), 121);
    CHECK(fixture.files().info(fixture.path(kFirstIndex))->size_bytes > 0);
  }
}

TEST_CASE("retention goes by v1 timestamps, and by the file's age where there are none") {
  UpgradedLog old;
  REQUIRE(old.fixture.log->roll(0).has_value());
  REQUIRE(old.fixture.append(make_batch(1, 100'000)).has_value());
  old.fixture.log->set_high_watermark(Offset(13));
  old.fixture.config.retention_ms = 1000;
  old.fixture.log->set_config(std::make_shared<const storage::LogConfig>(old.fixture.config));
  CHECK_EQ(old.fixture.log->delete_old_segments(5900).value(), 0);
  CHECK_EQ(old.fixture.log->delete_old_segments(6100).value(), 1);
  CHECK_EQ(old.fixture.log->log_start_offset().value(), 12);
}

TEST_CASE("nothing is appended in v0 or v1, by producers or from a leader") {
  LogFixture fixture;
  fixture.open();
  for (const int magic : {0, 1}) {
    const std::string entry = legacy_entry(magic, 0, 1000, "value");
    CHECK(!fixture.append(base::Buffer::copy_of(base::as_bytes(entry))).has_value());
    CHECK(fixture.log->append_as_follower(base::as_bytes(entry), 0)
              .error()
              .is(LogError::unsupported_message_format));
  }
  CHECK_EQ(fixture.log->log_end_offset().value(), 0);
}

TEST_CASE("damaged bytes met by a read are that request's trouble, not the disk's") {
  // The magic of the third batch, its length, or a byte of its records.
  for (const int damage : {0, 1, 2}) {
    for (const bool clean : {true, false}) {
      CAPTURE(damage);
      CAPTURE(clean);
      LogFixture fixture;
      fixture.config.index_interval_bytes = 1 << 20;
      fixture.open();
      std::int64_t third = 0;
      for (int i = 0; i < 5; ++i) {
        if (i == 2) third = fixture.log->size_bytes();
        REQUIRE(fixture.append(make_batch(2, 1000 * (i + 1))).has_value());
      }
      REQUIRE(fixture.log->roll(0).has_value());
      REQUIRE(fixture.append(make_batch(2, 10'000)).has_value());
      REQUIRE(fixture.log->flusher().close(0).has_value());
      const Offset end = fixture.log->log_end_offset();
      fixture.log.reset();
      const std::int64_t at = third + (damage == 0 ? 16 : damage == 1 ? 8 : 70);
      const auto file =
          fixture.files().open(fixture.path(kFirstLog), runtime::OpenMode::read_write).value();
      REQUIRE(file->pwrite(base::as_bytes(std::string(1, '\x7f')), at).has_value());
      fixture.open(clean, end);
      CHECK_EQ(fixture.log->log_end_offset(), end);

      if (damage != 2) {
        CHECK(fixture.log->read({Offset(5), end, 1 << 20, true})
                  .error()
                  .is(LogError::corrupt_message));
      }
      CHECK(fixture.log->offset_for_timestamp(2500).error().is(LogError::corrupt_message));
      // What lies before it, and the next segment, are read as ever.
      CHECK(fixture.log->read({Offset(0), end, 200, true})->size() > 0);
      CHECK(fixture.log->read({Offset(10), end, 1 << 20, true})->size() > 0);
      CHECK_EQ(fixture.append(make_batch(1))->base_offset, end);
      CHECK(fixture.failures.empty());
    }
  }
}

TEST_CASE("hostile messages of the old formats are corrupt, and nothing worse") {
  const std::string good = legacy_wrapper(3, {7, 8, 9, 10}, Codec::gzip);
  for (std::size_t cut = 0; cut < good.size(); ++cut) {
    std::string bytes = good.substr(0, cut);
    const auto framed = protocol::frame_legacy_header(base::as_bytes(bytes));
    CHECK((!framed || cut >= 34));
  }
  std::uint64_t random = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (int flips = 0; flips < 3; ++flips) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      bytes[(random >> 33) % bytes.size()] = static_cast<char>(random >> 24);
    }
    const auto framed = protocol::frame_legacy_header(base::as_bytes(bytes));
    if (!framed || framed->size_bytes() > static_cast<std::int64_t>(bytes.size())) continue;
    (void)protocol::for_each_legacy_record(*framed, 1 << 20, [](const auto&) { return true; });
  }
}
