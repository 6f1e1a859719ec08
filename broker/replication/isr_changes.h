// Purpose: ISR changes of this broker: carries what its partitions propose to where it is written,
// looks up what became of changes that nobody answers, and checks from time to time who has fallen
// behind.
//
// propose(), look_again() and is_live() from any thread, the rest on the control loop. What takes a
// partition's lock runs on the lane of its directory: the control loop never waits for a disk.
// Where changes are written is the route's: AlterPartition to the controller, or the state znode.
// Source: AlterPartitionManager, ReplicaManager.maybeShrinkIsr (3.9); KIP-497.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "broker/replication/isr_change.h"
#include "broker/replication/isr_queue.h"
#include "broker/replication/partition_table.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"

namespace replication {

// Where changes are written. Control loop; one call at a time.
class IsrRoute {
 public:
  virtual ~IsrRoute() = default;
  // One try. A verdict for each change, in order.
  virtual runtime::Task<std::vector<IsrVerdict>> write(std::vector<IsrChange> changes) = 0;
};

// What ZooKeeper has, no older than the call. Control loop; one call at a time.
class IsrStates {
 public:
  virtual ~IsrStates() = default;
  // Nullopt: it is not known now, or there is none.
  virtual runtime::Task<std::vector<std::optional<IsrState>>> read(
      std::vector<IsrChange> changes) = 0;
};

class IsrChanges final : public IsrKeeper {
 public:
  struct Options {
    std::int64_t lag_max_ms = 30'000;  // replica.lag.time.max.ms
    std::function<bool(base::BrokerId)> is_live;
    // One worker thread for each log directory.
    std::function<runtime::WorkerPool&(const std::string& log_dir)> lane;
  };
  // All references must outlive it.
  IsrChanges(runtime::Loop& control, Options options, PartitionTable& partitions, IsrRoute& route,
             IsrStates& states);

  // IsrKeeper
  bool is_live(base::BrokerId id) const override { return options_.is_live(id); }
  std::int64_t lag_max_ms() const override { return options_.lag_max_ms; }
  void propose(IsrChange change) override EXCLUDES(inbox_mutex_);
  void look_again(std::shared_ptr<IsrOwner> owner) override EXCLUDES(inbox_mutex_);

  void start();
  // Nothing more goes to a lane.
  void cancel();
  // After what the route and the states wait for has ended.
  runtime::Task<void> close();

 private:
  using Owners = std::vector<std::shared_ptr<IsrOwner>>;

  void take_proposals() EXCLUDES(inbox_mutex_);
  Owners take_owners() EXCLUDES(inbox_mutex_);
  runtime::Task<void> send();
  runtime::Task<void> look_up();
  runtime::Task<void> look_at_some();
  runtime::Task<void> look_at_all();
  void hand_on(std::vector<IsrQueue::Settled> settled);
  // Has the owners look at their ISR. Answers with those whose directory is in `busy`.
  Owners hand_on(Owners owners, const std::set<std::string>& busy);
  // Directories whose lane still has looks to do.
  std::set<std::string> busy_directories() const;

  const Options options_;
  PartitionTable& partitions_;
  IsrRoute& route_;
  IsrStates& states_;
  IsrQueue queue_;
  runtime::Notify wake_;
  // Looks under way on each directory's lane.
  std::map<std::string, std::shared_ptr<std::atomic<int>>> looks_;

  base::Mutex inbox_mutex_;
  std::vector<IsrChange> proposals_ GUARDED_BY(inbox_mutex_);
  std::map<const IsrOwner*, std::shared_ptr<IsrOwner>> owners_ GUARDED_BY(inbox_mutex_);
  bool is_closed_ GUARDED_BY(inbox_mutex_) = false;
  runtime::TaskScope scope_;
};

}  // namespace replication
