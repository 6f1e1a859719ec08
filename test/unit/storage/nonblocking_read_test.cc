// Goal: a data loop neither waits for the device nor for a lock that all partitions share when it
// reads; a worker brings in what is not in memory.
#include <doctest/doctest.h>

#include <map>
#include <set>

#include "runtime/sim/sim_file_system.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using runtime::SimFileOperation;
using storage::ReadRequest;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 1'000'000; }
};

// A log on a simulated disk whose files are in memory only once somebody has read them.
struct ColdDisk {
  ColdDisk() {
    REQUIRE(files->create_directories("/data").has_value());
    fixture.config.index_interval_bytes = 500;
    fixture.open();
  }
  ~ColdDisk() { files->set_fault_hook({}); }

  // As after a restart: everything is on the device and nothing in memory.
  void make_cold() {
    REQUIRE(fixture.log->flusher().close(0).has_value());
    fixture.open();
    files->set_fault_hook([this](SimFileOperation operation, const std::string& path) {
      ++calls[operation];
      runtime::SimFileFault fault;
      if (operation == SimFileOperation::read) resident.insert(path);
      if (operation == SimFileOperation::read_nowait && !resident.contains(path)) {
        fault.errno_value = EAGAIN;
      }
      return fault;
    });
  }
  ReadRequest without_waiting(std::int64_t from, std::int64_t max_bytes) const {
    ReadRequest request{Offset(from), fixture.log->log_end_offset(), max_bytes};
    request.may_block = false;
    return request;
  }

  StillClock clock;
  std::shared_ptr<runtime::SimFileSystem> files = std::make_shared<runtime::SimFileSystem>(clock);
  std::set<std::string> resident;
  std::map<SimFileOperation, int> calls;
  LogFixture fixture{files, "/data"};
};

}  // namespace

TEST_CASE("a plan that may not wait opens nothing and reads nothing from the device") {
  ColdDisk disk;
  for (int i = 0; i < 100; ++i) REQUIRE(disk.fixture.append(make_batch(5)).has_value());
  disk.make_cold();
  const ReadRequest request = disk.without_waiting(100, 4000);
  CHECK(disk.fixture.log->plan_read(request).error().is(base::Errc::would_block));
  CHECK(disk.fixture.log->read(request).error().is(base::Errc::would_block));
  CHECK_EQ(disk.calls[SimFileOperation::open], 0);
  CHECK_EQ(disk.calls[SimFileOperation::read], 0);

  const auto ahead = disk.fixture.log->read_ahead(request).value();
  CHECK(ahead.size_bytes > 3000);
  disk.calls.clear();
  const auto plan = disk.fixture.log->plan_read(request).value();
  CHECK_EQ(plan.size_bytes, ahead.size_bytes);
  CHECK_EQ(plan.slices[0].position, ahead.slices[0].position);
  CHECK_EQ(disk.calls[SimFileOperation::open], 0);
  CHECK_EQ(disk.calls[SimFileOperation::read], 0);
  CHECK(disk.calls[SimFileOperation::read_nowait] > 0);
}

