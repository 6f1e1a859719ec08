// Goal: the posix and the simulated file system behave alike. Method: the same bodies on both, in a
// directory of their own.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <array>
#include <cerrno>

#include "runtime/posix/file_system.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/runtime/failed_with.h"

using base::as_bytes;
using base::Errc;
using runtime::FileSystem;
using runtime::OpenMode;
using runtime_test::failed_with;

namespace {

void remove_tree(FileSystem& files, const std::string& path) {
  const auto entries = files.list_directory(path);
  if (!entries) return;
  for (const auto& entry : *entries) {
    const std::string child = path + "/" + entry.name;
    if (entry.is_directory) {
      remove_tree(files, child);
    } else {
      (void)files.remove_file(child);
    }
  }
  (void)files.remove_directory(path);
}

struct OnPosix {
  std::unique_ptr<FileSystem> owned = runtime::make_posix_file_system();
  FileSystem& files = *owned;
  std::string root;
  OnPosix() {
    std::string pattern = "/tmp/barnabas-files-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    root = pattern;
  }
  ~OnPosix() { remove_tree(files, root); }
};

struct OnSimDisk {
  runtime::SimClock clock;
  runtime::SimFileSystem sim{clock};
  FileSystem& files = sim;
  std::string root = "/data";
  OnSimDisk() { REQUIRE(files.create_directory(root).has_value()); }
};

std::string content_of(FileSystem& files, const std::string& path) {
  return files.read_file(path, 1 << 20).value();
}

}  // namespace

TEST_CASE_TEMPLATE("open modes", On, OnPosix, OnSimDisk) {
  On on;
  const std::string path = on.root + "/a";
  CHECK(failed_with(on.files.open(path, OpenMode::read), std::errc::no_such_file_or_directory));
  CHECK(
      failed_with(on.files.open(path, OpenMode::read_write), std::errc::no_such_file_or_directory));
  CHECK(failed_with(on.files.open(on.root + "/x/a", OpenMode::create),
                    std::errc::no_such_file_or_directory));
  {
    auto file = on.files.open(path, OpenMode::create_new).value();
    CHECK(file->pwrite(as_bytes("content"), 0).has_value());
  }
  CHECK(failed_with(on.files.open(path + "/b", OpenMode::create), std::errc::not_a_directory));
  CHECK(failed_with(on.files.open(path, OpenMode::create_new), std::errc::file_exists));
  CHECK(failed_with(on.files.open(on.root, OpenMode::create), std::errc::is_a_directory));
  CHECK_EQ(on.files.open(path, OpenMode::create).value()->size().value(), 7);
  std::array<std::byte, 1> byte;
  auto reader = on.files.open(path, OpenMode::read).value();
  CHECK(failed_with(reader->pwrite(as_bytes("x"), 0), std::errc::bad_file_descriptor));
  CHECK_EQ(on.files.open(path, OpenMode::truncate).value()->size().value(), 0);
  CHECK(failed_with(reader->pread(byte, -1), std::errc::invalid_argument));
}

TEST_CASE_TEMPLATE("reads are short only at the end, gaps read as zeros", On, OnPosix, OnSimDisk) {
  On on;
  auto file = on.files.open(on.root + "/a", OpenMode::create).value();
  const std::array<base::Bytes, 3> parts{as_bytes("abc"), as_bytes(""), as_bytes("def")};
  CHECK(file->pwritev(parts, 4).has_value());
  std::array<char, 32> bytes;
  const base::MutableBytes into = std::as_writable_bytes(std::span(bytes));
  CHECK_EQ(file->pread(into, 0).value(), 10);
  CHECK(std::string(bytes.data(), 10) == std::string("\0\0\0\0abcdef", 10));
  CHECK_EQ(file->pread_nowait(into.first(2), 5).value(), 2);
  CHECK(std::string(bytes.data(), 2) == "bc");
  CHECK_EQ(file->pread(into, 100).value(), 0);
  CHECK(file->truncate(5).has_value());
  CHECK(file->truncate(7).has_value());
  CHECK_EQ(file->pread(into, 4).value(), 3);
  CHECK(std::string(bytes.data(), 3) == std::string("a\0\0", 3));
  CHECK(file->sync().has_value());
}

