// Goal: the posix file system keeps what runtime/file.h promises. Method: a temporary directory.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <array>
#include <string>

#include "runtime/posix/file_system.h"

using base::as_bytes;
using runtime::OpenMode;

namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = "/tmp/barnabas-posix-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() { remove_tree(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  void remove_tree(const std::string& path) {
    const auto entries = files_->list_directory(path);
    if (!entries) return;
    for (const auto& entry : *entries) {
      const std::string child = path + "/" + entry.name;
      if (entry.is_directory) {
        remove_tree(child);
      } else {
        (void)files_->remove_file(child);
      }
    }
    (void)files_->remove_directory(path);
  }

  std::unique_ptr<runtime::FileSystem> files_ = runtime::make_posix_file_system();
  std::string path_;
};

}  // namespace

TEST_CASE("parts are written behind one another and read back, short only at the end") {
  TemporaryDirectory directory;
  const auto files = runtime::make_posix_file_system();
  const auto file = files->open(directory / "a", OpenMode::create_new).value();
  std::vector<base::Bytes> parts;
  std::string expected;
  const std::vector<std::string> texts(200, "part-");
  for (const auto& text : texts) {
    parts.push_back(as_bytes(text));
    parts.push_back({});
    expected += text;
  }
  REQUIRE(file->pwritev(parts, 0).has_value());
  CHECK_EQ(file->size().value(), static_cast<std::int64_t>(expected.size()));
  CHECK_EQ(files->read_file(directory / "a", 10'000).value(), expected);
  CHECK(files->read_file(directory / "a", 10).error().is(base::Errc::too_large));

  std::array<std::byte, 64> some;
  CHECK_EQ(file->pread(some, 990).value(), 10);
  CHECK_EQ(file->pread(some, 5000).value(), 0);
  const auto nowait = file->pread_nowait(some, 0);
  CHECK((nowait.has_value() || nowait.error().is(base::Errc::would_block)));
}

TEST_CASE("open modes say what must exist, with errno and path") {
  TemporaryDirectory directory;
  const auto files = runtime::make_posix_file_system();
  const auto missing = files->open(directory / "none", OpenMode::read_write);
  REQUIRE(!missing.has_value());
  CHECK(missing.error().is(std::errc::no_such_file_or_directory));
  CHECK(missing.error().context().find("none") != std::string::npos);
  CHECK(files->open(directory / "x", OpenMode::create).has_value());
  CHECK(files->open(directory / "x", OpenMode::create_new).error().is(std::errc::file_exists));
}

TEST_CASE("an atomic write replaces the file and leaves no temporary one") {
  TemporaryDirectory directory;
  const auto files = runtime::make_posix_file_system();
  REQUIRE(files->write_file_atomically(directory / "c", as_bytes("one")).has_value());
  REQUIRE(files->write_file_atomically(directory / "c", as_bytes("two")).has_value());
  CHECK_EQ(files->read_file(directory / "c", 100).value(), "two");
  CHECK(!files->exists(directory / "c.tmp"));
}

TEST_CASE("directories: made with parents, listed, times kept") {
  TemporaryDirectory directory;
  const auto files = runtime::make_posix_file_system();
  REQUIRE(files->create_directories(directory / "p/q/r").has_value());
  REQUIRE(files->create_directories(directory / "p/q/r").has_value());
  REQUIRE(files->open(directory / "p/f", OpenMode::create).has_value());
  const auto entries = files->list_directory(directory / "p").value();
  CHECK_EQ(entries.size(), 2);
  REQUIRE(files->set_modified(directory / "p/f", 1'600'000'000'123).has_value());
  CHECK_EQ(files->info(directory / "p/f")->modified_ms, 1'600'000'000'123);
  CHECK(files->info(directory / "p/q")->is_directory);
  CHECK(files->space(directory.path())->usable_bytes > 0);
}

TEST_CASE("a lock is exclusive within the process too, and ends with its owner") {
  TemporaryDirectory directory;
  const auto files = runtime::make_posix_file_system();
  {
    const auto lock = files->lock(directory / ".lock");
    REQUIRE(lock.has_value());
    CHECK(files->lock(directory / ".lock").error().is(base::Errc::unavailable));
  }
  CHECK(files->lock(directory / ".lock").has_value());
}
