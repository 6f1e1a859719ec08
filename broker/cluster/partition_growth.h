// Purpose: adding partitions to a topic's assignment, with Kafka's checks in Kafka's order. Pure.
// Source: ZkAdminManager.createPartitions, AdminZkClient.createNewPartitionsAssignment (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/cluster/assignment.h"
#include "broker/cluster/topic_outcome.h"
#include "broker/cluster/znodes/topic_assignment.h"

namespace cluster {

struct MorePartitions {
  std::string name;
  std::int32_t count = 0;                              // in total
  std::optional<std::vector<ReplicaList>> assignment;  // of the new ones
  bool validate_only = false;
};

// `brokers`: the live ones, ascending by id. On success `assignment` has the new partitions too.
TopicOutcome grow_assignment(const MorePartitions& request,
                             const std::vector<AssignableBroker>& brokers,
                             TopicAssignment& assignment);

// The outcome of a placement that cannot be.
TopicOutcome refuse_placement(const AssignmentError& error);

}  // namespace cluster
