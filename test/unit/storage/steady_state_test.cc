// Goal: what happens all the time costs what it should: an append is one write, a tail fetch reads
// nothing; and readers, appenders, flushes and truncations get along (with the thread sanitizer).
#include <doctest/doctest.h>

#include <thread>

#include "runtime/sim/sim_file_system.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 1'000'000; }
};

// An open log on a simulated disk.
struct OnSimDisk {
  OnSimDisk() {
    REQUIRE(files->create_directories("/data").has_value());
    fixture.open();
  }
  StillClock clock;
  std::shared_ptr<runtime::SimFileSystem> files = std::make_shared<runtime::SimFileSystem>(clock);
  LogFixture fixture{files, "/data"};
};

}  // namespace

TEST_CASE("an append is one write; fetching the tail touches no file") {
  OnSimDisk disk;
  auto& [clock, files, fixture] = disk;
  for (int i = 0; i < 10; ++i) REQUIRE(fixture.append(make_batch(5)).has_value());
  std::map<runtime::SimFileOperation, int> calls;
  files->set_fault_hook([&](runtime::SimFileOperation operation, const std::string&) {
    ++calls[operation];
    return runtime::SimFileFault{};
  });
  for (int i = 0; i < 100; ++i) {
    const auto info = fixture.append(make_batch(5)).value();
    fixture.log->set_high_watermark(info.last_offset + 1);
    const auto plan =
        fixture.log->plan_read({info.base_offset, fixture.log->high_watermark(), 1 << 20}).value();
    CHECK_EQ(plan.slices.size(), 1);
  }
  CHECK_EQ(calls.size(), 1);
  CHECK_EQ(calls[runtime::SimFileOperation::write], 100);
  files->set_fault_hook({});
}

TEST_CASE("a full disk refuses appends, keeps reads, and recovers by itself") {
  OnSimDisk disk;
  auto& [clock, files, fixture] = disk;
  for (int i = 0; i < 10; ++i) REQUIRE(fixture.append(make_batch(5)).has_value());
  files->set_capacity_bytes(fixture.log->size_bytes() + 100);
  for (int i = 0; i < 3; ++i) {
    CHECK(fixture.append(make_batch(50)).error().is(storage::LogError::storage_error));
  }
  CHECK(fixture.failures.empty());
  CHECK_EQ(fixture.read_all(0).size(), 50);
  files->set_capacity_bytes(1 << 30);
  CHECK_EQ(fixture.append(make_batch(50))->base_offset.value(), 50);
  fixture.reopen_clean();
  CHECK_EQ(fixture.read_all(0).size(), 100);
}

TEST_CASE("any other disk error is reported, for the directory to go offline") {
  OnSimDisk disk;
  auto& [clock, files, fixture] = disk;
  files->set_fault_hook([&](runtime::SimFileOperation operation, const std::string&) {
    runtime::SimFileFault fault;
    if (operation == runtime::SimFileOperation::write) fault.errno_value = EIO;
    return fault;
  });
  CHECK(fixture.append(make_batch(5)).error().is(storage::LogError::storage_error));
  CHECK_EQ(fixture.failures.size(), 1);
  files->set_fault_hook({});
}

TEST_CASE("one appends, others read, flush, look up and truncate at the same time") {
  LogFixture fixture;
  fixture.config.segment_bytes = 20'000;
  fixture.config.index_interval_bytes = 500;
  fixture.open();
  std::atomic<bool> is_done{false};
  std::thread appender([&] {
    for (int i = 0; i < 2000; ++i) {
      base::Buffer batch = make_batch(3, 1000 + i);
      storage::AppendRequest request;
      request.records = batch.mutable_bytes();
      request.now_ms = 1'000'000;
      const auto info = fixture.log->append(request);
      REQUIRE(info.has_value());
      fixture.log->set_high_watermark(info->last_offset + 1);
      if (i % 500 == 499) {
        REQUIRE(fixture.log->truncate_to(info->last_offset - 200, 0).has_value());
      }
    }
    is_done.store(true);
  });
  std::thread flusher([&] {
    while (!is_done.load()) REQUIRE(fixture.log->flusher().flush(1).has_value());
  });
  std::uint64_t random = 1;
  int read_batches = 0;
  while (!is_done.load()) {
    random = random * 6364136223846793005u + 1;
    const base::Offset end = fixture.log->high_watermark();
    const Offset from(
        static_cast<std::int64_t>((random >> 33) % static_cast<std::uint64_t>(end.value() + 1)));
    const auto bytes = fixture.log->read({from, end, 5000, true});
    // Truncated between the look at the high watermark and the read.
    if (!bytes) continue;
    for (base::Bytes rest = bytes->bytes(); !rest.empty();) {
      const auto batch = protocol::frame_batch(rest);
      REQUIRE(batch.has_value());
      REQUIRE(batch->is_checksum_right());
      rest = rest.subspan(batch->bytes().size());
      ++read_batches;
    }
    REQUIRE(fixture.log->offset_for_timestamp(1000 + (end.value() % 2000)).has_value());
  }
  appender.join();
  flusher.join();
  CHECK(read_batches > 0);
  CHECK(fixture.failures.empty());
}
