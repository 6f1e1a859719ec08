// Purpose: the effective config of one topic as typed values, and the rules for its overrides.
//
// Effective value: /config/topics/<T>, else the broker's value of the mapped key, else the built-in
// default. Pure values; copy freely. Source: LogConfig.java, ServerTopicConfigSynonyms.java (3.9).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_table.h"
#include "config/properties.h"

namespace config {

enum class CompressionType : std::uint8_t { producer, uncompressed, gzip, snappy, lz4, zstd };
enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };  // as in batches

std::string_view to_string(CompressionType type);
std::string_view to_string(TimestampType type);

// The default member values are the built-in defaults.
struct TopicConfig {
  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

  // Segments.
  std::int32_t segment_bytes = 1073741824;
  std::int64_t segment_ms = 604800000;
  std::int64_t segment_jitter_ms = 0;
  std::int32_t segment_index_bytes = 10485760;
  std::int32_t index_interval_bytes = 4096;
  bool preallocate = false;
  std::int64_t file_delete_delay_ms = 60000;

  // Flushing.
  std::int64_t flush_messages = kForever;
  std::int64_t flush_ms = kForever;

  // Retention and compaction.
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  std::int64_t retention_ms = 604800000;  // -1: unlimited
  std::int64_t retention_bytes = -1;      // below 0: unlimited
  std::int64_t delete_retention_ms = 86400000;
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = kForever;
  double min_cleanable_dirty_ratio = 0.5;

  // What an append takes.
  std::int32_t max_message_bytes = 1048588;
  TimestampType timestamp_type = TimestampType::create_time;
  // How far a timestamp may lie behind and ahead of the clock. Already resolved: where a key is
  // left at its default, the older message.timestamp.difference.max.ms counts (KIP-937).
  std::int64_t timestamp_before_max_ms = kForever;
  std::int64_t timestamp_after_max_ms = kForever;
  std::int64_t timestamp_difference_max_ms = kForever;
  CompressionType compression_type = CompressionType::producer;
  std::int32_t compression_gzip_level = -1;
  std::int32_t compression_lz4_level = 9;
  std::int32_t compression_zstd_level = 3;
  bool message_downconversion_enable = true;

  // Replication.
  std::int32_t min_insync_replicas = 1;
  bool unclean_leader_election_enable = false;
  std::vector<std::string> leader_replication_throttled_replicas;  // "partition:broker", or "*"
  std::vector<std::string> follower_replication_throttled_replicas;

  // When a segment must roll: a compacted topic rolls early enough for its maximum lag.
  std::int64_t roll_ms() const {
    return cleanup_compact && max_compaction_lag_ms < segment_ms ? max_compaction_lag_ms
                                                                 : segment_ms;
  }
  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

// The effective config. Overrides that are unknown or broken (written by a newer broker, or by hand
// into ZooKeeper) are left out and named in `warnings` if that is given.
TopicConfig make_topic_config(const TopicConfig& broker_defaults, const ConfigMap& overrides,
                              std::vector<std::string>* warnings = nullptr);

// nullopt if a topic may have these overrides, else the message for INVALID_CONFIG, in Kafka's
// words where Kafka has the rule.
std::optional<std::string> validate_topic_configs(const ConfigMap& overrides,
                                                  const TopicConfig& broker_defaults);

// Puts the parsed value of a topic key into its field; keys that have no meaning here have none.
// Call resolve_timestamps() after the last one.
void store_topic_value(TopicConfig& config, std::string_view key, const Value& value);
void resolve_timestamps(TopicConfig& config);

}  // namespace config
