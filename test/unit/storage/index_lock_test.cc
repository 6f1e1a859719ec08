// Goal: who only appends or may not wait is not held up by a reader that waits for the device; very
// many aborted transactions are looked for on a worker; what was given up does no more harm.
// Method: indexes on a simulated disk that stops in the middle of a read, with another thread in
// it.
#include <doctest/doctest.h>

#include <future>
#include <latch>
#include <thread>

#include "base/big_endian.h"
#include "runtime/sim/sim_file_system.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using runtime::SimFileOperation;
using storage::AbortedTransaction;
using storage::IndexFile;

namespace {

constexpr std::size_t kEntryBytes = 8;
constexpr char kPath[] = "/index";

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 1'000'000; }
};

std::array<std::byte, kEntryBytes> entry(std::int64_t value) {
  std::array<std::byte, kEntryBytes> raw;
  base::store_be<std::int64_t>(raw.data(), value);
  return raw;
}

// A file of many entries, of which nothing is in memory.
struct StoppingDisk {
  StoppingDisk() {
    IndexFile written(files, pages, kPath, kEntryBytes);
    written.assume_empty();
    for (int i = 1; i <= 2000; ++i) REQUIRE(written.append(entry(i).data()).has_value());
    REQUIRE(written.write_out().has_value());
  }

  // Runs `reader` on a thread of its own until it is at the disk, then `other` on another one:
  // whether that has ended while the reader was still waiting.
  bool ends_beside(std::function<void()> reader, std::function<void()> other,
                   SimFileOperation where = SimFileOperation::read) {
    std::latch began(1);
    std::latch goes_on(1);
    std::atomic<bool> has_stopped = false;
    files.set_pause_hook([&](SimFileOperation operation, const std::string&) {
      if (operation != where || has_stopped.exchange(true)) return;
      began.count_down();
      goes_on.wait();
    });
    std::thread waiting(std::move(reader));
    began.wait();
    auto done = std::async(std::launch::async, std::move(other));
    const bool has_ended = done.wait_for(std::chrono::seconds(5)) == std::future_status::ready;
    goes_on.count_down();
    waiting.join();
    done.get();
    files.set_pause_hook({});
    return has_ended;
  }

  StillClock clock;
  runtime::SimFileSystem files{clock};
  storage::IndexPageCache pages{files, 100 * 4080};
};

std::int64_t read(IndexFile& index, std::int64_t at) {
  std::array<std::byte, kEntryBytes> raw;
  const auto done = index.read(at, raw.data(), true);
  return done ? base::load_be<std::int64_t>(raw.data()) : -1;
}

AbortedTransaction aborted(std::int64_t i) {
  return {i, Offset(10 * i), Offset(10 * i + 5), Offset(10 * i)};
}

}  // namespace

TEST_CASE("an append does not wait for a page that somebody else reads") {
  StoppingDisk disk;
  IndexFile index(disk.files, disk.pages, kPath, kEntryBytes);
  REQUIRE_EQ(index.count().value(), 2000);
  CHECK(disk.ends_beside([&] { CHECK_EQ(read(index, 3), 4); },
                         [&] {
                           CHECK(index.append(entry(2001).data()).has_value());
                           CHECK_EQ(index.count().value(), 2001);
                         }));
  CHECK_EQ(read(index, 2000), 2001);
}

TEST_CASE("a page that was cut while it was read is looked at again") {
  StoppingDisk disk;
  IndexFile index(disk.files, disk.pages, kPath, kEntryBytes);
  REQUIRE_EQ(index.count().value(), 2000);
  std::array<std::byte, kEntryBytes> raw;
  CHECK(disk.ends_beside([&] { (void)index.read(3, raw.data(), true); },
                         [&] {
                           CHECK(index.truncate(2).has_value());
                           for (const int i : {103, 104, 105}) {
                             CHECK(index.append(entry(i).data()).has_value());
                           }
                           CHECK(index.write_out().has_value());
                         }));
  CHECK_EQ(base::load_be<std::int64_t>(raw.data()), 104);
  CHECK_EQ(read(index, 1), 2);
  CHECK_EQ(read(index, 2), 103);
}

TEST_CASE("a file that gets another name while a page of it is read is looked for again") {
  StoppingDisk disk;
  IndexFile index(disk.files, disk.pages, kPath, kEntryBytes);
  REQUIRE_EQ(index.count().value(), 2000);
  CHECK(disk.ends_beside([&] { CHECK_EQ(read(index, 3), 4); },
                         [&] { CHECK(index.rename_to("/renamed").has_value()); },
                         SimFileOperation::open));
}

