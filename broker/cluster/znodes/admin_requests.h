// Purpose: the JSON of requests that tools of Kafka 2.4 leave in ZooKeeper for the controller.
// (Topic deletion markers have no content.) Source: ReassignPartitionsZNode,
// PreferredReplicaElectionZNode in ZkData.scala (3.9).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/znodes/topic_assignment.h"

namespace cluster {

// /admin/reassign_partitions. Read strictly, as Kafka does: an unknown key makes all of it invalid.
using Reassignments = std::map<base::TopicPartition, ReplicaList>;
std::string encode_reassignments(const Reassignments& reassignments);
base::Result<Reassignments> decode_reassignments(std::string_view json);

// /admin/preferred_replica_election
std::string encode_preferred_election(const std::vector<base::TopicPartition>& partitions);
base::Result<std::vector<base::TopicPartition>> decode_preferred_election(std::string_view json);

}  // namespace cluster
