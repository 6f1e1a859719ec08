// Goal: each answer of a disk has one name, by what was asked of it.
#include "storage/disk_failure.h"

#include <doctest/doctest.h>

#include <cerrno>

#include "runtime/file.h"
#include "runtime/sim/sim_file_system.h"
#include "test/unit/storage/log_manager_fixture.h"

using storage::classify;
using storage::DiskAccess;
using storage::DiskFailure;

namespace {

base::Error of_errno(int value) { return base::Error::from_errno(value, "open /logs/t-0/x"); }

}  // namespace

TEST_CASE("a disk's failures have five names") {
  CHECK(classify(of_errno(EIO), DiskAccess::read) == DiskFailure::device_failed);
  CHECK(classify(of_errno(EROFS), DiskAccess::write) == DiskFailure::device_failed);
  for (const int full : {ENOSPC, EDQUOT}) {
    CHECK(classify(of_errno(full), DiskAccess::write) == DiskFailure::no_room);
    CHECK(classify(of_errno(full), DiskAccess::read) == DiskFailure::device_failed);
    CHECK(classify(runtime::sync_failure(full, "sync x"), DiskAccess::write) ==
          DiskFailure::device_failed);
  }
  for (const int out : {EMFILE, ENFILE}) {
    CHECK(classify(of_errno(out), DiskAccess::read) == DiskFailure::out_of_descriptors);
    CHECK(classify(of_errno(out), DiskAccess::write) == DiskFailure::out_of_descriptors);
  }
  CHECK(classify(of_errno(ENOENT), DiskAccess::read) == DiskFailure::device_failed);
  CHECK(classify(of_errno(ENOENT), DiskAccess::read, true) == DiskFailure::moved);
  CHECK(classify(base::Error(base::Errc::corrupt), DiskAccess::read) == DiskFailure::bad_content);
  CHECK(classify(base::Error(base::Errc::unsupported), DiskAccess::read) ==
        DiskFailure::bad_content);
}

TEST_CASE("a failed sync is remembered though a read had failed before it") {
  using runtime::SimFileOperation;
  storage_test::LogManagerFixture fixture;
  storage_test::StillClock clock;
  auto owned = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& disk = *owned;
  fixture.use(std::move(owned));
  REQUIRE(fixture.start().has_value());
  for (const char* topic : {"written", "read"}) {
    REQUIRE(fixture.manager->get_or_create({topic, 0}, {}, 5000).has_value());
    fixture.append({topic, 0}, 1);
  }
  auto written = fixture.manager->find({"written", 0});
  auto other = fixture.manager->find({"read", 0});
  disk.set_fault_hook([](SimFileOperation operation, const std::string& path) {
    const bool fails =
        (operation == SimFileOperation::sync && path.find("/written-0/") != std::string::npos) ||
        (operation == SimFileOperation::read && path.find("/read-0/") != std::string::npos);
    return runtime::SimFileFault{.errno_value = fails ? EIO : 0};
  });
  disk.set_pause_hook([&, is_first = true](SimFileOperation operation, const std::string&) mutable {
    if (operation != SimFileOperation::sync || !std::exchange(is_first, false)) return;
    CHECK(!other->read({base::Offset(0), base::Offset(1), 1 << 20, true}).has_value());
    fixture.manager->settle_failure(fixture.dir());
    CHECK_EQ(fixture.failed.size(), 1);
  });
  CHECK(!written->flusher().flush(0).has_value());
  disk.set_pause_hook({});
  disk.set_fault_hook({});
  written.reset();
  other.reset();
  fixture.stop();
  CHECK(fixture.files->exists(fixture.dir() + "/.barnabas-sync-failed"));
  CHECK_EQ(fixture.failed.size(), 1);
}
