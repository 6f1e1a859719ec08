#include "zkclient/path.h"

#include <doctest/doctest.h>

#include "zkclient/zk_error.h"

namespace zkclient {
namespace {

TEST_CASE("paths that a server takes") {
  for (const char* path :
       {"/", "/a", "/a/b", "/.a", "/a..", "/...", "/config/users/<default>", "/\xc3\xbc"}) {
    CAPTURE(path);
    CHECK(validate_path(path).has_value());
  }
  CHECK(validate_path("/seq/", true).has_value());
}

TEST_CASE("paths that it does not") {
  for (const char* path : {"", "a", "a/b", "/a/", "//", "//a", "/a//b", "/.", "/..", "/a/./b",
                           "/a/..", "/a\n", "/\x7f"}) {
    CAPTURE(path);
    const auto valid = validate_path(path);
    REQUIRE(!valid.has_value());
    CHECK(valid.error().is(ZkError::bad_arguments));
  }
  CHECK(!validate_path(std::string_view("/a\0b", 4)).has_value());
}

TEST_CASE("parents") {
  CHECK(parent_of("/a/b/c") == "/a/b");
  CHECK(parent_of("/a") == "/");
}

TEST_CASE("chroot") {
  const Chroot chroot("/k");
  CHECK(chroot.add("/") == "/k");
  CHECK(chroot.add("/a") == "/k/a");
  CHECK(chroot.strip("/k") == "/");
  CHECK(chroot.strip("/k/a") == "/a");
  CHECK(!chroot.strip("/kk/a").has_value());
  CHECK(!chroot.strip("/other").has_value());
  CHECK(Chroot().add("/a") == "/a");
  CHECK(Chroot().strip("/a") == "/a");
}

}  // namespace
}  // namespace zkclient