TEST_CASE("who may not wait gives up where somebody else has the first look at an index") {
  StoppingDisk disk;
  IndexFile index(disk.files, disk.pages, kPath, kEntryBytes);
  CHECK(disk.ends_beside([&] { CHECK_EQ(index.count().value(), 2000); },
                         [&] {
                           std::array<std::byte, kEntryBytes> raw;
                           const auto count = index.count(false);
                           REQUIRE_FALSE(count.has_value());
                           CHECK(count.error().is(base::Errc::would_block));
                           const auto entry = index.read(0, raw.data(), false);
                           REQUIRE_FALSE(entry.has_value());
                           CHECK(entry.error().is(base::Errc::would_block));
                         }));
  storage::TransactionIndex written(disk.files, "/txn");
  REQUIRE(written.append(aborted(1)).has_value());
  storage::TransactionIndex transactions(disk.files, "/txn");
  CHECK(disk.ends_beside([&] { CHECK(transactions.read(Offset(0)).has_value()); },
                         [&] {
                           std::vector<AbortedTransaction> found;
                           const auto added = transactions.add_aborted(Offset(0), Offset(0),
                                                                       Offset(100), false, found);
                           REQUIRE_FALSE(added.has_value());
                           CHECK(added.error().is(base::Errc::would_block));
                         }));
}

TEST_CASE("of very many aborted transactions few are read, and none on a loop") {
  StoppingDisk disk;
  constexpr std::int64_t kCount = 20'000;
  {
    storage::TransactionIndex written(disk.files, "/txn");
    for (std::int64_t i = 0; i < kCount; ++i) REQUIRE(written.append(aborted(i)).has_value());
  }
  storage::TransactionIndex index(disk.files, "/txn");
  REQUIRE(index.read(Offset(0)).has_value());  // as loading does
  std::vector<AbortedTransaction> found;
  int reads = 0;
  disk.files.set_fault_hook([&](SimFileOperation operation, const std::string&) {
    reads += operation == SimFileOperation::read ? 1 : 0;
    return runtime::SimFileFault{};
  });
  const auto at_once = index.add_aborted(Offset(0), Offset(0), Offset(50), false, found);
  REQUIRE_FALSE(at_once.has_value());
  CHECK(at_once.error().is(base::Errc::would_block));
  CHECK_EQ(reads, 0);
  for (const std::int64_t from : {0, 7, 100'003, 199'990, 200'100}) {
    CAPTURE(from);
    found.clear();
    reads = 0;
    const Offset up_to(from + 31);
    const auto is_last = index.add_aborted(Offset(0), Offset(from), up_to, true, found);
    CHECK_EQ(is_last.value(), from < 199'000);
    CHECK(reads < 20);
    std::vector<std::int64_t> expected;
    for (std::int64_t i = 0; i < kCount; ++i) {
      const AbortedTransaction one = aborted(i);
      if (one.last_offset >= Offset(from) && one.first_offset < up_to) expected.push_back(i);
    }
    REQUIRE_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) CHECK_EQ(found[i].producer_id, expected[i]);
  }
  disk.files.set_fault_hook({});
}

// The file was gone, and a truncation that looked for an entry in it took the directory offline.
TEST_CASE("an index that was given up is empty and stays so") {
  StoppingDisk disk;
  IndexFile index(disk.files, disk.pages, kPath, kEntryBytes);
  REQUIRE_EQ(index.count().value(), 2000);
  index.give_up();
  CHECK_FALSE(disk.files.exists(kPath));
  CHECK_EQ(index.count().value(), 0);
  CHECK(index.truncate(1).has_value());
  for (int i = 0; i < 600; ++i) CHECK(index.append(entry(i).data()).has_value());
  CHECK_EQ(index.count().value(), 0);
  CHECK(index.sync().has_value());
  CHECK_FALSE(disk.files.exists(kPath));
}

TEST_CASE("an index that is given up while it is synced is no failure of the disk") {
  StoppingDisk disk;
  IndexFile index(disk.files, disk.pages, kPath, kEntryBytes);
  REQUIRE_EQ(index.count().value(), 2000);
  REQUIRE(index.append(entry(2001).data()).has_value());
  REQUIRE(index.write_out().has_value());
  CHECK(disk.ends_beside([&] { CHECK(index.sync().has_value()); }, [&] { index.give_up(); },
                         SimFileOperation::open));
}

TEST_CASE("a snapshot that a cut has removed is not back after a power failure") {
  StillClock clock;
  auto files = std::make_shared<runtime::SimFileSystem>(clock);
  REQUIRE(files->create_directories("/data").has_value());
  REQUIRE(files->sync_directory("/").has_value());
  storage_test::LogFixture fixture(files, "/data");
  fixture.open();
  REQUIRE(fixture.append(storage_test::make_batch(3)).has_value());
  REQUIRE(fixture.append(storage_test::make_batch(4)).has_value());
  fixture.reopen_clean();
  REQUIRE(files->sync_directory("/data").has_value());
  const std::string snapshot = fixture.path("00000000000000000007.snapshot");
  REQUIRE(files->exists(snapshot));
  REQUIRE(fixture.log->truncate_to(Offset(3), fixture.now_ms).value());
  REQUIRE(fixture.append(storage_test::make_batch(9)).has_value());
  REQUIRE(fixture.log->flusher().flush(fixture.now_ms).has_value());
  files->crash(runtime::CrashKind::power_loss);
  CHECK_FALSE(files->exists(snapshot));
  fixture.log.reset();
}
