// Goal: topic overrides over broker defaults, and Kafka's words for what is refused.
#include "config/topic_config.h"

#include <doctest/doctest.h>

using namespace config;

namespace {

std::string fault(const ConfigMap& overrides) {
  return validate_topic_configs(overrides, {}).value_or("");
}

}  // namespace

TEST_CASE("overrides win over broker defaults") {
  TopicConfig broker;
  broker.retention_ms = 5;
  broker.segment_bytes = 77;
  const TopicConfig config =
      make_topic_config(broker, {{"retention.ms", "9"},
                                 {"cleanup.policy", "compact"},
                                 {"message.timestamp.type", "LogAppendTime"},
                                 {"compression.type", "zstd"},
                                 {"min.cleanable.dirty.ratio", "0.1"},
                                 {"unclean.leader.election.enable", "true"},
                                 {"leader.replication.throttled.replicas", "0:1,1:2"}});
  CHECK(config.retention_ms == 9);
  CHECK(config.segment_bytes == 77);
  CHECK(config.cleanup_compact);
  CHECK(!config.cleanup_delete);
  CHECK(config.timestamp_type == TimestampType::log_append_time);
  CHECK(config.compression_type == CompressionType::zstd);
  CHECK(config.min_cleanable_dirty_ratio == 0.1);
  CHECK(config.unclean_leader_election_enable);
  CHECK(config.leader_replication_throttled_replicas.size() == 2);
}

TEST_CASE("every key that has a meaning reaches its field") {
  for (const TopicKey& topic_key : topic_keys()) {
    const Key& key = topic_key.key;
    if (key.name == "message.format.version" || key.name.starts_with("local.") ||
        key.name.starts_with("remote.")) {
      continue;
    }
    CAPTURE(key.name);
    std::string text = "1";
    if (key.type == KeyType::boolean) text = *key.default_text == "true" ? "false" : "true";
    if (key.name == "cleanup.policy") text = "compact";
    if (key.name == "compression.type") text = "lz4";
    if (key.name == "message.timestamp.type") text = "LogAppendTime";
    if (key.type == KeyType::list && key.name != "cleanup.policy") text = "0:1";
    if (key.name == "segment.bytes") text = "14";
    if (key.name == "segment.index.bytes") text = "4";
    if (key.name == "min.insync.replicas") text = "2";
    std::vector<std::string> warnings;
    CHECK(make_topic_config({}, {{std::string(key.name), text}}, &warnings) != TopicConfig{});
    CHECK(warnings.empty());
    CHECK(make_topic_config({}, {{std::string(key.name), std::string(*key.default_text)}}) ==
          TopicConfig{});
  }
}

TEST_CASE("stored rubbish is left out and named") {
  std::vector<std::string> warnings;
  const TopicConfig config = make_topic_config(
      {}, {{"retention.ms", "soon"}, {"from.the.future", "1"}, {"segment.bytes", "100"}},
      &warnings);
  CHECK(config.retention_ms == 604800000);
  CHECK(config.segment_bytes == 100);
  CHECK(warnings.size() == 2);
}

TEST_CASE("timestamps and roll time") {
  CHECK(make_topic_config({}, {{"message.timestamp.difference.max.ms", "7"}})
            .timestamp_before_max_ms == 7);
  const TopicConfig both = make_topic_config(
      {}, {{"message.timestamp.difference.max.ms", "7"}, {"message.timestamp.after.max.ms", "3"}});
  CHECK(both.timestamp_before_max_ms == 7);
  CHECK(both.timestamp_after_max_ms == 3);
  const ConfigMap lag = {{"segment.ms", "50"}, {"max.compaction.lag.ms", "20"}};
  CHECK(make_topic_config({}, lag).roll_ms() == 50);
  ConfigMap compact = lag;
  compact["cleanup.policy"] = "compact,delete";
  CHECK(make_topic_config({}, compact).roll_ms() == 20);
}

TEST_CASE("validation") {
  CHECK(fault({{"retention.ms", "1"}, {"cleanup.policy", "compact"}}).empty());
  CHECK(fault({{"retention.mss", "1"}}) == "Unknown topic config name: retention.mss");
  CHECK(fault({{"retention.ms", "x"}}) ==
        "Invalid value x for configuration retention.ms: Not a number of type LONG");
  CHECK(fault({{"retention.ms", "-2"}}) ==
        "Invalid value -2 for configuration retention.ms: Value must be at least -1");
  CHECK(fault({{"min.compaction.lag.ms", "5"}, {"max.compaction.lag.ms", "4"}}) ==
        "conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (4)");
  CHECK(fault({{"remote.storage.enable", "true"}}).starts_with("Tiered Storage functionality"));
  CHECK(!fault({{"remote.log.copy.disable", "true"}}).empty());
  CHECK(fault({{"remote.storage.enable", "false"}}).empty());
  CHECK(fault({{"compression.type", "producer"}}).empty());
  CHECK(fault({{"compression.type", "bzip2"}}).contains("String must be one of"));
  for (const auto type : {CompressionType::uncompressed, CompressionType::zstd}) {
    CHECK(fault({{"compression.type", std::string(to_string(type))}}).empty());
  }
}
