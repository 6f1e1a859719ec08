// Goal: a wrong index, whatever stop it comes from, costs time and never a record: not the log's
// end, not the start of the broker, not what lies behind the offset that is read; and no start
// reads more than it must.
#include <doctest/doctest.h>

#include <functional>

#include "base/big_endian.h"
#include "test/unit/storage/counting_files.h"
#include "test/unit/storage/legacy_fixture.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using storage_test::big_endian;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

constexpr char kFirstIndex[] = "00000000000000000000.index";
constexpr char kFirstTimeIndex[] = "00000000000000000000.timeindex";

std::string entry(std::int32_t offset, std::int32_t position) {
  return big_endian(offset) + big_endian(position);
}

struct Damage {
  const char* name;
  std::function<std::string(const std::string& good)> make;
};

std::string random_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t random = 42;
  for (char& byte : bytes) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(random >> 56);
  }
  return bytes;
}

const Damage kDamages[] = {
    {"beyond the file", [](const std::string& good) { return good + entry(1 << 20, 1 << 30); }},
    {"falling", [](const std::string& good) { return good + entry(1, 1); }},
    {"negative position",
     [](const std::string& good) { return good.substr(0, 8) + entry(100, -5) + good.substr(16); }},
    {"negative offset", [](const std::string& good) { return entry(-7, 70) + good.substr(8); }},
    {"random", [](const std::string& good) { return random_bytes(good.size()); }},
    {"half an entry", [](const std::string& good) { return good + "abc"; }},
    {"too far on",
     [](const std::string& good) {
       return good.substr(0, 8) + good.substr(8, 4) + good.substr(good.size() - 4);
     }},
    {"no batch there",
     [](const std::string& good) {
       std::string bytes = good;
       bytes[bytes.size() - 1] = static_cast<char>(bytes.back() + 3);
       return bytes;
     }},
};

std::string content_of(LogFixture& fixture, const std::string& name) {
  return fixture.files().read_file(fixture.path(name), 1 << 30).value();
}

void replace(LogFixture& fixture, const std::string& name, const std::string& bytes) {
  const auto file = fixture.files().open(fixture.path(name), runtime::OpenMode::truncate).value();
  REQUIRE(file->pwrite(base::as_bytes(bytes), 0).has_value());
}

void fill(LogFixture& fixture) {
  fixture.config.index_interval_bytes = 300;
  fixture.open();
  for (int i = 0; i < 60; ++i) REQUIRE(fixture.append(make_batch(2, 1000 + i)).has_value());
}

}  // namespace

TEST_CASE("a wrong offset index of a clean stop loses nothing, in the active or a sealed segment") {
  for (const Damage& damage : kDamages) {
    for (const bool is_sealed : {false, true}) {
      CAPTURE(damage.name);
      CAPTURE(is_sealed);
      LogFixture fixture;
      fill(fixture);
      if (is_sealed) REQUIRE(fixture.log->roll(0).has_value());
      REQUIRE(fixture.append(make_batch(2, 5000)).has_value());
      const auto all = fixture.read_all(0);
      REQUIRE(fixture.log->flusher().close(0).has_value());
      fixture.log.reset();
      replace(fixture, kFirstIndex, damage.make(content_of(fixture, kFirstIndex)));
      fixture.open();
      CHECK_EQ(fixture.log->log_end_offset().value(), 122);
      for (const std::int64_t from : {119, 60, 3, 100, 0}) {
        CHECK_EQ(fixture.read_all(from, 200).size(), all.size() - static_cast<std::size_t>(from));
      }
      CHECK_EQ(fixture.log->offset_for_timestamp(1050).value()->offset.value(), 99);
      CHECK_EQ(fixture.append(make_batch(1))->base_offset.value(), 122);
      REQUIRE(fixture.log->truncate_to(Offset(90), 0).has_value());
      CHECK_EQ(fixture.log->log_end_offset().value(), 90);
      CHECK_EQ(fixture.read_all(0), std::vector(all.begin(), all.begin() + 90));
      CHECK(fixture.failures.empty());
    }
  }
}

TEST_CASE("a wrong time index is built anew: retention and look-ups go by the log") {
  for (const int damage : {0, 1, 2}) {
    for (const bool is_sealed : {false, true}) {
      CAPTURE(damage);
      LogFixture fixture;
      fill(fixture);
      if (is_sealed) REQUIRE(fixture.log->roll(0).has_value());
      REQUIRE(fixture.append(make_batch(2, 5000)).has_value());
      REQUIRE(fixture.log->flusher().close(0).has_value());
      fixture.log.reset();
      const std::string good = content_of(fixture, kFirstTimeIndex);
      const std::string wrong =
          damage == 0   ? random_bytes(good.size())
          : damage == 1 ? big_endian<std::int64_t>(1) + big_endian<std::int32_t>(119)
                        : good + big_endian<std::int64_t>(9000) + big_endian<std::int32_t>(4000);
      replace(fixture, kFirstTimeIndex, wrong);
      fixture.open();
      CHECK_EQ(fixture.log->offset_for_timestamp(1050).value()->offset.value(), 99);
      CHECK_EQ(fixture.log->offset_of_max_timestamp().value()->offset.value(), 121);
      fixture.config.retention_ms = 1000;
      fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
      fixture.log->set_high_watermark(Offset(122));
      CHECK_EQ(fixture.log->delete_old_segments(2000).value(), 0);
    }
  }
}

