// Purpose: finding the hosted partition a request means, with Kafka's reasons when there is none.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/partition_table.h"
#include "storage/log_manager.h"

namespace api {

// ReplicaError: offline (its directory failed), not_leader (it exists elsewhere, or this broker
// does not know the topics yet), else unknown_partition.
inline base::Result<std::shared_ptr<replication::Partition>> find_partition(
    const replication::PartitionTable& partitions, const storage::LogManager& logs,
    const cluster::MetadataCache& metadata, std::string_view topic, std::int32_t index) {
  if (auto partition = partitions.find(topic, index)) return partition;
  if (logs.is_offline({std::string(topic), index})) {
    return base::fail(replication::ReplicaError::offline);
  }
  const auto snapshot = metadata.snapshot();
  if (snapshot->find(topic, index) != nullptr || !snapshot->knows_topics()) {
    return base::fail(replication::ReplicaError::not_leader);
  }
  return base::fail(replication::ReplicaError::unknown_partition);
}

}  // namespace api
