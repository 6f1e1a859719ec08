// Goal: .properties text means here what it means to Java, and hostile bytes do no harm.
// Method: a table of texts with what java.util.Properties makes of them; random bytes; round trips.
#include "config/properties.h"

#include <doctest/doctest.h>

#include <random>

using config::Properties;

namespace {

std::string value_of(std::string_view text, std::string_view key) {
  const auto properties = Properties::parse(text, "f");
  REQUIRE(properties.has_value());
  return std::string(properties->value_or(key, "<none>"));
}

}  // namespace

TEST_CASE("separators, blanks, comments") {
  struct Row {
    std::string_view text, key, value;
  };
  const Row rows[] = {
      {"a=1", "a", "1"},
      {"a:1", "a", "1"},
      {"a 1", "a", "1"},
      {"a\t1", "a", "1"},
      {"  a = 1", "a", "1"},
      {"a = 1 2 ", "a", "1 2 "},
      {"a==1", "a", "=1"},
      {"a : = 1", "a", "= 1"},
      {"a", "a", ""},
      {"a=", "a", ""},
      {"# a=1\n! a=2\n", "a", "<none>"},
      {"a=1 # no comment", "a", "1 # no comment"},
      {"a=1\r\nb=2\rc=3\n", "b", "2"},
      {"a=1\r\nb=2\rc=3\n", "c", "3"},
      {"a=1\na=2", "a", "2"},
      {"a\\=b=1", "a=b", "1"},
      {"a\\ b=1", "a b", "1"},
      {"a=b\\\n   c", "a", "bc"},
      {"a=b\\\n\n c=1", "a", "b"},
      {"a=b\\\\\nc=1", "c", "1"},
      {"a=b\\\\\nc=1", "a", "b\\"},
      {"a=b\\\n# c", "a", "b# c"},
      {"# x\\\na=1", "a", "1"},
      {"a=\\t\\n\\q\\f", "a", "\t\nq\f"},
      {"a=\\u00e9", "a", "\xc3\xa9"},
      {"a=\\uD83D\\uDE00", "a", "\xf0\x9f\x98\x80"},
      {"a=\\uD83Dx", "a", "\xef\xbf\xbdx"},
      {"a=\xc3\xa9", "a", "\xc3\xa9"},
      {"a=\\\xc3\xa9", "a", "\xc3\xa9"},
      // No UTF-8, so ISO-8859-1: what is read is UTF-8 all the same.
      {"a=\xe9", "a", "\xc3\xa9"},
      {"a=\\\xe9", "a", "\xc3\xa9"},
      {"a=\xe9t\xe9", "a", "\xc3\xa9t\xc3\xa9"},
      {"\xe9=1", "\xc3\xa9", "1"},
      {"a=b\\", "a", "b"},
      {"=x", "", "x"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(value_of(row.text, row.key) == row.value);
  }
}

TEST_CASE("entries know file and line") {
  const auto properties = Properties::parse("# one\n\na=1\nb=x\\\n  y\nc=3\na=4\n", "s.properties");
  REQUIRE(properties.has_value());
  CHECK(properties->find("a")->where() == "s.properties:7");
  CHECK(properties->find("b")->where() == "s.properties:4");
  CHECK(properties->find("c")->where() == "s.properties:6");
  CHECK(properties->entries().size() == 3);
}

TEST_CASE("a malformed escape names its line") {
  const auto properties = Properties::parse("a=1\nlog.dir=C:\\users", "f");
  REQUIRE(!properties.has_value());
  CHECK(properties.error().context().starts_with("f:2: malformed \\uXXXX"));
}

TEST_CASE("overrides") {
  auto properties = *Properties::parse("a=1\nb=2", "f");
  CHECK(properties.set_override("a=x=y").has_value());
  CHECK(properties.value_or("a", "") == "x=y");
  CHECK(properties.find("a")->where() == "command line");
  CHECK(!properties.set_override("a").has_value());
  CHECK(!properties.set_override("=a").has_value());
  properties.erase("a");
  CHECK(!properties.contains("a"));
  CHECK(properties.value_or("b", "") == "2");
}

TEST_CASE("written text reads back") {
  using Entries = std::vector<std::pair<std::string, std::string>>;
  CHECK(
      config::write_properties({"", "Mon Jan 01\n2024"}, {{"version", "0"}, {"broker.id", "1"}}) ==
      "#\n#Mon Jan 01 2024\nversion=0\nbroker.id=1\n");
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    Entries entries;
    for (int i = 0; i < 3; ++i) {
      std::string key = "k" + std::to_string(i), value;
      for (auto n = random() % 12; n > 0; --n) value += static_cast<char>(random() % 0x7f + 1);
      key += value.substr(0, 2);
      if (round % 2 == 0) value += "\xf0\x9f\x98\x80\xc3\xa9";
      entries.emplace_back(key, value);
    }
    const auto read = Properties::parse(config::write_properties({"c"}, entries), "f");
    REQUIRE(read.has_value());
    for (const auto& [key, value] : entries) CHECK(read->value_or(key, "<none>") == value);
  }
}

TEST_CASE("random bytes do no harm") {
  std::mt19937 random(11);
  constexpr std::string_view kInteresting = "\\\\\\u=: \t\r\n#!a1\xff\x80";
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (auto n = random() % 64; n > 0; --n) {
      text += random() % 3 == 0 ? static_cast<char>(random())
                                : kInteresting[random() % kInteresting.size()];
    }
    const auto properties = Properties::parse(text, "f");
    if (!properties) continue;
    std::vector<std::pair<std::string, std::string>> entries;
    for (const auto& property : properties->entries()) {
      entries.emplace_back(property.key, property.value);
    }
    CHECK(Properties::parse(config::write_properties({}, entries), "f").has_value());
  }
}
