// Goal: log files stay within their size and number, lose no line on the way, and come back where
// somebody has moved them away.
#include "base/log_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

namespace fs = std::filesystem;
using base::LogFile;
using base::LogFileLimits;

struct Directory {
  Directory() { fs::create_directories(path); }
  ~Directory() { fs::remove_all(path); }
  std::string text(const std::string& name) const {
    std::ifstream file(path / name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  const fs::path path = fs::temp_directory_path() / ("log_file_test-" + std::to_string(::getpid()));
};

}  // namespace

TEST_CASE("a file goes no further than its size, and the oldest goes") {
  const Directory directory;
  LogFile file(directory.path / "server.log", LogFile::Output::elsewhere);
  const LogFileLimits limits{.bytes_max = 10, .kept_max = 2};
  for (int i = 0; i < 9; ++i) file.write("line" + std::to_string(i) + "\n", limits);
  // One line fills more than half: each file holds one.
  CHECK(directory.text("server.log") == "line8\n");
  CHECK(directory.text("server.log.1") == "line7\n");
  CHECK(directory.text("server.log.2") == "line6\n");
  CHECK_FALSE(fs::exists(directory.path / "server.log.3"));
}

TEST_CASE("fewer are kept: those beyond go") {
  const Directory directory;
  LogFile file(directory.path / "server.log", LogFile::Output::elsewhere);
  for (int i = 0; i < 9; ++i) {
    file.write("line" + std::to_string(i) + "\n", {.bytes_max = 10, .kept_max = 4});
  }
  CHECK(fs::exists(directory.path / "server.log.4"));
  file.write("line9\n", {.bytes_max = 10, .kept_max = 1});
  CHECK(directory.text("server.log") == "line9\n");
  CHECK(directory.text("server.log.1") == "line8\n");
  for (const char* name : {"server.log.2", "server.log.3", "server.log.4"}) {
    CHECK_FALSE(fs::exists(directory.path / name));
  }
}

TEST_CASE("no size, no older files; and none kept") {
  const Directory directory;
  LogFile file(directory.path / "server.log", LogFile::Output::elsewhere);
  for (int i = 0; i < 9; ++i) file.write("line\n", {.bytes_max = 0, .kept_max = 2});
  CHECK(directory.text("server.log").size() == 45);
  file.write("last\n", {.bytes_max = 10, .kept_max = 0});
  CHECK(directory.text("server.log") == "last\n");
  CHECK_FALSE(fs::exists(directory.path / "server.log.1"));
}

TEST_CASE("a line larger than the size is written whole") {
  const Directory directory;
  LogFile file(directory.path / "server.log", LogFile::Output::elsewhere);
  file.write("a line that is longer\n", {.bytes_max = 5, .kept_max = 1});
  CHECK(directory.text("server.log") == "a line that is longer\n");
}

TEST_CASE("what was there counts, and is kept") {
  const Directory directory;
  std::ofstream(directory.path / "server.log") << "before\n";
  LogFile file(directory.path / "server.log", LogFile::Output::elsewhere);
  file.write("after\n", {.bytes_max = 10, .kept_max = 1});
  CHECK(directory.text("server.log.1") == "before\n");
  CHECK(directory.text("server.log") == "after\n");
}

TEST_CASE("opened anew after it was moved away") {
  const Directory directory;
  LogFile file(directory.path / "server.log", LogFile::Output::elsewhere);
  file.write("one\n", {});
  fs::rename(directory.path / "server.log", directory.path / "moved");
  file.write("two\n", {});
  file.reopen();
  file.write("three\n", {});
  CHECK(directory.text("moved") == "one\ntwo\n");
  CHECK(directory.text("server.log") == "three\n");
}

TEST_CASE("a folder that is not there yet") {
  const Directory directory;
  LogFile file(directory.path / "later" / "server.log", LogFile::Output::elsewhere);
  file.write("lost\n", {});
  fs::create_directories(directory.path / "later");
  file.write("kept\n", {});
  CHECK(directory.text("later/server.log") == "kept\n");
}