TEST_CASE_TEMPLATE("names: rename, remove, directories", On, OnPosix, OnSimDisk) {
  On on;
  auto& files = on.files;
  const std::string dir = on.root + "/p/q";
  CHECK(failed_with(files.create_directory(dir), std::errc::no_such_file_or_directory));
  CHECK(files.create_directories(dir).has_value());
  CHECK(files.create_directories(dir).has_value());
  CHECK(failed_with(files.create_directory(dir), std::errc::file_exists));
  CHECK(files.write_file_atomically(dir + "/one", as_bytes("1")).has_value());
  CHECK(files.write_file_atomically(dir + "/two", as_bytes("2")).has_value());
  CHECK_EQ(files.list_directory(dir).value().size(), 2);
  CHECK(files.rename(dir + "/one", dir + "/two").has_value());
  CHECK_EQ(content_of(files, dir + "/two"), "1");
  CHECK_FALSE(files.exists(dir + "/one"));
  CHECK(failed_with(files.rename(dir + "/one", dir + "/x"), std::errc::no_such_file_or_directory));
  CHECK(failed_with(files.remove_directory(dir), std::errc::directory_not_empty));
  CHECK(failed_with(files.remove_file(dir), std::errc::is_a_directory));
  CHECK(files.create_directory(on.root + "/other").has_value());
  CHECK(failed_with(files.rename(dir + "/two", on.root + "/other"), std::errc::is_a_directory));
  CHECK(files.rename(dir, on.root + "/moved").has_value());
  CHECK_EQ(content_of(files, on.root + "/moved/two"), "1");
  CHECK(files.info(on.root + "/moved").value().is_directory);
  CHECK(files.remove_file(on.root + "/moved/two").has_value());
  CHECK(files.remove_directory(on.root + "/moved").has_value());
  CHECK(files.sync_directory(on.root).has_value());
  CHECK(failed_with(files.list_directory(dir), std::errc::no_such_file_or_directory));
  CHECK(files.create_directories(on.root + "/p/./s/../t").has_value() ==
        files.exists(on.root + "/p/t"));
}

TEST_CASE_TEMPLATE("a deleted file stays readable for who has it open", On, OnPosix, OnSimDisk) {
  On on;
  auto file = on.files.open(on.root + "/a", OpenMode::create).value();
  CHECK(file->pwrite(as_bytes("kept"), 0).has_value());
  CHECK(on.files.remove_file(on.root + "/a").has_value());
  std::array<std::byte, 4> bytes;
  CHECK_EQ(file->pread(bytes, 0).value(), 4);
  CHECK(base::as_text(bytes) == "kept");
}

TEST_CASE_TEMPLATE("times, locks and limits", On, OnPosix, OnSimDisk) {
  On on;
  const std::string path = on.root + "/.lock";
  {
    auto lock = on.files.lock(path);
    CHECK(lock.has_value());
    CHECK(failed_with(on.files.lock(path), Errc::unavailable));
  }
  CHECK(on.files.lock(path).has_value());
  CHECK(on.files.set_modified(path, 1'234'567'890'123).has_value());
  CHECK_EQ(on.files.info(path).value().modified_ms, 1'234'567'890'123);
  CHECK(on.files.restrict_to_owner(path).has_value());
  CHECK(on.files.space(on.root).value().usable_bytes > 0);
  CHECK(on.files.write_file_atomically(on.root + "/long", as_bytes("12345")).has_value());
  CHECK(failed_with(on.files.read_file(on.root + "/long", 4), Errc::too_large));
}
