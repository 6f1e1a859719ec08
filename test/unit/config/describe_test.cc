// Goal: DescribeConfigs entries: values, sources, synonym chains.
#include "config/describe.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace config;

namespace {

using Synonyms = std::vector<ConfigSynonym>;

ConfigEntry entry(const std::vector<ConfigEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &ConfigEntry::name);
  REQUIRE(found != entries.end());
  return *found;
}

bool has(const std::vector<ConfigEntry>& entries, std::string_view name) {
  return std::ranges::find(entries, name, &ConfigEntry::name) != entries.end();
}

}  // namespace

TEST_CASE("topic entries") {
  const BrokerSources broker{.dynamic_broker = {{"log.segment.bytes", "300"}},
                             .dynamic_default = {{"log.segment.bytes", "200"}},
                             .file = {{"log.segment.bytes", "100"}, {"log.retention.hours", "1"}}};
  const auto entries =
      describe_topic({{"segment.bytes", " 400"}, {"from.the.future", "1"}}, broker);
  CHECK(entries.size() == topic_keys().size() + 1);

  const ConfigEntry segment = entry(entries, "segment.bytes");
  CHECK(segment.value == "400");
  CHECK(segment.source == ConfigSource::topic);
  CHECK(segment.type == 3);
  CHECK(!segment.is_read_only);
  CHECK(segment.synonyms ==
        Synonyms{{"segment.bytes", "400", ConfigSource::topic},
                 {"log.segment.bytes", "300", ConfigSource::dynamic_broker},
                 {"log.segment.bytes", "200", ConfigSource::dynamic_default_broker},
                 {"log.segment.bytes", "100", ConfigSource::static_broker},
                 {"log.segment.bytes", "1073741824", ConfigSource::built_in}});

  // Set through a synonym alone: the value counts, the chain is empty.
  const ConfigEntry retention = entry(entries, "retention.ms");
  CHECK(retention.value == "3600000");
  CHECK(retention.source == ConfigSource::built_in);
  CHECK(retention.synonyms.empty());

  const ConfigEntry future = entry(entries, "from.the.future");
  CHECK(future.is_sensitive);
  CHECK(!future.value.has_value());
  CHECK(future.source == ConfigSource::topic);
  CHECK(future.type == 0);

  CHECK(entry(entries, "min.cleanable.dirty.ratio").value == "0.5");
  CHECK(entry(entries, "cleanup.policy").value == "delete");
  CHECK(entry(entries, "message.format.version").value == "3.0-IV1");
  CHECK(entry(entries, "remote.storage.enable").synonyms.empty());
}

TEST_CASE("broker entries") {
  const BrokerSources broker{.dynamic_broker = {{"listener.name.x.max.connections", "7"}},
                             .dynamic_default = {{"log.retention.ms", "5"}},
                             .file = {{"broker.id", "3"},
                                      {"log.retention.hours", "1"},
                                      {"delegation.token.secret.key", "hush"},
                                      {"my.plugin", "hush"}}};
  const auto entries = describe_broker(broker);
  CHECK(entry(entries, "broker.id").value == "3");
  CHECK(entry(entries, "broker.id").is_read_only);
  CHECK(entry(entries, "broker.id").source == ConfigSource::static_broker);
  CHECK(entry(entries, "node.id").value == "3");

  CHECK(entry(entries, "log.retention.ms").synonyms ==
        Synonyms{{"log.retention.ms", "5", ConfigSource::dynamic_default_broker},
                 {"log.retention.hours", "1", ConfigSource::static_broker},
                 {"log.retention.hours", "168", ConfigSource::built_in}});
  CHECK(!entry(entries, "log.retention.ms").is_read_only);
  CHECK(entry(entries, "log.retention.hours").source == ConfigSource::static_broker);
  CHECK(!entry(entries, "log.dirs").value.has_value());
  CHECK(entry(entries, "log.dir").value == "/tmp/kafka-logs");

  const ConfigEntry prefixed = entry(entries, "listener.name.x.max.connections");
  CHECK(prefixed.value == "7");
  CHECK(prefixed.type == 3);
  CHECK(prefixed.is_read_only);
  CHECK(prefixed.synonyms ==
        Synonyms{{"listener.name.x.max.connections", "7", ConfigSource::dynamic_broker},
                 {"max.connections", "2147483647", ConfigSource::built_in}});

  for (const auto* name : {"delegation.token.secret.key", "my.plugin"}) {
    const ConfigEntry secret = entry(entries, name);
    CHECK(secret.is_sensitive);
    CHECK(!secret.value.has_value());
    REQUIRE(secret.synonyms.size() == 1);
    CHECK(!secret.synonyms[0].value.has_value());
  }
  CHECK(!has(entries, "barnabas.loops"));
  CHECK(!has(entries, "port"));
  CHECK(has(describe_broker({.file = {{"barnabas.loops", "2"}}}), "barnabas.loops"));
}

TEST_CASE("default broker entries") {
  const auto entries = describe_default_broker({.dynamic_broker = {{"log.retention.ms", "9"}},
                                                .dynamic_default = {{"log.retention.ms", "5"}}});
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].value == "5");
  CHECK(entries[0].synonyms ==
        Synonyms{{"log.retention.ms", "5", ConfigSource::dynamic_default_broker}});
}

TEST_CASE("what is stored and counts for nothing is not shown") {
  const BrokerSources broker{.dynamic_broker = {{"log.retention.ms", "7"},
                                                {"log.retention.hours", "5"},
                                                {"max.connections", "X"},
                                                {"listeners", "PLAINTEXT://:1"},
                                                {"metric.reporters", "a.B"}},
                             .dynamic_default = {},
                             .file = {{"log.retention.hours", "2"}}};
  const auto entries = describe_broker(broker);
  CHECK(entry(entries, "log.retention.ms").value == "7");
  CHECK(entry(entries, "log.retention.hours").value == "2");
  CHECK(entry(entries, "log.retention.hours").source == ConfigSource::static_broker);
  CHECK(entry(entries, "max.connections").value == "2147483647");
  CHECK(entry(entries, "listeners").value == "PLAINTEXT://:9092");
  CHECK(entry(entries, "metric.reporters").value == "");
}
