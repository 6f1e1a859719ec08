// Goal: the key tables are consistent and values parse and print as Java's do.
// Method: every key's default against its own type and range; tables of single values.
#include "config/key_table.h"

#include <doctest/doctest.h>

#include <set>

#include "config/inter_broker_protocol.h"

using namespace config;

TEST_CASE("every default satisfies its own key") {
  std::set<std::string_view> names;
  for (const Key* key : broker_keys()) {
    CAPTURE(key->name);
    CHECK(names.insert(key->name).second);
    CHECK(find_broker_key(key->name) == key);
    CHECK(!key->documentation.empty());
    if (!key->default_text) continue;
    CHECK(!key->default_text->contains(" "));
    const auto value = parse_value(*key, *key->default_text);
    REQUIRE(value.has_value());
    CHECK(value_to_text(*value) == *key->default_text);
  }
  CHECK(names.size() > 330);
  std::string_view previous;
  for (const TopicKey& topic_key : topic_keys()) {
    CAPTURE(topic_key.key.name);
    CHECK(previous < topic_key.key.name);
    previous = topic_key.key.name;
    CHECK(default_value(topic_key.key).index() != 0);
    if (topic_key.broker_key.empty()) continue;
    const Key* broker_key = find_broker_key(topic_key.broker_key);
    REQUIRE(broker_key != nullptr);
    CHECK(broker_key->type == topic_key.key.type);
  }
  CHECK(topic_keys().size() == 36);
}

