// Purpose: what the controller orders: LeaderAndIsr and StopReplica applied to the hosted
// partitions, and the periodic upkeep of their logs.
//
// Orders are split by log directory, in the order in which they come; each directory has a lane of
// its own, a worker that applies its orders one at a time, as creating and deleting logs waits for
// the disk. So a directory that hangs holds up the orders for its own partitions alone: where a
// lane does not move for a while, they are answered KAFKA_STORAGE_ERROR and carried out whenever it
// moves again. Any thread may call the coroutines; they resume on the caller's loop.
// Source: ReplicaManager.becomeLeaderOrFollower, stopReplicas (3.9).
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "broker/replication/follower/followership.h"
#include "broker/replication/partition_table.h"
#include "protocol/error_code.h"
#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/stop_replica.h"
#include "runtime/clock.h"
#include "runtime/workers.h"
#include "storage/log_manager.h"

namespace replication {

// Told, on the lane of the partition's directory, after a partition's role here has changed;
// coordinators load and unload by it.
class LeadershipListener {
 public:
  virtual ~LeadershipListener() = default;
  virtual void on_leader(const std::shared_ptr<Partition>& partition) = 0;
  virtual void on_not_leader(const base::TopicPartition& id, base::LeaderEpoch epoch) = 0;
};

class ReplicaControl {
 public:
  struct Options {
    base::BrokerId broker_id{-1};
    // Whether LeaderAndIsr may be answered NONE without following because the leader is unknown.
    std::function<bool(base::BrokerId)> is_alive;
    std::function<std::int32_t(const std::string& topic)> min_insync_replicas;
    // One worker thread for each log directory.
    std::function<runtime::WorkerPool&(const std::string& log_dir)> lane;
    // Of the partitions that are made; null: their ISRs stay as they are told.
    IsrKeeper* isr_keeper = nullptr;
    // How long a lane may take for a part of a request; less than the controller waits.
    std::int64_t lane_patience_ms = 20'000;
  };
  // `worker`, one thread, splits the orders; it never waits for a disk.
  ReplicaControl(Options options, PartitionTable& partitions, storage::LogManager& logs,
                 runtime::Clock& clock, runtime::WorkerPool& worker);

  // The caller has checked the broker epoch.
  runtime::Task<protocol::LeaderAndIsrResponse> apply(
      std::shared_ptr<const protocol::LeaderAndIsrRequest> request);
  runtime::Task<protocol::StopReplicaResponse> apply(
      std::shared_ptr<const protocol::StopReplicaRequest> request);

  // UpdateMetadata: runs `publish` on the worker in its turn among the orders. False, and nothing
  // is run, if a later controller has spoken before.
  runtime::Task<bool> apply_metadata(std::int32_t controller_epoch, std::function<void()> publish)
      EXCLUDES(one_order_);

  void add_listener(LeadershipListener* listener) { listeners_.push_back(listener); }
  // Fetches for followers; null: nobody does. Before serving.
  void set_followership(Followership* followership) { followership_ = followership; }
  // True once a LeaderAndIsr was applied: from then on high watermarks are worth a checkpoint.
  bool has_state() const { return has_state_.load(); }
  // A log directory failed: its partitions answer KAFKA_STORAGE_ERROR. On the directory's lane.
  void on_directory_failed(const std::string& log_dir);

 private:
  struct Order {  // one partition of a LeaderAndIsr, in every version's form
    base::TopicPartition id;
    base::TopicId topic_id;
    LeaderState state;
    bool is_new = false;
  };
  struct StopOrder {
    base::TopicPartition id;
    std::int32_t leader_epoch = -1;
    bool deletes = false;
  };
  using Code = protocol::ErrorCode;
  // A part of a request for one lane: which orders, by their places in it. Small enough for a lane
  // that works to be done with it in a while.
  struct LanePart {
    std::string log_dir;
    std::vector<std::size_t> places;
  };
  static constexpr std::size_t kPartOrders = 256;
  struct Pending {
    LanePart part;
    runtime::Receiver<std::vector<Code>> codes;  // in the order of `part.places`
  };
  // Whether the sender is the latest controller that has spoken; remembers it if so. What it sent
  // stands in its lanes, or is published, before the lock is released: a check alone would let it
  // overtake its successor.
  bool accept(std::int32_t controller_epoch) REQUIRES(one_order_);
  // One code for each order; nullopt if a later controller has spoken. `run(part)` is called on the
  // part's lane.
  template <class Orders, class Run>
  runtime::Task<std::optional<std::vector<Code>>> on_lanes(std::int32_t controller_epoch,
                                                           std::shared_ptr<Orders> orders, Run run)
      EXCLUDES(one_order_);
  template <class Orders>
  std::vector<LanePart> split(const Orders& orders);
  std::string place_of(const Order& order);
  std::string place_of(const StopOrder& order);

  static std::vector<Order> orders_of(const protocol::LeaderAndIsrRequest& request);
  static std::vector<StopOrder> orders_of(const protocol::StopReplicaRequest& request);
  void follow(const std::shared_ptr<Partition>& partition);
  void unfollow(const base::TopicPartition& id);
  protocol::ErrorCode apply_order(const Order& order, const std::string& log_dir);
  std::vector<Code> apply_all(const std::vector<Order>& orders, const LanePart& part);
  std::vector<Code> stop_all(const std::vector<StopOrder>& orders, const LanePart& part);
  protocol::ErrorCode stop(const StopOrder& order, std::vector<base::TopicPartition>& to_delete);

  const Options options_;
  PartitionTable& partitions_;
  storage::LogManager& logs_;
  runtime::Clock& clock_;
  runtime::WorkerPool& worker_;
  base::Mutex one_order_;  // held while one is checked and handed to its lanes, before every other
  std::int32_t controller_epoch_ GUARDED_BY(one_order_) =
      0;                                        // the highest seen in any of the three
  std::vector<LeadershipListener*> listeners_;  // fixed before serving
  Followership* followership_ = nullptr;        // too
  std::atomic<bool> has_state_{false};
};

}  // namespace replication
