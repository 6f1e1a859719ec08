// Purpose: the life of replicas: New, Online, Offline, and the steps of their deletion.
// Source: ReplicaStateMachine.scala (3.9).
//
//   created               LeaderAndIsr (is new) to it, if there is a leader record
//   online                from New: bookkeeping; else LeaderAndIsr to it
//   offline               StopReplica to it; leaves the ISR in its state znode (leader -1 if it
//   led;
//                         the last member stays); LeaderAndIsr to the other replicas
//   deletion_started      StopReplica with deletion to it
//   deletion_successful,
//   deletion_ineligible   bookkeeping
//   non_existent          leaves the assignment in memory
//
// Invalid transitions are logged and skipped. Requests are on their way when a call returns.
#pragma once

#include <vector>

#include "broker/controller/environment.h"

namespace controller {

class ReplicaStateMachine {
 public:
  explicit ReplicaStateMachine(Environment& environment) : env_(environment) {}

  // Sets the phases of the replicas from which brokers are live, then lets each broker hear what it
  // hosts and takes the dead ones out of the ISRs.
  runtime::Task<base::Result<void>> start_up(std::vector<TopicPartition> partitions);

  runtime::Task<base::Result<void>> to_offline(std::vector<Replica> replicas);
  runtime::Task<void> to_online(std::vector<Replica> replicas);
  void to_created(const std::vector<Replica>& replicas);
  void to_deletion_started(const std::vector<Replica>& replicas);
  void to_deletion_successful(const std::vector<Replica>& replicas);
  void to_deletion_ineligible(const std::vector<Replica>& replicas);
  void to_non_existent(const std::vector<Replica>& replicas);

 private:
  std::vector<Replica> admissible(const std::vector<Replica>& replicas, ReplicaPhase target) const;
  void move(const std::vector<Replica>& replicas, ReplicaPhase target);
  void bring_online(const std::vector<Replica>& replicas);
  // All replicas are on `broker`.
  runtime::Task<base::Result<void>> take_offline(std::int32_t broker,
                                                 std::vector<TopicPartition> partitions);
  // One round; `remaining` keeps those that met another version, `done` gets those whose leader
  // record is now without the broker.
  runtime::Task<base::Result<void>> shrink_isr_once(std::int32_t broker,
                                                    std::vector<TopicPartition>& remaining,
                                                    std::vector<TopicPartition>& done);
  void log_failure(const Replica& replica, std::string_view reason) const;

  Environment& env_;
};

}  // namespace controller
