#include "tools/console/consumer_options.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>

#include "base/result.h"
#include "runtime/uv/system.h"
#include "tools/properties_arguments.h"

namespace console {

using tools::Options;
using tools::Usage;
using tools::UsageError;
using tools::ValueKind;

namespace {

constexpr tools::OptionSpec kOptions[] = {
    {"bootstrap-server", "REQUIRED: the brokers to connect to.", ValueKind::text,
     "server to connect to"},
    {"topic", "The topic to consume.", ValueKind::text, "topic"},
    {"include", "A regular expression for the topics to consume.", ValueKind::text, "regex"},
    {"whitelist", "The older name of --include.", ValueKind::text, "regex"},
    {"partition", "The partition to consume, from its end unless --offset is given.",
     ValueKind::int32, "partition"},
    {"offset", "Where to begin: an offset, earliest or latest.", ValueKind::text, "consume offset",
     "latest"},
    {"from-beginning", "Begin with the first record instead of the next one."},
    {"max-messages", "End after so many records.", ValueKind::int32, "num_messages"},
    {"timeout-ms", "End when no record came for so long.", ValueKind::int64, "timeout_ms"},
    {"group",
     "The consumer group to join; without it one with a random name, which commits nothing.",
     ValueKind::text, "consumer group id"},
    {"isolation-level", "read_committed leaves records of open and aborted transactions out.",
     ValueKind::text, "", "read_uncommitted"},
    {.name = "consumer-property",
     .description = "A property of the consumer, key=value, several times if needed.",
     .kind = ValueKind::text,
     .value_name = "consumer_prop",
     .is_repeatable = true},
    {"consumer.config", "A properties file for the consumer; --consumer-property wins.",
     ValueKind::text, "config file"},
    {"formatter",
     "The class that prints records: Kafka's Default, Logging, NoOp, Offsets or GroupMetadata "
     "formatter.",
     ValueKind::text, "class", "org.apache.kafka.tools.consumer.DefaultMessageFormatter"},
    {.name = "property",
     .description =
         "A property of the formatter, key=value, several times if needed: print.timestamp, "
         "print.partition, print.offset, print.headers, print.key, print.value, key.separator, "
         "line.separator, headers.separator, null.literal, key.deserializer, value.deserializer, "
         "headers.deserializer.",
     .kind = ValueKind::text,
     .value_name = "prop",
     .is_repeatable = true},
    {"formatter-config", "A properties file for the formatter; --property wins.", ValueKind::text,
     "config file"},
    {"key-deserializer", "The class that makes text of keys.", ValueKind::text,
     "deserializer for key"},
    {"value-deserializer", "The class that makes text of values.", ValueKind::text,
     "deserializer for values"},
    {"skip-message-on-error", "Go on after a record that cannot be printed."},
    {"enable-systest-events", "Print shutdown_complete at the end."},
};
constexpr tools::OptionTable kTable{
    "This tool helps to read data from Kafka topics and outputs it to standard output.", kOptions};

std::unexpected<UsageError> with_table(std::string message) {
  return std::unexpected(UsageError{.message = std::move(message)});
}
std::unexpected<UsageError> line(std::string message) {
  return std::unexpected(UsageError{UsageError::Kind::line, std::move(message)});
}

Usage<> check(const Options& options) {
  const bool has_include = options.has("include") || options.has("whitelist");
  if (options.has("topic") == has_include) {
    return with_table("Exactly one of --include/--topic is required. ");
  }
  if (options.has("partition")) {
    if (!options.has("topic"))
      return with_table("The topic is required when partition is specified.");
    if (options.has("from-beginning") && options.has("offset")) {
      return with_table("Options from-beginning and offset cannot be specified together.");
    }
  } else if (options.has("offset")) {
    return with_table("The partition is required when offset is specified.");
  }
  return require(options, {"bootstrap-server"});
}

Usage<std::int64_t> parse_start(const Options& options) {
  if (!options.has("offset")) return options.has("from-beginning") ? kEarliest : kLatest;
  const std::string given = *options.given("offset");
  std::string text = given;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  if (text == "earliest") return kEarliest;
  if (text == "latest") return kLatest;
  std::int64_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error == std::errc() && end == text.data() + text.size() && offset >= 0) return offset;
  return with_table(fmt::format(
      "The provided offset value '{}' is incorrect. Valid values are 'earliest', 'latest', or a "
      "non-negative long.",
      given));
}

// The group ids given in several places must be the same; nullopt if there is none.
Usage<std::optional<std::string>> read_group(const Options& options,
                                             const config::Properties& from_file,
                                             const config::Properties& from_arguments) {
  std::set<std::string> groups;
  if (const auto group = options.given("group")) groups.insert(*group);
  for (const config::Properties* properties : {&from_file, &from_arguments}) {
    if (const auto* property = properties->find("group.id")) groups.insert(property->value);
  }
  if (groups.size() > 1) {
    return with_table(fmt::format(
        "The group ids provided in different places (directly using '--group', via "
        "'--consumer-property', or via '--consumer.config') do not match. Detected group ids: "
        "'{}'",
        fmt::join(groups, "', '")));
  }
  if (!groups.empty() && options.has("partition")) {
    return with_table("Options group and partition cannot be specified together.");
  }
  if (groups.empty()) return std::nullopt;
  return *groups.begin();
}

// A group that nobody asked for commits nothing: its name will not come again.
void set_group(config::Properties& properties, const std::optional<std::string>& group) {
  constexpr std::uint64_t kNames = 100'000;
  if (group) {
    properties.set("group.id", *group);
    return;
  }
  properties.set("group.id",
                 fmt::format("console-consumer-{}", runtime::SystemRandom().next() % kNames));
  if (!properties.contains("enable.auto.commit")) properties.set("enable.auto.commit", "false");
}

Usage<config::Properties> consumer_properties(const Options& options) {
  config::Properties properties;
  if (const auto path = options.given("consumer.config")) {
    auto loaded = tools::load_properties(*path);
    if (!loaded) return line(std::move(loaded.error().message));
    properties = std::move(*loaded);
  }
  config::Properties from_arguments;
  tools::add_key_values(from_arguments, options.values("consumer-property"));
  TRY_ASSIGN(const auto group, read_group(options, properties, from_arguments));
  tools::add_key_values(properties, options.values("consumer-property"));
  if (const auto* reset = properties.find("auto.offset.reset")) {
    if (options.has("from-beginning") && reset->value != "earliest") {
      return line(fmt::format(
          "Can't simultaneously specify --from-beginning and 'auto.offset.reset={}', please remove "
          "one option",
          reset->value));
    }
  } else {
    properties.set("auto.offset.reset", options.has("from-beginning") ? "earliest" : "latest");
  }
  properties.set("bootstrap.servers", *options.given("bootstrap-server"));
  if (!properties.contains("client.id")) properties.set("client.id", "console-consumer");
  if (options.has("isolation-level") || !properties.contains("isolation.level")) {
    properties.set("isolation.level", *options.value("isolation-level"));
  }
  // A consumer may make its topic, as Java's does.
  if (!properties.contains("allow.auto.create.topics")) {
    properties.set("allow.auto.create.topics", "true");
  }
  if (options.has("partition")) {
    properties.set("enable.auto.commit", "false");  // nothing to commit to without a group
  } else {
    set_group(properties, group);
  }
  return properties;
}

Usage<MessageFormatter> read_formatter(const Options& options) {
  config::Properties properties;
  if (const auto path = options.given("formatter-config")) {
    auto loaded = tools::load_properties(*path);
    if (!loaded) return line(std::move(loaded.error().message));
    properties = std::move(*loaded);
  }
  for (const char* kind : {"key", "value"}) {
    if (auto name = options.given(fmt::format("{}-deserializer", kind)); name && !name->empty()) {
      properties.set(fmt::format("{}.deserializer", kind), std::move(*name));
    }
  }
  tools::add_key_values(properties, options.values("property"));
  auto formatter = MessageFormatter::create(*options.value("formatter"), properties);
  if (!formatter) return line(std::move(formatter.error().message));
  return std::move(*formatter);
}

}  // namespace