TEST_CASE("values") {
  struct Row {
    std::string_view key, text, result;  // result: printed value, or the reason
  };
  const Row rows[] = {
      {"broker.id", " 7 ", "7"},
      {"broker.id", "+7", "7"},
      {"broker.id", "2147483648", "Not a number of type INT"},
      {"broker.id", "7x", "Not a number of type INT"},
      {"broker.id", "", "Not a number of type INT"},
      {"broker.id", "+-7", "Not a number of type INT"},
      {"num.partitions", "0", "Value must be at least 1"},
      {"offsets.topic.replication.factor", "40000", "Not a number of type SHORT"},
      {"log.retention.bytes", "9223372036854775807", "9223372036854775807"},
      {"log.retention.bytes", "9223372036854775808", "Not a number of type LONG"},
      {"auto.create.topics.enable", "TRUE", "true"},
      {"auto.create.topics.enable", "yes", "Expected value to be either true or false"},
      {"log.cleaner.min.cleanable.ratio", "1", "1.0"},
      {"log.cleaner.min.cleanable.ratio", "1.5", "Value must be no more than 1"},
      {"log.cleaner.min.cleanable.ratio", "nan", "Not a number of type DOUBLE"},
      {"log.cleaner.io.max.bytes.per.second", "1e6", "1000000.0"},
      {"log.cleaner.io.max.bytes.per.second", "12345678", "1.2345678E7"},
      {"log.cleaner.io.max.bytes.per.second", "0.00012", "1.2E-4"},
      {"log.cleaner.io.max.bytes.per.second", "0.012", "0.012"},
      {"log.cleaner.io.max.bytes.per.second", "-1234.5d", "-1234.5"},
      {"log.cleaner.io.max.bytes.per.second", "0", "0.0"},
      {"log.cleanup.policy", " compact , delete ", "compact,delete"},
      {"log.cleanup.policy", "compress", "String must be one of: compact, delete"},
      {"log.cleanup.policy", "", ""},
      {"log.cleanup.policy", "delete,", "String must be one of: compact, delete"},
      {"compression.type", "Gzip",
       "String must be one of: producer, uncompressed, gzip, snappy, lz4, zstd"},
      {"compression.gzip.level", "0", "Value must be between 1 and 9 or equal to -1"},
      {"compression.gzip.level", "-1", "-1"},
      {"compression.zstd.level", "-131073", "Value must be at least -131072"},
      {"inter.broker.protocol.version", "5.0", "Version `5.0` is not a valid version"},
      {"inter.broker.protocol.version", "2.4.1", "2.4.1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.key);
    CAPTURE(row.text);
    const auto value = parse_value(*find_broker_key(row.key), row.text);
    CHECK((value ? value_to_text(*value).value() : value.error()) == row.result);
  }
}

TEST_CASE("throttled replicas") {
  const Key& key = find_topic_key("leader.replication.throttled.replicas")->key;
  for (const auto* text : {"*", "", "0:1", "0:1,1:2", "0:1,,1:2"}) {
    CAPTURE(text);
    CHECK(parse_value(key, text).has_value());
  }
  for (const auto* text : {"**", "0", "0:", ":1", "a:1", "*,0:1", "0:1:2"}) {
    CAPTURE(text);
    CHECK(!parse_value(key, text).has_value());
  }
}

TEST_CASE("listener prefixes and synonyms") {
  CHECK(find_base_key("listener.name.ext.max.connections")->name == "max.connections");
  CHECK(find_base_key("listener.name.ext.scram-sha-256.sasl.jaas.config")->name ==
        "sasl.jaas.config");
  CHECK(find_base_key("listener.name.ext.nothing") == nullptr);
  CHECK(find_base_key("listener.name.") == nullptr);
  CHECK(find_base_key("broker.idd") == nullptr);
  CHECK(broker_key_synonyms("log.retention.hours") ==
        std::vector<std::string_view>{"log.retention.ms", "log.retention.minutes",
                                      "log.retention.hours"});
  CHECK(broker_key_synonyms("log.flush.interval.ms").size() == 2);
  CHECK(broker_key_synonyms("log.flush.scheduler.interval.ms").size() == 1);
  CHECK(nearest_broker_key("num.partition") == "num.partitions");
  CHECK(nearest_broker_key("brokerid") == "broker.id");
  CHECK(nearest_broker_key("my.own.plugin.setting").empty());
  CHECK(nearest_broker_key(std::string(100000, 'a')).empty());
}

TEST_CASE("inter broker protocol") {
  using Ibp = InterBrokerProtocol;
  CHECK(parse_inter_broker_protocol("3.9") == Ibp::v3_9_iv0);
  CHECK(parse_inter_broker_protocol("3.7") == Ibp::v3_7_iv4);
  CHECK(parse_inter_broker_protocol("2.4") == Ibp::v2_4_iv1);
  CHECK(parse_inter_broker_protocol("2.4.1") == Ibp::v2_4_iv1);
  CHECK(parse_inter_broker_protocol("2.4-IV0") == Ibp::v2_4_iv0);
  CHECK(parse_inter_broker_protocol("0.10.2") == Ibp::v0_10_2_iv0);
  CHECK(parse_inter_broker_protocol("0.10.1.1") == Ibp::v0_10_1_iv2);
  CHECK(parse_inter_broker_protocol("0.9.0.1") == Ibp::v0_9_0);
  CHECK(parse_inter_broker_protocol("3.0-IV1") == Ibp::v3_0_iv1);
  for (const auto* text : {"", "3", "0.9", "2.9", "4.0", "3.9-IV1", "3.9-", "-IV0", "x", "."}) {
    CAPTURE(text);
    CHECK(!parse_inter_broker_protocol(text).has_value());
  }
  for (int i = 0; i <= static_cast<int>(kLatestInterBrokerProtocol); ++i) {
    const auto version = static_cast<Ibp>(i);
    CHECK(parse_inter_broker_protocol(to_string(version)) == version);
  }
  CHECK(Ibp::v2_7_iv2 < Ibp::v2_8_iv0);
  CHECK(to_string(Ibp::v2_8_iv1) == "2.8-IV1");
  CHECK(record_magic(Ibp::v0_9_0) == 0);
  CHECK(record_magic(Ibp::v0_10_2_iv0) == 1);
  CHECK(record_magic(Ibp::v0_11_0_iv0) == 2);
}
