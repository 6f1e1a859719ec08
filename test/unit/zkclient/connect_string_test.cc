#include "zkclient/connect_string.h"

#include <doctest/doctest.h>

namespace zkclient {
namespace {

TEST_CASE("servers and chroot") {
  const auto parsed = ConnectString::parse("a:1, b ,[::1]:3,[fe80::2]/kafka/x");
  REQUIRE(parsed.has_value());
  CHECK(parsed->servers ==
        std::vector<ServerName>{{"a", 1}, {"b", 2181}, {"::1", 3}, {"fe80::2", 2181}});
  CHECK(parsed->chroot == "/kafka/x");
  CHECK(parsed->servers_string() == "a:1,b:2181,[::1]:3,[fe80::2]:2181");
  CHECK(ConnectString::parse("a/").value().chroot.empty());
  CHECK(ConnectString::parse("a,,b,").value().servers.size() == 2);
}

TEST_CASE("what makes no sense is refused") {
  for (const char* text : {"", " ", "/x", ",", "a:0", "a:65536", "a:x", "a:", ":2181", "[::1",
                           "[::1]x", "a/x/", "a//x", "a/../b"}) {
    CAPTURE(text);
    const auto parsed = ConnectString::parse(text);
    REQUIRE(!parsed.has_value());
    CHECK(parsed.error().is(base::Errc::invalid_argument));
  }
}

}  // namespace
}  // namespace zkclient