const tools::OptionTable& consumer_option_table() { return kTable; }

Usage<ConsumerSettings> read_consumer_options(const Options& options) {
  TRY(check(options));
  TRY_ASSIGN(config::Properties properties, consumer_properties(options));
  TRY_ASSIGN(MessageFormatter formatter, read_formatter(options));
  TRY_ASSIGN(std::int64_t start, parse_start(options));
  // A property that says where to begin counts where the command line does not.
  if (!options.has("offset") && properties.value_or("auto.offset.reset", "") == "earliest") {
    start = kEarliest;
  }
  const bool exclude_internal = properties.value_or("exclude.internal.topics", "true") != "false";
  auto include = tools::TopicFilter::compile(
      options.has("include") ? options.given("include") : options.given("whitelist"),
      exclude_internal);
  if (!include) return line(std::move(include.error().message));
  const auto partition = options.number("partition");
  return ConsumerSettings{
      .topic = options.given("topic"),
      .include = std::move(*include),
      .partition = partition ? std::optional(static_cast<std::int32_t>(*partition)) : std::nullopt,
      .start = start,
      .messages_max = options.number("max-messages").value_or(-1),
      .timeout_ms = options.number("timeout-ms").value_or(-1),
      .skip_message_on_error = options.has("skip-message-on-error"),
      .has_systest_events = options.has("enable-systest-events"),
      .properties = std::move(properties),
      .formatter = std::move(formatter),
  };
}

}  // namespace console
