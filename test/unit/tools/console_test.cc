// Goal: the console tools cut lines into records and print records as Kafka 3.9 does, and give
// librdkafka what Java property names mean.
#include <doctest/doctest.h>
#include <unistd.h>

#include "tools/console/consumer_options.h"
#include "tools/console/line_reader.h"
#include "tools/console/message_formatter.h"
#include "tools/java_properties.h"
#include "tools/properties_arguments.h"

using console::ConsumedRecord;
using console::LineReader;
using console::LineRecord;
using console::LineSource;
using console::MessageFormatter;

namespace {

config::Properties properties(const std::vector<std::string>& arguments) {
  config::Properties made;
  tools::add_key_values(made, arguments);
  return made;
}

std::string parse_error(const std::vector<std::string>& arguments, std::string_view line) {
  const auto reader = LineReader::create(properties(arguments));
  if (!reader) return reader.error().message;
  LineRecord record;
  const auto parsed = reader->parse(line, 7, record);
  return parsed ? "" : parsed.error().message;
}

// What LineSource makes of bytes that come through a pipe.
std::vector<std::string> lines_of(std::string_view bytes) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  REQUIRE(::write(ends[1], bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  ::close(ends[1]);
  LineSource source(ends[0]);
  std::vector<std::string> lines;
  while (const auto line = source.next()) lines.emplace_back(*line);
  ::close(ends[0]);
  return lines;
}

std::string format(const std::vector<std::string>& arguments, const ConsumedRecord& record) {
  const auto formatter =
      MessageFormatter::create("kafka.tools.DefaultMessageFormatter", properties(arguments));
  if (!formatter) return formatter.error().message;
  std::string text;
  const auto outcome = formatter->append(record, text);
  return outcome ? text : outcome.error().message;
}

std::string consumer_error(const tools::Arguments& arguments) {
  const auto options = tools::parse_options(console::consumer_option_table(), arguments);
  REQUIRE(options);
  const auto settings = console::read_consumer_options(*options);
  return settings ? "" : settings.error().message;
}

}  // namespace

TEST_CASE("lines of a descriptor") {
  using Lines = std::vector<std::string>;
  CHECK(lines_of("a\nb\n") == Lines{"a", "b"});
  CHECK(lines_of("a\r\nb\rc") == Lines{"a", "b", "c"});
  CHECK(lines_of("\n\n") == Lines{"", ""});
  CHECK(lines_of("").empty());
  CHECK(lines_of("x\r") == Lines{"x"});
}

TEST_CASE("records from lines") {
  LineRecord record;
  const auto plain = LineReader::create({});
  REQUIRE(plain->parse("a\tb", 1, record));
  CHECK_FALSE(record.key);
  CHECK(record.value == "a\tb");

  const auto full =
      LineReader::create(properties({"parse.key=true", "parse.headers= TRUE", "null.marker=NULL"}));
  REQUIRE(full->parse("h1:v1,h2:NULL,h3:\tk\tv", 1, record));
  CHECK(record.key == "k");
  CHECK(record.value == "v");
  REQUIRE(record.headers.size() == 3);
  CHECK(record.headers[0].first == "h1");
  CHECK(record.headers[0].second == "v1");
  CHECK_FALSE(record.headers[1].second);
  CHECK(record.headers[2].second == "");
  REQUIRE(full->parse("NULL\tNULL\tNULL", 1, record));
  CHECK(record.headers.empty());
  CHECK_FALSE(record.key);
  CHECK_FALSE(record.value);

  const auto lenient = LineReader::create(properties({"parse.key=true", "ignore.error=true"}));
  REQUIRE(lenient->parse("whole line", 1, record));
  CHECK_FALSE(record.key);
  CHECK(record.value == "whole line");
}

TEST_CASE("lines that make no record") {
  CHECK(parse_error({"parse.key=true"}, "x") == "No key separator found on line number 7: 'x'");
  CHECK(parse_error({"parse.headers=true"}, "x") ==
        "No headers delimiter found on line number 7: 'x'");
  CHECK(parse_error({"parse.headers=true"}, "h\tv") ==
        "No header key separator found in pair 'h' on line number 7");
  CHECK(parse_error({"headers.separator=:"}, "x") ==
        "headers.separator and headers.key.separator may not be equal");
  CHECK(parse_error({"null.marker=|", "key.separator=|"}, "x") ==
        "null.marker and key.separator may not be equal");
}

TEST_CASE("records as lines") {
  ConsumedRecord record;
  record.partition = 3;
  record.offset = 42;
  record.timestamp_type = ConsumedRecord::TimestampType::create_time;
  record.timestamp_ms = 1'700'000'000'000;
  record.key = "k";
  record.value = "v";
  record.headers = {{"h1", "x"}, {"h2", std::nullopt}};
  CHECK(format({}, record) == "v\n");
  CHECK(format({"print.key=true"}, record) == "k\tv\n");
  CHECK(format({"print.key=true", "print.value=false"}, record) == "k\n");
  CHECK(format({"print.timestamp=true", "print.partition=true", "print.offset=true",
                "print.headers=true", "print.key=true", "key.separator=|", "line.separator=;",
                "null.literal=NIL"},
               record) == "CreateTime:1700000000000|Partition:3|Offset:42|h1:x,h2:NIL|k|v;");
  record.key.reset();
  record.headers.clear();
  record.timestamp_type = ConsumedRecord::TimestampType::none;
  CHECK(format({"print.timestamp=true", "print.headers=true", "print.key=true"}, record) ==
        "NO_TIMESTAMP\tNO_HEADERS\tnull\tv\n");
}

TEST_CASE("values by deserializer") {
  ConsumedRecord record;
  const std::string package = "value.deserializer=org.apache.kafka.common.serialization.";
  using namespace std::string_view_literals;
  record.value = "\0\0\0\0\0\0\0\5"sv;
  CHECK(format({package + "LongDeserializer"}, record) == "5\n");
  CHECK(format({package + "IntegerDeserializer"}, record) ==
        "Size of data received by IntegerDeserializer is not 4");
  record.value = "\x40\x08\0\0\0\0\0\0"sv;
  CHECK(format({package + "DoubleDeserializer"}, record) == "3.0\n");
  CHECK(format({"value.deserializer=com.example.Mine"}, record) ==
        "value.deserializer com.example.Mine is not available in this tool");
  CHECK_FALSE(MessageFormatter::create("com.example.Formatter", {}));
}

namespace {

std::string format_with(std::string_view class_name, const ConsumedRecord& record) {
  const auto formatter = MessageFormatter::create(class_name, {});
  REQUIRE(formatter);
  std::string text;
  const auto outcome = formatter->append(record, text);
  return outcome ? text : "error: " + outcome.error().message;
}

}  // namespace

TEST_CASE("records of __consumer_offsets") {
  using namespace std::string_view_literals;
  const std::string json = "org.apache.kafka.tools.consumer.";
  const std::string text = "kafka.coordinator.group.GroupMetadataManager$";
  ConsumedRecord offset;
  offset.key = "\0\1\0\1g\0\1t\0\0\0\2"sv;
  offset.value = "\0\3\0\0\0\0\0\0\0\5\xff\xff\xff\xff\0\1m\0\0\0\0\0\0\0\7"sv;
  CHECK(format_with(json + "OffsetsMessageFormatter", offset) ==
        R"({"key":{"version":1,"data":{"group":"g","topic":"t","partition":2}},)"
        R"("value":{"version":3,"data":{"offset":5,"leaderEpoch":-1,"metadata":"m",)"
        R"("commitTimestamp":7}}})"
        "\n");
  CHECK(format_with(text + "OffsetsMessageFormatter", offset) ==
        "[g,t,2]::OffsetAndMetadata(offset=5, leaderEpoch=Optional.empty, metadata=m, "
        "commitTimestamp=7, expireTimestamp=None)\n");
  for (const std::string_view name :
       {"kafka.coordinator.GroupMetadataManager$", "kafka.server.OffsetManager$"}) {
    CHECK(format_with(std::string(name) + "OffsetsMessageFormatter", offset) ==
          format_with(text + "OffsetsMessageFormatter", offset));
  }
  CHECK(MessageFormatter::create(
      "kafka.coordinator.GroupMetadataManager$GroupMetadataMessageFormatter", {}));
  CHECK(MessageFormatter::create("kafka.consumer.DefaultMessageFormatter", {}));
  CHECK(format_with(json + "GroupMetadataMessageFormatter", offset).empty());
  CHECK(format_with(text + "GroupMetadataMessageFormatter", offset).empty());
  offset.value.reset();
  CHECK(format_with(text + "OffsetsMessageFormatter", offset) == "[g,t,2]::NULL\n");
  offset.value = "\0\3\0\0"sv;
  CHECK(format_with(json + "OffsetsMessageFormatter", offset).starts_with("error: "));
  offset.value = "\0\x63"sv;
  CHECK(format_with(json + "OffsetsMessageFormatter", offset) ==
        "error: Unknown group record version: 99");

  ConsumedRecord group;
  group.key = "\0\2\0\1g"sv;
  group.value =
      "\0\3\0\1c\0\0\0\4\0\1r\0\1m\0\0\0\0\0\0\0\x09\0\0\0\1"
      "\0\1m\xff\xff\0\1i\0\2/h\0\0\0\1\0\0\0\2\0\0\0\1\xff\0\0\0\0"sv;
  CHECK(format_with(json + "GroupMetadataMessageFormatter", group) ==
        R"({"key":{"version":2,"data":{"group":"g"}},"value":{"version":3,"data":{)"
        R"("protocolType":"c","generation":4,"protocol":"r","leader":"m",)"
        R"("currentStateTimestamp":9,"members":[{"memberId":"m","groupInstanceId":null,)"
        R"("clientId":"i","clientHost":"/h","rebalanceTimeout":1,"sessionTimeout":2,)"
        R"("subscription":"/w==","assignment":""}]}}})"
        "\n");
  CHECK(format_with(text + "GroupMetadataMessageFormatter", group) ==
        "g::GroupMetadata(groupId=g, generation=4, protocolType=Some(c), currentState=Stable, "
        "members=HashMap(m -> MemberMetadata(memberId=m, groupInstanceId=None, clientId=i, "
        "clientHost=/h, sessionTimeoutMs=2, rebalanceTimeoutMs=1, supportedProtocols=List(r))))\n");
  CHECK(format_with(json + "OffsetsMessageFormatter", group).empty());
}

TEST_CASE("options of the consumer") {
  CHECK(consumer_error({"--bootstrap-server", "h:1", "--topic", "t"}).empty());
  CHECK(consumer_error({"--bootstrap-server", "h:1"}) ==
        "Exactly one of --include/--topic is required. ");
  CHECK(consumer_error({"--topic", "t"}) == "Missing required argument \"[bootstrap-server]\"");
  CHECK(consumer_error({"--bootstrap-server", "h:1", "--topic", "t", "--offset", "1"}) ==
        "The partition is required when offset is specified.");
  CHECK(consumer_error(
            {"--bootstrap-server", "h:1", "--topic", "t", "--partition", "0", "--offset", "-1"})
            .starts_with("The provided offset value '-1' is incorrect."));
  CHECK(consumer_error({"--bootstrap-server", "h:1", "--topic", "t", "--from-beginning",
                        "--consumer-property", "auto.offset.reset=latest"}) ==
        "Can't simultaneously specify --from-beginning and 'auto.offset.reset=latest', please "
        "remove one option");
}

TEST_CASE("the group of the consumer") {
  const auto settings = [](const tools::Arguments& arguments) {
    const auto options = tools::parse_options(console::consumer_option_table(), arguments);
    REQUIRE(options);
    return console::read_consumer_options(*options);
  };
  const auto named = settings({"--bootstrap-server", "h:1", "--topic", "t", "--group", "g",
                               "--consumer-property", "group.id=g"});
  REQUIRE(named);
  CHECK(named->properties.value_or("group.id", "") == "g");
  CHECK_FALSE(named->properties.contains("enable.auto.commit"));
  const auto unnamed = settings({"--bootstrap-server", "h:1", "--topic", "t"});
  REQUIRE(unnamed);
  CHECK(unnamed->properties.value_or("group.id", "").starts_with("console-consumer-"));
  CHECK(unnamed->properties.value_or("enable.auto.commit", "") == "false");
  const auto alone = settings({"--bootstrap-server", "h:1", "--topic", "t", "--partition", "0"});
  REQUIRE(alone);
  CHECK_FALSE(alone->properties.contains("group.id"));
  CHECK(consumer_error({"--bootstrap-server", "h:1", "--topic", "t", "--group", "g",
                        "--consumer-property", "group.id=h"}) ==
        "The group ids provided in different places (directly using '--group', via "
        "'--consumer-property', or via '--consumer.config') do not match. Detected group ids: 'g', "
        "'h'");
  CHECK(consumer_error({"--bootstrap-server", "h:1", "--topic", "t", "--group", "g", "--partition",
                        "0"}) == "Options group and partition cannot be specified together.");
}

TEST_CASE("Java property names") {
  using tools::JavaClient;
  using tools::translate_java_property;
  using Kind = tools::TranslatedProperty::Kind;
  CHECK(translate_java_property(JavaClient::producer, "compression.type", "lz4")->name ==
        "compression.codec");
  const auto memory = translate_java_property(JavaClient::producer, "buffer.memory", "33554432");
  CHECK(memory->name == "queue.buffering.max.kbytes");
  CHECK(memory->value == "32768");
  CHECK_FALSE(translate_java_property(JavaClient::producer, "buffer.memory", "lots"));
  CHECK(translate_java_property(JavaClient::consumer, "fetch.max.wait.ms", "5")->name ==
        "fetch.wait.max.ms");
  CHECK(translate_java_property(JavaClient::consumer, "acks", "1")->kind == Kind::unknown);
  CHECK(translate_java_property(JavaClient::producer, "key.serializer", "x")->kind ==
        Kind::no_effect);
  CHECK_FALSE(translate_java_property(JavaClient::producer, "transactional.id", "x"));

  const auto assignors = [](const std::string& names) {
    std::string classes;
    for (std::size_t at = 0; at < names.size();) {
      const std::size_t end = std::min(names.find(' ', at), names.size());
      if (!classes.empty()) classes += ", ";
      classes += "org.apache.kafka.clients.consumer." + names.substr(at, end - at) + "Assignor";
      at = end + 1;
    }
    const auto translated =
        translate_java_property(JavaClient::consumer, "partition.assignment.strategy", classes);
    return translated ? translated->value : translated.error().message;
  };
  CHECK(assignors("Range") == "range");
  CHECK(assignors("RoundRobin Range") == "roundrobin,range");
  CHECK(assignors("CooperativeSticky") == "cooperative-sticky");
  CHECK(assignors("Range CooperativeSticky") == "range");
  CHECK(assignors("Sticky") ==
        "The assignor org.apache.kafka.clients.consumer.StickyAssignor is not available in this "
        "tool");
}
