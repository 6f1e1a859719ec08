#include "tools/option_parser.h"

#include <doctest/doctest.h>

// Goal: command lines mean what they mean to Kafka's tools. Method: a table with one option of
// each kind against the ways to write them.

namespace {

using tools::Arguments;
using tools::UsageError;
using tools::ValueKind;

constexpr tools::OptionSpec kSpecs[] = {
    {"list", "List."},
    {"topic", "A topic.", ValueKind::text, "topic"},
    {"partitions", "How many.", ValueKind::int32, "# of partitions"},
    {.name = "timeout",
     .description = "How long.",
     .kind = ValueKind::int64,
     .default_text = "1000"},
    {.name = "config",
     .description = "A config.",
     .kind = ValueKind::text,
     .value_name = "name=value",
     .is_repeatable = true},
    {.name = "codec",
     .description = "A codec.",
     .kind = ValueKind::text,
     .is_value_optional = true},
};
constexpr tools::OptionTable kTable{"This tool is for tests.", kSpecs};

tools::Usage<tools::Options> parse(Arguments arguments) {
  return tools::parse_options(kTable, arguments);
}

std::string error_of(Arguments arguments) {
  auto options = parse(std::move(arguments));
  return options ? "" : options.error().message;
}

}  // namespace

TEST_CASE("the ways to write a value") {
  for (const Arguments& arguments :
       {Arguments{"--topic", "t"}, {"--topic=t"}, {"-topic", "t"}, {"-topic=t"}}) {
    const auto options = parse(arguments);
    REQUIRE(options);
    CHECK(options->value("topic") == "t");
    CHECK(options->has("topic"));
    CHECK_FALSE(options->has("list"));
  }
  CHECK(parse({"--topic=a=b"})->value("topic") == "a=b");
  // A value that looks like an option is still the value.
  CHECK(parse({"--topic", "--list"})->value("topic") == "--list");
}

TEST_CASE("an optional value is not taken from the next option") {
  CHECK(parse({"--codec", "--list"})->has("list"));
  CHECK_FALSE(parse({"--codec", "--list"})->value("codec"));
  CHECK(parse({"--codec", "lz4"})->value("codec") == "lz4");
  CHECK(parse({"--codec"})->has("codec"));
}

TEST_CASE("repeated, default and positional values") {
  const auto options = parse({"--config", "a=1", "x", "--config=b=2", "--", "--list"});
  REQUIRE(options);
  CHECK(options->values("config") == std::vector<std::string>{"a=1", "b=2"});
  CHECK(options->positional() == std::vector<std::string>{"x", "--list"});
  CHECK(options->number("timeout") == 1000);
  CHECK_FALSE(options->has("timeout"));
  CHECK_FALSE(options->given("timeout"));
  CHECK(parse({"--timeout", "9000000000"})->number("timeout") == 9'000'000'000);
}

TEST_CASE("what is wrong is said in Kafka's words") {
  CHECK(error_of({"--nope"}) == "nope is not a recognized option");
  CHECK(error_of({"--top", "t"}) == "top is not a recognized option");  // no abbreviations
  CHECK(error_of({"--topic"}) == "Option topic requires an argument");
  CHECK(error_of({"--topic", "a", "--topic", "b"}) ==
        "Found multiple arguments for option topic, but you asked for only one");
  CHECK(error_of({"--partitions", "many"}) == "Cannot parse argument 'many' of option partitions");
  CHECK(error_of({"--partitions", "3000000000"}) ==
        "Cannot parse argument '3000000000' of option partitions");
  CHECK(error_of({"--list=x"}) == "Option list takes no argument");
}

TEST_CASE("help, version and no arguments") {
  CHECK(parse({}).error().kind == UsageError::Kind::line_and_table);
  CHECK(error_of({"--list", "--help"}) == "This tool is for tests.");
  CHECK(parse({"--version"}).error().kind == UsageError::Kind::version);
  CHECK(error_of({"--version"}) == "3.9.0");
}

TEST_CASE("checks of combinations") {
  const auto options = parse({"--list", "--topic", "t"});
  CHECK(tools::require(*options, {"topic"}));
  CHECK(tools::require(*options, {"topic", "config"}).error().message ==
        "Missing required argument \"[config]\"");
  CHECK(tools::exclude(*options, "topic", {"config"}));
  CHECK(tools::exclude(*options, "config", {"list"}));
  CHECK(tools::exclude(*options, "list", {"config", "topic"}).error().message ==
        "Option \"[list]\" can't be used with option \"[topic]\"");
}

TEST_CASE("the table of --help") {
  const std::string help = tools::format_help(kTable);
  CHECK(help.starts_with("Option"));
  CHECK(help.find("--partitions <Integer: # of") != std::string::npos);
  CHECK(help.find("--codec [String]") != std::string::npos);
  CHECK(help.find("--version") != std::string::npos);
  CHECK(help.find("How long. (default: 1000)") != std::string::npos);
  for (std::size_t begin = 0; begin < help.size();) {
    const std::size_t end = help.find('\n', begin);
    CHECK(end - begin <= 80);
    begin = end + 1;
  }
}
