#include "broker/server/log_settings.h"

#include <algorithm>

#include "config/topic_config.h"

namespace server {
namespace {

std::optional<protocol::Codec> codec_of(config::CompressionType type) {
  switch (type) {
    case config::CompressionType::producer: return std::nullopt;
    case config::CompressionType::uncompressed: return protocol::Codec::none;
    case config::CompressionType::gzip: return protocol::Codec::gzip;
    case config::CompressionType::snappy: return protocol::Codec::snappy;
    case config::CompressionType::lz4: return protocol::Codec::lz4;
    case config::CompressionType::zstd: return protocol::Codec::zstd;
  }
  return std::nullopt;
}

std::optional<int> level_of(const config::TopicConfig& topic) {
  switch (topic.compression_type) {
    case config::CompressionType::gzip: return topic.compression_gzip_level;
    case config::CompressionType::lz4: return topic.compression_lz4_level;
    case config::CompressionType::zstd: return topic.compression_zstd_level;
    default: return std::nullopt;
  }
}

}  // namespace

storage::LogConfig to_log_config(const config::TopicConfig& topic,
                                 const config::ServerConfig& broker) {
  storage::LogConfig log;
  log.segment_bytes = topic.segment_bytes;
  log.segment_ms = topic.segment_ms;
  log.segment_jitter_ms = topic.segment_jitter_ms;
  log.segment_index_bytes = topic.segment_index_bytes;
  log.index_interval_bytes = topic.index_interval_bytes;
  log.flush_messages = topic.flush_messages;
  log.flush_ms = topic.flush_ms;
  log.file_delete_delay_ms = topic.file_delete_delay_ms;
  log.retention_ms = topic.retention_ms;
  log.retention_bytes = topic.retention_bytes;
  log.cleanup_delete = topic.cleanup_delete;
  log.cleanup_compact = topic.cleanup_compact;
  log.min_compaction_lag_ms = topic.min_compaction_lag_ms;
  log.max_compaction_lag_ms = topic.max_compaction_lag_ms;
  log.min_cleanable_dirty_ratio = topic.min_cleanable_dirty_ratio;
  log.delete_retention_ms = topic.delete_retention_ms;
  log.max_message_bytes = topic.max_message_bytes;
  log.compression = codec_of(topic.compression_type);
  log.compression_level = level_of(topic);
  log.timestamp_type = topic.timestamp_type == config::TimestampType::log_append_time
                           ? protocol::TimestampType::log_append_time
                           : protocol::TimestampType::create_time;
  log.timestamp_before_max_ms = topic.timestamp_before_max_ms;
  log.timestamp_after_max_ms = topic.timestamp_after_max_ms;
  log.producer_id_expiration_ms = broker.transactions.producer_id_expiration_ms;
  return log;
}

std::shared_ptr<const TopicSettings::Effective> TopicSettings::of(const std::string& name) const {
  const auto broker = broker_.get();
  const cluster::ConfigPointer overrides = store_.topic(name);
  base::LockGuard guard(mutex_);
  if (cache_.broker != broker) {
    cache_.broker = broker;
    cache_.entries.clear();
  }
  if (cache_.entries.size() >= cache_.sweep_at) {
    std::erase_if(cache_.entries, [](const auto& item) { return item.second.overrides.expired(); });
    cache_.sweep_at = std::max<std::size_t>(64, 2 * cache_.entries.size());
  }
  Entry& entry = cache_.entries[overrides.get()];
  // An address may come again for other overrides.
  if (entry.effective == nullptr || entry.overrides.lock() != overrides) {
    auto topic = config::make_topic_config(broker->log.topic_defaults, *overrides);
    auto log = std::make_shared<const storage::LogConfig>(to_log_config(topic, *broker));
    entry.overrides = overrides;
    entry.effective =
        std::make_shared<const Effective>(Effective{std::move(topic), std::move(log)});
  }
  return entry.effective;
}

}  // namespace server
