#include "config/topic_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <type_traits>

#include "config/key_table.h"

namespace config {
namespace {

constexpr std::array<std::string_view, 6> kCompressionTypes = {"producer", "uncompressed", "gzip",
                                                               "snappy",   "lz4",          "zstd"};
constexpr std::array<std::string_view, 2> kTimestampTypes = {"CreateTime", "LogAppendTime"};

// How a key's parsed value lands in its field.
using Store = void (*)(TopicConfig&, const Value&);

template <auto kField>
void store(TopicConfig& config, const Value& value) {
  auto& field = config.*kField;
  using Field = std::remove_reference_t<decltype(field)>;
  if constexpr (std::is_same_v<Field, std::int32_t>) {
    field = static_cast<std::int32_t>(std::get<std::int64_t>(value));
  } else {
    field = std::get<Field>(value);
  }
}

void store_cleanup_policy(TopicConfig& config, const Value& value) {
  const auto& policies = std::get<std::vector<std::string>>(value);
  config.cleanup_delete = std::ranges::find(policies, "delete") != policies.end();
  config.cleanup_compact = std::ranges::find(policies, "compact") != policies.end();
}

void store_compression_type(TopicConfig& config, const Value& value) {
  const auto found = std::ranges::find(kCompressionTypes, std::get<std::string>(value));
  config.compression_type = static_cast<CompressionType>(found - kCompressionTypes.begin());
}

void store_timestamp_type(TopicConfig& config, const Value& value) {
  config.timestamp_type = std::get<std::string>(value) == kTimestampTypes[1]
                              ? TimestampType::log_append_time
                              : TimestampType::create_time;
}

struct Field {
  std::string_view key;
  Store store;
};

// The keys without a field have no meaning here: message format, preallocation, tiered storage.
constexpr Field kFields[] = {
    {"cleanup.policy", store_cleanup_policy},
    {"compression.gzip.level", store<&TopicConfig::compression_gzip_level>},
    {"compression.lz4.level", store<&TopicConfig::compression_lz4_level>},
    {"compression.type", store_compression_type},
    {"compression.zstd.level", store<&TopicConfig::compression_zstd_level>},
    {"delete.retention.ms", store<&TopicConfig::delete_retention_ms>},
    {"file.delete.delay.ms", store<&TopicConfig::file_delete_delay_ms>},
    {"flush.messages", store<&TopicConfig::flush_messages>},
    {"flush.ms", store<&TopicConfig::flush_ms>},
    {"follower.replication.throttled.replicas",
     store<&TopicConfig::follower_replication_throttled_replicas>},
    {"index.interval.bytes", store<&TopicConfig::index_interval_bytes>},
    {"leader.replication.throttled.replicas",
     store<&TopicConfig::leader_replication_throttled_replicas>},
    {"max.compaction.lag.ms", store<&TopicConfig::max_compaction_lag_ms>},
    {"max.message.bytes", store<&TopicConfig::max_message_bytes>},
    {"message.downconversion.enable", store<&TopicConfig::message_downconversion_enable>},
    {"message.timestamp.after.max.ms", store<&TopicConfig::timestamp_after_max_ms>},
    {"message.timestamp.before.max.ms", store<&TopicConfig::timestamp_before_max_ms>},
    {"message.timestamp.difference.max.ms", store<&TopicConfig::timestamp_difference_max_ms>},
    {"message.timestamp.type", store_timestamp_type},
    {"min.cleanable.dirty.ratio", store<&TopicConfig::min_cleanable_dirty_ratio>},
    {"min.compaction.lag.ms", store<&TopicConfig::min_compaction_lag_ms>},
    {"min.insync.replicas", store<&TopicConfig::min_insync_replicas>},
    {"preallocate", store<&TopicConfig::preallocate>},
    {"retention.bytes", store<&TopicConfig::retention_bytes>},
    {"retention.ms", store<&TopicConfig::retention_ms>},
    {"segment.bytes", store<&TopicConfig::segment_bytes>},
    {"segment.index.bytes", store<&TopicConfig::segment_index_bytes>},
    {"segment.jitter.ms", store<&TopicConfig::segment_jitter_ms>},
    {"segment.ms", store<&TopicConfig::segment_ms>},
    {"unclean.leader.election.enable", store<&TopicConfig::unclean_leader_election_enable>},
};

bool is_true(const ConfigMap& overrides, std::string_view name) {
  const auto found = overrides.find(name);
  if (found == overrides.end()) return false;
  const auto value = parse_value(find_topic_key(name)->key, found->second);
  return value && std::get<bool>(*value);
}

}  // namespace

std::string_view to_string(CompressionType type) {
  return kCompressionTypes[static_cast<std::size_t>(type)];
}

std::string_view to_string(TimestampType type) {
  return kTimestampTypes[static_cast<std::size_t>(type)];
}

void store_topic_value(TopicConfig& config, std::string_view key, const Value& value) {
  const auto field = std::ranges::find(kFields, key, &Field::key);
  if (field != std::end(kFields)) field->store(config, value);
}

void resolve_timestamps(TopicConfig& config) {
  for (auto* direction : {&config.timestamp_before_max_ms, &config.timestamp_after_max_ms}) {
    if (*direction == TopicConfig::kForever) *direction = config.timestamp_difference_max_ms;
  }
}

TopicConfig make_topic_config(const TopicConfig& broker_defaults, const ConfigMap& overrides,
                              std::vector<std::string>* warnings) {
  TopicConfig config = broker_defaults;
  const auto warn = [&](std::string_view name, std::string_view reason) {
    if (warnings != nullptr) warnings->push_back(fmt::format("{} is ignored: {}", name, reason));
  };
  for (const auto& [name, text] : overrides) {
    const TopicKey* topic_key = find_topic_key(name);
    if (topic_key == nullptr) {
      warn(name, "unknown topic config name");
      continue;
    }
    const auto value = parse_value(topic_key->key, text);
    if (!value) {
      warn(name, value.error());
      continue;
    }
    store_topic_value(config, name, *value);
  }
  resolve_timestamps(config);
  return config;
}

std::optional<std::string> validate_topic_configs(const ConfigMap& overrides,
                                                  const TopicConfig& broker_defaults) {
  for (const auto& [name, text] : overrides) {
    if (find_topic_key(name) == nullptr) return fmt::format("Unknown topic config name: {}", name);
  }
  for (const auto& [name, text] : overrides) {
    const auto value = parse_value(find_topic_key(name)->key, text);
    if (!value) {
      return fmt::format("Invalid value {} for configuration {}: {}", text, name, value.error());
    }
  }
  const TopicConfig config = make_topic_config(broker_defaults, overrides);
  if (config.min_compaction_lag_ms > config.max_compaction_lag_ms) {
    return fmt::format(
        "conflict topic config setting min.compaction.lag.ms ({}) > max.compaction.lag.ms ({})",
        config.min_compaction_lag_ms, config.max_compaction_lag_ms);
  }
  if (is_true(overrides, "remote.log.delete.on.disable") ||
      is_true(overrides, "remote.log.copy.disable")) {
    return "It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` under "
           "Zookeeper's mode.";
  }
  if (is_true(overrides, "remote.storage.enable")) {
    return "Tiered Storage functionality is disabled in the broker. Topic cannot be configured "
           "with "
           "remote log storage.";
  }
  return std::nullopt;
}

}  // namespace config
