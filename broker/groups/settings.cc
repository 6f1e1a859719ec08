#include "broker/groups/settings.h"

namespace groups {

Settings Settings::from(const config::ServerConfig& config) {
  const config::GroupsConfig& from = config.groups;
  Settings settings;
  settings.groups.min_session_timeout_ms = from.min_session_timeout_ms;
  settings.groups.max_session_timeout_ms = from.max_session_timeout_ms;
  settings.groups.initial_rebalance_delay_ms = from.initial_rebalance_delay_ms;
  settings.groups.max_size = from.max_size;
  settings.commit_acks = from.offsets_commit_required_acks;
  settings.commit_timeout_ms = from.offsets_commit_timeout_ms;
  settings.load_buffer_bytes = from.offsets_load_buffer_size_bytes;
  settings.retention_ms = std::int64_t{from.offsets_retention_minutes} * 60 * 1000;
  settings.retention_check_interval_ms = from.offsets_retention_check_interval_ms;
  settings.metadata_length_max = static_cast<std::size_t>(from.offset_metadata_max_bytes);
  settings.topic_partitions = from.offsets_topic_num_partitions;
  settings.codec = static_cast<protocol::Codec>(from.offsets_topic_compression_codec);
  settings.ibp = config.identity.inter_broker_protocol;
  return settings;
}

}  // namespace groups
