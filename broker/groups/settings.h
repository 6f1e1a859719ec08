// Purpose: the coordinator's part of the broker's configuration.
#pragma once

#include <cstdint>

#include "broker/groups/group_types.h"
#include "config/server_config.h"
#include "protocol/compression.h"
#include "protocol/sentinels.h"

namespace groups {

// Immutable.
struct Settings {
  GroupSettings groups;
  std::int16_t commit_acks = protocol::kAcksAll;  // offsets.commit.required.acks
  std::int64_t commit_timeout_ms = 5000;          // offsets.commit.timeout.ms
  std::int64_t load_buffer_bytes = 5242880;       // offsets.load.buffer.size
  std::int64_t retention_ms = 604800000;          // offsets.retention.minutes
  std::int64_t retention_check_interval_ms = 600000;
  std::size_t metadata_length_max = 4096;         // offset.metadata.max.bytes: Java's string length
  std::int32_t topic_partitions = 50;             // offsets.topic.num.partitions
  protocol::Codec codec = protocol::Codec::none;  // offsets.topic.compression.codec
  config::InterBrokerProtocol ibp = config::kLatestInterBrokerProtocol;

  static Settings from(const config::ServerConfig& config);
};

}  // namespace groups
