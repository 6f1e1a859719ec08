// Purpose: the deletion of topics: asked for by a marker, done when every replica has confirmed.
// Source: TopicDeletionManager.scala (3.9).
//
// A queued topic starts unless it is ineligible or already has a replica in deletion. It is
// ineligible while a reassignment of it runs, or after one of its replicas was found dead or failed
// to delete; the start of a broker with a replica of it, or the end of its reassignment, lifts
// that. The facts stand in the context (queued_for_deletion, deletion_started,
// ineligible_for_deletion).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "broker/controller/environment.h"
#include "broker/controller/partition_state_machine.h"
#include "broker/controller/replica_state_machine.h"

namespace controller {

class TopicDeletion {
 public:
  TopicDeletion(Environment& environment, PartitionStateMachine& partitions,
                ReplicaStateMachine& replicas)
      : env_(environment), partitions_(partitions), replicas_(replicas) {}

  // At failover, from the markers: queues them; those with an offline replica or a reassignment are
  // ineligible. With deletion disabled the markers are removed instead.
  runtime::Task<base::Result<void>> load(std::set<std::string> marked);
  // The markers changed: unknown topics lose theirs, the others are queued and started.
  runtime::Task<base::Result<void>> enqueue(std::set<std::string> marked);
  // Starts, retries and completes what can be of all that are queued.
  runtime::Task<base::Result<void>> advance();
  // Lifts the mark of those that are queued, and goes on with them.
  runtime::Task<base::Result<void>> resume(std::set<std::string> topics);
  // Replicas that could not be deleted (their broker died, or answered with an error).
  runtime::Task<base::Result<void>> fail(std::vector<Replica> replicas);
  // Replicas whose broker confirmed the deletion.
  runtime::Task<base::Result<void>> complete(std::vector<Replica> replicas);
  // A broker's answer: replicas it was told to delete are gone, or could not be deleted.
  runtime::Task<base::Result<void>> on_stop_replica_response(
      std::int32_t broker, protocol::StopReplicaRequest request,
      protocol::StopReplicaResponse response);
  // Tries again to remove the znodes that could not be removed.
  runtime::Task<base::Result<void>> retry_refused();
  void mark_ineligible(const std::set<std::string>& topics, std::string_view reason);

 private:
  // Those that were not queued before.
  std::set<std::string> queue(const std::set<std::string>& topics);
  // The same for these topics: what happened to one is no reason to look at the others.
  runtime::Task<base::Result<void>> advance(std::set<std::string> topics);
  runtime::Task<base::Result<void>> advance_some(std::vector<std::string> topics);
  // One that is left out is there too: its marker waits with it.
  bool is_known(const std::string& topic) const;
  bool may_start(std::string_view topic) const;
  std::vector<Replica> queued_only(std::vector<Replica> replicas) const;
  runtime::Task<base::Result<void>> start(std::set<std::string> topics);
  runtime::Task<base::Result<void>> delete_replicas(std::set<std::string> topics);
  runtime::Task<base::Result<void>> finish(std::vector<std::string> topics);

  Environment& env_;
  PartitionStateMachine& partitions_;
  ReplicaStateMachine& replicas_;
};

}  // namespace controller
