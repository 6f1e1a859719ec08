// Purpose: ISR changes by the leader's own write of the state znode (IBP below 2.7-IV2), told to
// the controller in a notification; and the look at that znode that any IBP needs.
//
// Control loop. The write is a compare-and-set on the version of the state, with the controller
// epoch of the leader's LeaderAndIsr; its outcome is known at once, but for a connection that
// breaks. Many changes share a notification, which therefore comes late.
// Source: ZkAlterPartitionManager, ReplicationUtils, KafkaZkClient.propagateIsrChanges (3.9).
#pragma once

#include <optional>
#include <set>

#include "broker/cluster/zk_session.h"
#include "broker/replication/isr_changes.h"
#include "runtime/task_scope.h"

namespace replication {

// Which changes are to be told to the controller, and when. Plain values; times are monotonic.
class IsrNotice {
 public:
  explicit IsrNotice(std::int64_t now_ms) : last_told_ms_(now_ms) {}
  void add(base::TopicPartition partition, std::int64_t now_ms);
  // Once there was no change for 5 s, or nothing was told for 60 s. At most about `bytes_max` of
  // JSON, the rest stays.
  std::vector<base::TopicPartition> take_due(std::int64_t now_ms, std::size_t bytes_max);
  // They could not be told.
  void give_back(const std::vector<base::TopicPartition>& partitions);

 private:
  std::set<base::TopicPartition> changed_;
  std::int64_t last_change_ms_ = 0;
  std::int64_t last_told_ms_;
};

class IsrByZookeeper final : public IsrRoute {
 public:
  IsrByZookeeper(runtime::Loop& control, cluster::ZkSession& session);

  // Starts to send notifications.
  void start() { scope_.spawn(tell()); }
  void cancel() { scope_.cancel(); }
  // After the session was closed.
  runtime::Task<void> close();
  runtime::Task<std::vector<IsrVerdict>> write(std::vector<IsrChange> changes) override;

 private:
  runtime::Task<IsrVerdict> settle_conflict(IsrChange change);
  runtime::Task<void> tell();

  cluster::ZkSession& session_;
  IsrNotice notice_;
  runtime::TaskScope scope_;
};

class IsrStatesInZookeeper final : public IsrStates {
 public:
  explicit IsrStatesInZookeeper(cluster::ZkSession& session) : session_(session) {}
  runtime::Task<std::vector<std::optional<IsrState>>> read(std::vector<IsrChange> changes) override;

 private:
  cluster::ZkSession& session_;
};

}  // namespace replication
