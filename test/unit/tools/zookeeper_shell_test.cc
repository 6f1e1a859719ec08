// Goal: zookeeper-shell splits lines, reads options and ACLs, and prints znodes as ZooKeeper's own
// shell does.
#include <doctest/doctest.h>

#include "tools/zookeeper_shell/command_line.h"
#include "tools/zookeeper_shell/format.h"

using zookeeper_shell::parse_command;
using zookeeper_shell::split_words;

TEST_CASE("words and quotes") {
  CHECK(split_words("  ls   -R / ") == std::vector<std::string>{"ls", "-R", "/"});
  CHECK(split_words("create /a 'b c'") == std::vector<std::string>{"create", "/a", "b c"});
  CHECK(split_words("set /a \"\"") == std::vector<std::string>{"set", "/a", ""});
  CHECK(split_words("x '{\"a\":1}'") == std::vector<std::string>{"x", "{\"a\":1}"});
  CHECK(split_words(" ").empty());
}

TEST_CASE("commands") {
  const auto remove = parse_command({"delete", "-v", "3", "/a"});
  REQUIRE(remove);
  CHECK(remove->options.at('v') == "3");
  CHECK(remove->arguments == std::vector<std::string>{"/a"});
  CHECK(parse_command({"ls", "/", "-R"})->has('R'));
  CHECK(parse_command({"ls"}).error().message == "ls [-s] [-R] path");
  CHECK(parse_command({"ls", "-x", "/"}).error().message == "ls [-s] [-R] path");
  CHECK(parse_command({"nope"}).error().message == "Command not found: Command not found nope");
  // Data may begin with a dash.
  CHECK(parse_command({"set", "/a", "-1.5"})->arguments[1] == "-1.5");
}

TEST_CASE("ACLs and lists") {
  const auto acl = zookeeper_shell::parse_acl("world:anyone:r,digest:u:hash=:cdrwa");
  REQUIRE(acl);
  CHECK(acl->at(1).id == "u:hash=");
  CHECK(zookeeper_shell::format_acl(*acl) == "'world,'anyone\n: r\n'digest,'u:hash=\n: cdrwa\n");
  CHECK_FALSE(zookeeper_shell::parse_acl("world:anyone"));
  CHECK_FALSE(zookeeper_shell::parse_acl("world:anyone:z"));
  CHECK(zookeeper_shell::format_children({"b", "a"}) == "[a, b]");
  CHECK(zookeeper_shell::format_children({}) == "[]");
}
