// Goal: the verifiable tools print Kafka's JSON lines and take argparse4j's command lines; errors
// carry the names of Kafka's exception classes.
#include <doctest/doctest.h>

#include "tools/java_exception.h"
#include "tools/option_parser.h"
#include "tools/verifiable/event.h"

using protocol::ErrorCode;
using tools::JsonObject;
using Text = std::optional<std::string_view>;

TEST_CASE("JSON in the order of adding") {
  JsonObject json;
  CHECK(json.text() == "{}");
  json.add("n", std::int64_t{-1}).add("t", Text("a\"b\\c\n\x01")).add("none", Text());
  json.add("yes", true).add("d", 10.0).add("e", 0.25).add_raw("list", "[1]");
  CHECK(json.text() == R"({"n":-1,"t":"a\"b\\c\n\u0001","none":null,"yes":true,"d":10.0,"e":0.25,)"
                       R"("list":[1]})");
}

TEST_CASE("events begin with time and name") {
  const std::string text = verifiable::event("startup_complete").text();
  CHECK(text.starts_with("{\"timestamp\":"));
  CHECK(text.ends_with(",\"name\":\"startup_complete\"}"));
}

TEST_CASE("argparse4j's command lines") {
  static constexpr tools::OptionSpec kOptions[] = {
      {"topic", "", tools::ValueKind::text},
      {"max-messages", "", tools::ValueKind::int32},
      {"max-memory", "", tools::ValueKind::int32},
  };
  const tools::OptionTable table{"", kOptions, tools::Syntax::argparse4j};
  const auto options = tools::parse_options(table, {"--to", "a", "--topic=b", "--max-mes", "-1"});
  REQUIRE(options);
  CHECK(options->given("topic") == "b");
  CHECK(options->number("max-messages") == -1);
  CHECK_FALSE(tools::parse_options(table, {"--max", "1"}));
  const tools::OptionTable strict{"", kOptions};
  CHECK_FALSE(tools::parse_options(strict, {"--to", "a"}));
}

TEST_CASE("exception classes") {
  using tools::java_exception_class;
  const std::string package = "org.apache.kafka.common.errors.";
  CHECK(java_exception_class(ErrorCode::kGroupIdNotFound) == package + "GroupIdNotFoundException");
  CHECK(java_exception_class(ErrorCode::kNonEmptyGroup) == package + "GroupNotEmptyException");
  CHECK(java_exception_class(ErrorCode::kUnknownTopicOrPartition) ==
        package + "UnknownTopicOrPartitionException");
  CHECK(tools::java_exception(ErrorCode::kInvalidGroupId) ==
        package + "InvalidGroupIdException: group id is invalid");
  CHECK(tools::java_exception(base::Error(base::Errc::timed_out, "x"))
            .starts_with(package + "TimeoutException: x"));
}