TEST_CASE("a look-up that lands behind its offset reads from the start; the next start mends it") {
  LogFixture fixture;
  fixture.config.segment_bytes = 1 << 30;
  fixture.config.index_interval_bytes = 0;
  fixture.open();
  // So large that not all of the index is looked at before its first use.
  constexpr int kBatches = 40'000;
  for (int i = 0; i < kBatches; ++i) REQUIRE(fixture.append(make_batch(1)).has_value());
  REQUIRE(fixture.log->flusher().close(0).has_value());
  fixture.log.reset();
  std::string bytes = content_of(fixture, kFirstIndex);
  const std::size_t middle = bytes.size() / 16 * 8;
  REQUIRE(middle > 128 * 1024);
  // Ordered, but all of them too far on.
  for (std::size_t i = 0; i < 400; ++i) {
    bytes.replace(middle + i * 8 + 4, 4, bytes.substr(middle + (i + 400) * 8 + 4, 4));
  }
  replace(fixture, kFirstIndex, bytes);
  for (int start = 0; start < 2; ++start) {
    CAPTURE(start);
    fixture.open();
    const std::int64_t from = static_cast<std::int64_t>(middle / 8) + 10;
    const auto first = fixture.log->read({Offset(from), Offset(kBatches), 1000, true}).value();
    CHECK_EQ(protocol::frame_batch(first.bytes())->base_offset().value(), from);
    CHECK_EQ(fixture.log->read({Offset(from + 1000), Offset(kBatches), 1000, true})->size(),
             first.size());
    REQUIRE(fixture.log->flusher().close(0).has_value());
    fixture.log.reset();
  }
  CHECK(content_of(fixture, kFirstIndex).substr(0, 1000) != bytes.substr(0, 1000));
}

TEST_CASE("recovery reads from the recovery point on, not the segment that holds it") {
  constexpr std::int64_t kSegmentBytes = std::int64_t{64} << 20;
  const auto files = std::make_shared<storage_test::CountingFiles>();
  LogFixture fixture(files);
  fixture.open();
  const std::string value(60'000, 'v');
  while (fixture.log->size_bytes() < kSegmentBytes) {
    REQUIRE(fixture.append(make_batch(1, 1000, value)).has_value());
  }
  REQUIRE(fixture.log->flusher().flush(0).has_value());
  const Offset flushed = fixture.log->recovery_point();
  REQUIRE(fixture.append(make_batch(1, 2000, value)).has_value());
  const Offset end = fixture.log->log_end_offset();
  for (const bool has_unflushed : {true, false}) {
    fixture.log.reset();
    files->read_bytes.store(0);
    fixture.open(false, has_unflushed ? flushed : end);
    CHECK_EQ(fixture.log->log_end_offset(), end);
    CHECK(files->read_bytes.load() < 1 << 20);
    CHECK_EQ(fixture.log->offset_of_max_timestamp().value()->offset, end - 1);
  }
  // A look-up behind the start still finds all of it.
  CHECK_EQ(fixture.read_all(0, 1 << 20).size(), static_cast<std::size_t>(end.value()));
}

TEST_CASE("damage above the recovery point is cut off, below it nothing is") {
  LogFixture fixture;
  fill(fixture);
  const std::int64_t batch_bytes = fixture.log->size_bytes() / 60;
  fixture.log.reset();
  const auto flip = [&](std::int64_t position) {
    const auto file =
        fixture.files()
            .open(fixture.path("00000000000000000000.log"), runtime::OpenMode::read_write)
            .value();
    REQUIRE(file->pwrite(base::as_bytes(std::string(1, '!')), position).has_value());
  };
  flip(30 * batch_bytes + 70);
  flip(50 * batch_bytes + 70);
  fixture.open(false, Offset(80));
  CHECK_EQ(fixture.log->log_end_offset().value(), 100);
  CHECK_EQ(fixture.append(make_batch(1))->base_offset.value(), 100);
}

TEST_CASE("a damaged header below the recovery point keeps no log from loading") {
  constexpr int kBatches = 60;
  for (int recovery_point = 20; recovery_point < 40; ++recovery_point) {
    CAPTURE(recovery_point);
    LogFixture fixture;
    fixture.config.index_interval_bytes = 300;
    fixture.open();
    for (int i = 0; i < kBatches; ++i) {
      REQUIRE(fixture.append(make_batch(1, 1000 + i)).has_value());
    }
    REQUIRE(fixture.log->flusher().flush(0).has_value());
    fixture.log.reset();
    const std::string path = fixture.path("00000000000000000000.log");
    const std::int64_t batch_bytes = fixture.files().info(path)->size_bytes / kBatches;
    {
      const auto file = fixture.files().open(path, runtime::OpenMode::read_write).value();
      const std::string wrong_magic = "\x7f";
      const std::int64_t damaged = (recovery_point - 1) * batch_bytes;
      REQUIRE(file->pwrite(base::as_bytes(wrong_magic), damaged + 16).has_value());
    }
    REQUIRE(fixture.try_open(false, Offset(recovery_point)).has_value());
    // Where no index entry lies between them, nothing leads past the damage: cut there, as in
    // Kafka.
    const std::int64_t log_end = fixture.log->log_end_offset().value();
    CHECK((log_end == kBatches || log_end == recovery_point - 1));
  }
}
