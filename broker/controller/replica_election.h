// Purpose: elections that somebody asks for: ElectLeaders, the preferred election znode, and the
// automatic rebalance of leaders. Source: KafkaController.scala (3.9):
// processReplicaLeaderElection, checkAndTriggerAutoLeaderRebalance; KIP-460.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/controller/environment.h"
#include "broker/controller/machines.h"
#include "protocol/error_code.h"

namespace controller {

enum class ElectionType : std::int8_t { preferred = 0, unclean = 1 };

// What is to be said about a partition before any election; kNone: hold one. Pure.
//   UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION (being deleted), ELECTION_NOT_NEEDED
protocol::ErrorCode check_election_request(const ControllerContext& context,
                                           const TopicPartition& partition, ElectionType type);

// Partitions whose preferred replica should lead again: of each broker that is preferred by more
// partitions than it leads, beyond `percentage` of them, those where it is live and in sync. Pure.
std::vector<TopicPartition> imbalanced_partitions(const ControllerContext& context,
                                                  std::int32_t percentage);

class ReplicaElection {
 public:
  ReplicaElection(Environment& environment, Machines& machines)
      : env_(environment), machines_(machines) {}

  // ElectLeaders: one code per partition. Unclean elections are held whatever the topic says.
  runtime::Task<base::Result<std::map<TopicPartition, protocol::ErrorCode>>> elect(
      std::vector<TopicPartition> partitions, ElectionType type);
  // /admin/preferred_replica_election was created, or may have been: holds the elections, removes
  // the znode whatever came of them, and looks again.
  runtime::Task<base::Result<void>> on_znode();
  runtime::Task<base::Result<void>> rebalance(std::int32_t percentage);

 private:
  Environment& env_;
  Machines& machines_;
};

}  // namespace controller
