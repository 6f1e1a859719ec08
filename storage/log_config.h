// Purpose: the settings one log obeys, replaceable while it is open. The broker makes them from
// its topic configs; names follow Kafka's topic config keys (TopicConfig, LogConfig).
#pragma once

#include <cstdint>
#include <optional>

#include "protocol/compression.h"
#include "protocol/record_batch.h"

namespace storage {

struct LogConfig {
  std::int32_t segment_bytes = 1'073'741'824;
  std::int64_t segment_ms = 604'800'000;
  std::int64_t segment_jitter_ms = 0;
  std::int32_t segment_index_bytes = 10'485'760;
  std::int32_t index_interval_bytes = 4096;
  std::int64_t flush_messages = INT64_MAX;
  std::int64_t flush_ms = INT64_MAX;
  std::int64_t file_delete_delay_ms = 60'000;

  std::int64_t retention_ms = 604'800'000;  // -1: no limit
  std::int64_t retention_bytes = -1;        // -1: no limit
  bool cleanup_delete = true;
  bool cleanup_compact = false;
  std::int64_t min_compaction_lag_ms = 0;
  std::int64_t max_compaction_lag_ms = INT64_MAX;
  double min_cleanable_dirty_ratio = 0.5;
  std::int64_t delete_retention_ms = 86'400'000;  // of tombstones

  std::int32_t max_message_bytes = 1'048'588;
  std::optional<protocol::Codec> compression;  // nullopt: as the producer sent it
  std::optional<int> compression_level;
  protocol::TimestampType timestamp_type = protocol::TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = INT64_MAX;
  std::int64_t timestamp_after_max_ms = INT64_MAX;

  // Not topic configs, but the same for every log of a broker.
  std::int64_t producer_id_expiration_ms = 86'400'000;
  // Background flush: whichever comes first moves the recovery point.
  std::int64_t background_flush_bytes = 64 * 1024 * 1024;
  std::int64_t background_flush_ms = 60'000;

  // A compacted topic's segment also ends at its compaction lag (LogConfig.maxSegmentMs).
  std::int64_t segment_ms_max() const {
    return cleanup_compact && max_compaction_lag_ms < segment_ms ? max_compaction_lag_ms
                                                                 : segment_ms;
  }
};

}  // namespace storage
