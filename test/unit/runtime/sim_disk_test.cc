// Goal: the simulated disk forgets exactly what was not synced, and fails where it is told to.
#include <doctest/doctest.h>

#include <cerrno>

#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/runtime/failed_with.h"

using base::as_bytes;
using runtime::CrashKind;
using runtime::OpenMode;
using runtime::SimFileFault;
using runtime::SimFileOperation;
using runtime_test::failed_with;

namespace {

struct Disk {
  runtime::SimClock clock;
  runtime::SimFileSystem files{clock, 7};
  std::string read(const std::string& path) { return files.read_file(path, 1 << 20).value(); }
};

}  // namespace

TEST_CASE("a power loss takes unsynced bytes and names, a kill does not") {
  Disk disk;
  auto& files = disk.files;
  auto file = files.open("/log", OpenMode::create).value();
  CHECK(files.sync_directory("/").has_value());
  CHECK(file->pwrite(as_bytes("durable"), 0).has_value());
  CHECK(file->sync().has_value());
  CHECK(file->pwrite(as_bytes("D"), 0).has_value());
  CHECK(file->pwrite(as_bytes(" and more"), 7).has_value());
  CHECK(files.open("/nameless", OpenMode::create).value()->sync().has_value());
  files.crash(CrashKind::process_killed);
  CHECK_EQ(disk.read("/log"), "Durable and more");
  CHECK(files.exists("/nameless"));
  CHECK(failed_with(file->size(), std::errc::io_error));  // the old process's
  files.crash(CrashKind::power_loss);
  CHECK_EQ(disk.read("/log"), "durable");
  CHECK_FALSE(files.exists("/nameless"));
}

TEST_CASE("a torn crash leaves a prefix of what was appended") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    runtime::SimClock clock;
    runtime::SimFileSystem files(clock, seed);
    auto file = files.open("/log", OpenMode::create).value();
    CHECK(files.sync_directory("/").has_value());
    CHECK(file->pwrite(as_bytes("abc"), 0).has_value());
    CHECK(file->sync().has_value());
    CHECK(file->pwrite(as_bytes("defghi"), 3).has_value());
    files.crash(CrashKind::power_loss_torn);
    const std::string left = files.read_file("/log", 100).value();
    CHECK(left.size() >= 3);
    CHECK(std::string("abcdefghi").starts_with(left));
  }
}

TEST_CASE("renames and deletions need the directory's sync") {
  Disk disk;
  auto& files = disk.files;
  CHECK(files.write_file_atomically("/checkpoint", as_bytes("old")).has_value());
  {
    auto next = files.open("/next", OpenMode::create).value();
    CHECK(next->pwrite(as_bytes("new"), 0).has_value());
    CHECK(next->sync().has_value());
  }
  CHECK(files.rename("/next", "/checkpoint").has_value());
  CHECK_EQ(disk.read("/checkpoint"), "new");
  files.crash(CrashKind::power_loss);
  CHECK_EQ(disk.read("/checkpoint"), "old");
  CHECK(files.remove_file("/checkpoint").has_value());
  files.crash(CrashKind::power_loss);
  CHECK_EQ(disk.read("/checkpoint"), "old");
  CHECK(files.write_file_atomically("/checkpoint", as_bytes("newer")).has_value());
  files.crash(CrashKind::power_loss);
  CHECK_EQ(disk.read("/checkpoint"), "newer");
}

TEST_CASE("a truncation is undone by a power loss unless synced") {
  Disk disk;
  CHECK(disk.files.write_file_atomically("/a", as_bytes("0123456789")).has_value());
  auto file = disk.files.open("/a", OpenMode::read_write).value();
  CHECK(file->truncate(4).has_value());
  CHECK(file->pwrite(as_bytes("xy"), 4).has_value());
  disk.files.crash(CrashKind::power_loss);
  CHECK_EQ(disk.read("/a"), "0123456789");
  file = disk.files.open("/a", OpenMode::read_write).value();
  CHECK(file->truncate(4).has_value());
  CHECK(file->pwrite(as_bytes("xy"), 4).has_value());
  CHECK(file->sync().has_value());
  disk.files.crash(CrashKind::power_loss);
  CHECK_EQ(disk.read("/a"), "0123xy");
}

TEST_CASE("a full disk and an ordered fault let a part of a write through") {
  Disk disk;
  auto& files = disk.files;
  auto file = files.open("/log", OpenMode::create).value();
  files.set_capacity_bytes(5);
  CHECK(failed_with(file->pwrite(as_bytes("12345678"), 0), std::errc::no_space_on_device));
  CHECK_EQ(disk.read("/log"), "12345");
  CHECK(file->pwrite(as_bytes("abc"), 0).has_value());  // needs no room
  files.set_fault_hook([](SimFileOperation operation, const std::string& path) {
    const bool hit = operation == SimFileOperation::write && path == "/log";
    return hit ? SimFileFault{EIO, 2} : SimFileFault{};
  });
  CHECK(failed_with(file->pwrite(as_bytes("XYZ"), 0), std::errc::io_error));
  CHECK_EQ(disk.read("/log"), "XYc45");
  files.set_fault_hook([](SimFileOperation operation, const std::string&) {
    return operation == SimFileOperation::read_nowait ? SimFileFault{EAGAIN} : SimFileFault{};
  });
  std::array<std::byte, 2> bytes;
  CHECK(failed_with(file->pread_nowait(bytes, 0), base::Errc::would_block));
  CHECK_EQ(file->pread(bytes, 0).value(), 2);
}
