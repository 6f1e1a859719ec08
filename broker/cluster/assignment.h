// Purpose: which brokers get the replicas of new partitions, and whether a given placement is sane.
// Pure: randomness comes in as values. Source: AdminUtils.java, AdminZkClient.scala (3.9).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/cluster/znodes/topic_assignment.h"

namespace cluster {

struct AssignableBroker {
  std::int32_t id = -1;
  std::optional<std::string> rack;
};

using PartitionReplicas = std::map<std::int32_t, ReplicaList>;

struct AssignmentRequest {
  std::int32_t partitions = 1;
  std::int32_t replication_factor = 1;
  // Where the first replica of partition 0 goes and how far the second stands from it; drawn at
  // random below the number of brokers for a new topic.
  std::int32_t start_index = 0;
  std::int32_t shift = 0;
  std::int32_t first_partition = 0;  // above 0 when partitions are added
};

enum class AssignmentFault { partitions, replication_factor, incomplete_racks };
struct AssignmentError {
  AssignmentFault fault;
  std::string message;
};

// `brokers` ascending by id. Rack aware if any broker has a rack; then all must have one.
std::expected<PartitionReplicas, AssignmentError> assign_replicas(
    const std::vector<AssignableBroker>& brokers, const AssignmentRequest& request);

// Brokers of racks r1, r2, ... (sorted by name) in turn: 0,3,6,1,4,7,...
std::vector<std::int32_t> rack_alternated(const std::vector<AssignableBroker>& brokers);

// Index of the broker from which added partitions start: the first whose id is not below the
// preferred leader of partition 0.
std::int32_t start_index_for_added(const std::vector<AssignableBroker>& brokers,
                                   std::int32_t first_replica_of_partition_0);

// nullopt if the manual placement of a new topic may be created, else the message for
// INVALID_REPLICA_ASSIGNMENT. Unknown brokers are not looked for, as in Kafka.
std::optional<std::string> invalid_new_assignment(const PartitionReplicas& assignment);

}  // namespace cluster