TEST_CASE("records that are not in memory are no plan, though their place is known") {
  ColdDisk disk;
  for (int i = 0; i < 10; ++i) REQUIRE(disk.fixture.append(make_batch(5)).has_value());
  disk.make_cold();
  const ReadRequest request = disk.without_waiting(0, 100'000);
  REQUIRE(disk.fixture.log->read_ahead(request).has_value());
  REQUIRE(disk.fixture.log->plan_read(request).has_value());
  disk.resident.clear();  // the kernel needed the memory for something else
  CHECK(disk.fixture.log->plan_read(request).error().is(base::Errc::would_block));
}

TEST_CASE("what is read ahead at once is bounded; a larger batch is read whole if it must be") {
  ColdDisk disk;
  const std::string value(700'000, 'v');
  for (int i = 0; i < 4; ++i) {
    REQUIRE(disk.fixture.append(make_batch(1, 1000, value)).has_value());
  }
  disk.fixture.config.max_message_bytes = 10'000'000;
  disk.fixture.log->set_config(std::make_shared<const storage::LogConfig>(disk.fixture.config));
  REQUIRE(disk.fixture.append(make_batch(4, 1000, value)).has_value());
  disk.make_cold();
  ReadRequest request = disk.without_waiting(0, INT64_C(50'000'000));
  const auto ahead = disk.fixture.log->read_ahead(request).value();
  CHECK(ahead.size_bytes <= ReadRequest::kReadAheadBytes);
  CHECK(ahead.size_bytes > ReadRequest::kReadAheadBytes / 2);
  CHECK_EQ(disk.fixture.log->plan_read(request)->size_bytes, ahead.size_bytes);
  CHECK(disk.calls[SimFileOperation::read_nowait] < 40);

  request.from = Offset(4);
  CHECK(disk.fixture.log->plan_read(request)->size_bytes > ReadRequest::kReadAheadBytes);
  CHECK(disk.fixture.log->read_ahead(request)->size_bytes > ReadRequest::kReadAheadBytes);
  request.max_bytes = 1000;
  CHECK(disk.fixture.log->plan_read(request)->slices.empty());
  request.at_least_one_batch = true;
  CHECK(disk.fixture.log->plan_read(request)->size_bytes > ReadRequest::kReadAheadBytes);
}

TEST_CASE("appends and reads of the tail take no lock that partitions share, and ask no file") {
  ColdDisk disk;
  LogFixture& fixture = disk.fixture;
  fixture.config.index_interval_bytes = 0;
  fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
  disk.make_cold();
  REQUIRE(fixture.append(make_batch(1)).has_value());  // opens the file
  disk.calls.clear();
  const auto descriptor_locks = fixture.descriptors.lock_count();
  const auto page_locks = fixture.index_pages.lock_count();
  for (int i = 0; i < 2000; ++i) {  // index entries are written out meanwhile
    const auto info = fixture.append(make_batch(1, 1000 + i)).value();
    fixture.log->set_high_watermark(info.last_offset + 1);
    ReadRequest request = disk.without_waiting(info.base_offset.value(), 1 << 20);
    request.up_to = fixture.log->high_watermark();
    CHECK_EQ(fixture.log->plan_read(request)->slices.size(), 1);
  }
  CHECK_EQ(fixture.descriptors.lock_count(), descriptor_locks);
  CHECK_EQ(fixture.index_pages.lock_count(), page_locks);
  CHECK_EQ(disk.calls[SimFileOperation::read], 0);
  CHECK_EQ(disk.calls[SimFileOperation::read_nowait], 0);
}

TEST_CASE("descriptors: the limit holds, what is in use stays open, a closed file opens again") {
  ColdDisk disk;
  storage::DescriptorCache cache(*disk.files, 3);
  std::array<storage::DescriptorCache::Handle, 6> handles;
  const auto get = [&](std::size_t i) {
    const std::string path = "/data/file" + std::to_string(i);
    REQUIRE(disk.files->open(path, runtime::OpenMode::create).has_value());
    const auto file = cache.get(handles[i], path);
    REQUIRE(file.has_value());
    return *file;
  };
  const auto held = get(0);
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 1; i < handles.size(); ++i) {
      (void)get(i);
      CHECK_EQ(get(0), held);  // used all the time
      CHECK(cache.open_files() <= 3);
    }
  }
  CHECK(handles[5].file() != nullptr);
  cache.close(handles[5]);
  CHECK(handles[5].file() == nullptr);
  cache.close(handles[5]);
  cache.close(handles[0]);
  CHECK(held->size().has_value());  // whoever has it may go on
  for (auto& handle : handles) cache.close(handle);
  CHECK_EQ(cache.open_files(), 0);
}
