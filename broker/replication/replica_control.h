// Purpose: what the controller orders: LeaderAndIsr and StopReplica applied to the hosted
// partitions, and the periodic upkeep of their logs.
//
// Orders of all controllers are applied one at a time, by jobs on one worker thread: creating and
// deleting logs waits for the disk. Any thread may call the coroutines; they resume on the caller's
// loop. Source: ReplicaManager.becomeLeaderOrFollower, stopReplicas (3.9).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "broker/replication/partition_table.h"
#include "protocol/error_code.h"
#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/stop_replica.h"
#include "runtime/clock.h"
#include "runtime/workers.h"
#include "storage/log_manager.h"

namespace replication {

// Told, on the control worker, after a partition's role here has changed; coordinators load and
// unload by it.
class LeadershipListener {
 public:
  virtual ~LeadershipListener() = default;
  virtual void on_leader(const std::shared_ptr<Partition>& partition) = 0;
  virtual void on_not_leader(const base::TopicPartition& id, base::LeaderEpoch epoch) = 0;
};

// The highest controller epoch seen in any of the controller's three requests. Any thread.
class ControllerEpochGuard {
 public:
  // False if `epoch` is older than one seen before; else remembers it.
  bool accept(std::int32_t epoch) {
    std::int32_t seen = seen_.load();
    while (epoch > seen && !seen_.compare_exchange_weak(seen, epoch)) {
    }
    return epoch >= seen;
  }

 private:
  std::atomic<std::int32_t> seen_{0};
};

class ReplicaControl {
 public:
  struct Options {
    base::BrokerId broker_id{-1};
    // Whether LeaderAndIsr may be answered NONE without following because the leader is unknown.
    std::function<bool(base::BrokerId)> is_alive;
    std::function<std::int32_t(const std::string& topic)> min_insync_replicas;
  };
  ReplicaControl(Options options, PartitionTable& partitions, storage::LogManager& logs,
                 runtime::Clock& clock, runtime::WorkerPool& worker);

  // The caller has checked the broker epoch. `worker` runs the job.
  runtime::Task<protocol::LeaderAndIsrResponse> apply(
      std::shared_ptr<const protocol::LeaderAndIsrRequest> request);
  runtime::Task<protocol::StopReplicaResponse> apply(
      std::shared_ptr<const protocol::StopReplicaRequest> request);

  ControllerEpochGuard& controller_epoch() { return controller_epoch_; }
  void add_listener(LeadershipListener* listener) { listeners_.push_back(listener); }
  // True once a LeaderAndIsr was applied: from then on high watermarks are worth a checkpoint.
  bool has_state() const { return has_state_.load(); }
  // A log directory failed: its partitions answer KAFKA_STORAGE_ERROR. Any thread.
  void on_directory_failed(const std::string& log_dir);

 private:
  struct Order {  // one partition of a LeaderAndIsr, in every version's form
    base::TopicPartition id;
    base::TopicId topic_id;
    LeaderState state;
    bool is_new = false;
  };
  protocol::LeaderAndIsrResponse apply_now(const protocol::LeaderAndIsrRequest& request);
  protocol::ErrorCode apply_order(const Order& order);
  protocol::StopReplicaResponse apply_now(const protocol::StopReplicaRequest& request);
  struct StopOrder {
    base::TopicPartition id;
    std::int32_t leader_epoch = -1;
    bool deletes = false;
  };
  static std::vector<StopOrder> orders_of(const protocol::StopReplicaRequest& request);
  protocol::ErrorCode stop(const StopOrder& order, std::vector<base::TopicPartition>& to_delete);

  const Options options_;
  PartitionTable& partitions_;
  storage::LogManager& logs_;
  runtime::Clock& clock_;
  runtime::WorkerPool& worker_;
  ControllerEpochGuard controller_epoch_;
  std::vector<LeadershipListener*> listeners_;  // fixed before serving
  std::atomic<bool> has_state_{false};
};

}  // namespace replication
