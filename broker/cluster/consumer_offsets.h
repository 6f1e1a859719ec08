// Purpose: committed offsets of clients from before the group coordinator (OffsetCommit 0 and
// OffsetFetch 0), in ZooKeeper: /consumers/<group>/offsets/<topic>/<partition>, a decimal number.
// Source: KafkaZkClient.setOrCreateConsumerOffset, getConsumerOffset (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/types.h"
#include "broker/cluster/zk_session.h"

namespace cluster {

// Control loop: from others by call_on(session.scope(), ...).
class ConsumerOffsets {
 public:
  explicit ConsumerOffsets(ZkSession& session) : session_(session) {}

  // Errc::invalid_argument for a group id that no znode can be named by, Errc::unavailable without
  // a session, ZooKeeper's errors. The topic is one that exists.
  runtime::Task<base::Result<void>> write(std::string group_id, base::TopicPartition id,
                                          std::int64_t offset);
  // nullopt: none is stored.
  runtime::Task<base::Result<std::optional<std::int64_t>>> read(std::string group_id,
                                                                base::TopicPartition id);

 private:
  ZkSession& session_;
};

}  // namespace cluster
