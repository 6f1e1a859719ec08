// Purpose: one hosted partition as leader or follower: its log, role, ISR, high watermark, the
// producers that wait for replicas and the fetch sessions that wait for data.
//
// Any thread. Role, ISR and waiters are guarded by mutex_, which an append holds from the role
// check to the high-watermark move, so that no append can slip behind a change of leader. Reads
// take no lock of the partition: they look at the published role and at the log's snapshots.
// mutex_ is held across a write to the disk: who must not wait for one (the worker of the
// controller's orders for other directories) uses what is published beside it.
// With flush.messages=1 the leader's own part of the high watermark is what is durable here.
// ISR changes are proposed under mutex_ and told to the keeper after it (partition_isr.cc).
// Lock order: mutex_ -> the log's locks; mutex_ -> links_mutex_ is never nested (links are woken
// after mutex_ is released).
// Source: Partition.scala, DelayedProduce, DelayedFetch (3.9); KIP-101, KIP-320, KIP-497.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "broker/replication/fetch_link.h"
#include "broker/replication/isr.h"
#include "broker/replication/isr_change.h"
#include "broker/replication/read_ahead.h"
#include "broker/replication/replica_error.h"
#include "runtime/workers.h"
#include "storage/partition_log.h"

namespace replication {

enum class Role : std::uint8_t { none, leader, follower };

struct RoleView {
  Role role = Role::none;
  base::LeaderEpoch leader_epoch{-1};
};

// What LeaderAndIsr says of one partition.
struct LeaderState {
  base::BrokerId leader{-1};
  base::LeaderEpoch leader_epoch{-1};
  base::ControllerEpoch controller_epoch{0};
  base::ZkVersion partition_epoch{0};
  std::vector<base::BrokerId> isr;
  std::vector<base::BrokerId> replicas;
};

struct AppendOutcome {
  storage::AppendInfo info;
  // The high watermark has to reach this for acks=all.
  base::Offset required_offset{0};
  bool is_committed = false;
  // The leadership it was appended under: the leader epoch in which this broker became leader. Only
  // its own high watermark says that the records are replicated.
  base::LeaderEpoch leadership{-1};

  // Whether an answer with these acks has to wait: see Partition::wait_stored.
  bool must_wait(std::int16_t acks) const {
    return info.must_flush || (acks == -1 && !is_committed);
  }
};

// What a leader has answered to this broker's fetch of one partition.
struct FollowerAppend {
  base::LeaderEpoch leader_epoch{-1};  // of the question
  base::Offset fetch_offset{0};        // of the question
  base::Bytes records;                 // may be empty
  base::Offset leader_high_watermark{-1};
  base::Offset leader_log_start{-1};
  std::int64_t now_ms = 0;
};

// How far a follower's log is to be cut.
struct FollowerCut {
  base::LeaderEpoch leader_epoch{-1};  // in which that was found out
  base::Offset offset{0};
  bool starts_over = false;  // nothing is kept: the log begins anew at `offset`
};

// One partition of a Fetch request.
struct ReadParams {
  base::Offset fetch_offset;
  base::LeaderEpoch current_leader_epoch{-1};
  base::LeaderEpoch last_fetched_epoch{-1};
  base::BrokerId replica_id{-1};  // >= 0: a follower reads up to the log end
  base::Offset follower_log_start{-1};
  bool read_committed = false;
  bool is_first_read = true;  // follower state moves only then
  // Of the follower's session; the caller keeps it while read() runs. Null: it has none.
  const std::shared_ptr<FollowerClock>* follower_clock = nullptr;
  std::int64_t max_bytes = 0;
  bool at_least_one_batch = false;
  std::int64_t now_ms = 0;
  // False: Errc::would_block instead of waiting for the device.
  bool may_block = true;
};

struct ReadOutcome {
  storage::ReadPlan plan;
  storage::LogOffsets offsets;
  // Set: the reader's log diverged there (KIP-320/595); no records then.
  std::optional<storage::EpochEndOffset> diverging;
  // READ_COMMITTED: transactions in the plan's range that the reader must skip. Not set where
  // nothing was read for such a reader.
  std::optional<std::vector<storage::AbortedTransaction>> aborted;
  // Bytes that could be read are left (the plan was cut by max_bytes): visit again.
  bool has_more = false;
  // Set: there are records, but they are on the device only. A worker has to read them ahead.
  std::optional<storage::ReadRequest> blocked;
};

class Partition;

// The wait for what the answer to one append promises. Registered when made; what is registered
// goes with it. Lives on one loop.
class [[nodiscard]] StoredWait {
 public:
  using Result = base::Result<void>;

  StoredWait(StoredWait&&) noexcept = default;
  StoredWait& operator=(StoredWait&&) = delete;
  ~StoredWait();

  // Once. Ok: it is stored as the acks promise. A commit is waited for until `timeout_ms` have
  // passed (Errc::timed_out), the own disk without limit unless `limits_disk`.
  runtime::Task<Result> wait(std::int64_t timeout_ms, bool limits_disk, runtime::CancelToken token);

 private:
  friend class Partition;
  explicit StoredWait(std::shared_ptr<Partition> partition) : partition_(std::move(partition)) {}
  static runtime::Task<Result> wait_for(runtime::Receiver<Result> receiver, std::int64_t timeout_ms,
                                        runtime::CancelToken token);

  using Ticket = std::pair<base::Offset, std::uint64_t>;  // of storage::OffsetWaiters
  std::shared_ptr<Partition> partition_;                  // null once moved from
  std::optional<runtime::Receiver<Result>> durable_;
  std::optional<Ticket> durable_ticket_;
  std::optional<runtime::Receiver<Result>> committed_;
  std::optional<Ticket> committed_ticket_;
};

class Partition : public std::enable_shared_from_this<Partition>,
                  public storage::DurableListener,
                  public IsrOwner {
 public:
  Partition(base::TopicPartition id, base::BrokerId self,
            std::shared_ptr<storage::PartitionLog> log);
  ~Partition() override;
  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  const base::TopicPartition& id() const { return id_; }
  storage::PartitionLog& log() const { return *log_; }
  const std::shared_ptr<storage::PartitionLog>& log_ptr() const { return log_; }
  RoleView role() const;
  // As of the last change of role; does not wait for the disk.
  LeaderState leader_state() const EXCLUDES(state_mutex_);
  std::int32_t min_insync_replicas() const { return min_insync_replicas_.load(); }
  void set_min_insync_replicas(std::int32_t count) { min_insync_replicas_.store(count); }
  // Once, before others know the partition; outlives it. Without one the ISR stays as it is told.
  void set_isr_keeper(IsrKeeper* keeper) { keeper_ = keeper; }

  // --- role changes (ReplicaControl, one at a time) ---------------------------------------------
  // False if the state's leader epoch isn't newer than ours.
  bool make_leader(const LeaderState& state, std::int64_t now_ms) EXCLUDES(mutex_);
  bool make_follower(const LeaderState& state) EXCLUDES(mutex_);
  // Keeps role and epoch; completes all waiters (StopReplica without delete).
  void stop_waiting() EXCLUDES(mutex_);
  // The partition goes away: every waiter gets `why`, every session is told.
  void close(ReplicaError why) EXCLUDES(mutex_);
  bool is_closed() const { return closed_.load(std::memory_order_acquire); }
  // Another broker leads with this epoch: nothing is served until LeaderAndIsr says more.
  void fence(base::LeaderEpoch newer) EXCLUDES(mutex_);

  // --- data path
  // ---------------------------------------------------------------------------------- `validated`
  // by log().validate(). ReplicaError::not_leader, not_enough_replicas (acks = -1), or the log's
  // errors. Runs inline: one pwritev.
  base::Result<AppendOutcome> append(const storage::ValidatedBatch& validated, std::int16_t acks,
                                     std::int64_t now_ms) EXCLUDES(mutex_);
  // What an append promises with these acks: that it is durable here where flush.messages asks for
  // it, and for -1 that the high watermark has passed it: not_enough_replicas_after_append where
  // the ISR shrank below the minimum, not_leader when the leadership of the append was lost.
  StoredWait wait_stored(const AppendOutcome& outcome, std::int16_t acks, runtime::Loop& loop)
      EXCLUDES(mutex_);
  std::size_t waiting_for_replicas() const EXCLUDES(mutex_) {
    base::LockGuard guard(mutex_);
    return commit_waiters_.size();
  }
  // storage::DurableListener
  void on_durable() override EXCLUDES(mutex_);
  base::Result<ReadOutcome> read(const ReadParams& params) EXCLUDES(mutex_);

  // What a follower's fetch says of its log; read() calls it. `seen`: the role it was checked with.
  // not_leader if that is no longer so.
  base::Result<void> on_follower_fetch(const ReadParams& params, const RoleView& seen)
      EXCLUDES(mutex_);

  // False until the high watermark of a new leader has reached the start of its epoch: until then
  // an end offset may lie below one that was told before.
  bool knows_committed_end() const {
    return log_->high_watermark().value() >= published_epoch_start_.load(std::memory_order_acquire);
  }

  // The leader epoch check of Fetch, ListOffsets and OffsetForLeaderEpoch, then leadership.
  base::Result<RoleView> check_leader(base::LeaderEpoch current_leader_epoch) const;

  // --- as a follower (broker/replication/follower; partition_follower.cc)
  // -------------------------- Both answer fenced_leader_epoch, with nothing done, unless this
  // broker follows in that epoch, and never run at the same time. Runs inline: one write. Takes
  // high watermark and log start from the leader. Errc::cancelled if the log does not end where was
  // fetched; the log's errors, corrupt_message also if there are records and not one whole batch.
  base::Result<storage::AppendInfo> append_as_follower(const FollowerAppend& fetched)
      EXCLUDES(mutex_);
  // (worker) The caller checkpoints recovery points afterwards.
  base::Result<void> cut_as_follower(const FollowerCut& cut, std::int64_t now_ms) EXCLUDES(mutex_);

  // --- ISR changes (IsrOwner)
  std::uint64_t pending_isr_change() const override {
    return pending_change_.load(std::memory_order_acquire);
  }
  const std::string& isr_log_dir() const override { return log_->log_dir(); }
  void on_isr_confirmed(std::uint64_t change, const IsrState& state, std::int64_t now_ms) override
      EXCLUDES(mutex_);
  void on_isr_not_attempted(std::uint64_t change, std::int64_t now_ms) override EXCLUDES(mutex_);
  void look_at_isr(std::int64_t now_ms) override EXCLUDES(mutex_);

  // --- fetch sessions
  // -------------------------------------------------------------------------------
  void link(FetchLink& link) EXCLUDES(links_mutex_);
  void unlink(FetchLink& link) EXCLUDES(links_mutex_);
  // Has a worker bring the records of read.request into memory, then wakes the links that wait for
  // the disk. False if enough of that is under way here: it will wake them too.
  bool start_read_ahead(std::shared_ptr<ReadAhead> read, const DiskReader& disk);
  // Retention or DeleteRecords moved the log start: followers and consumers are to hear of it.
  void on_log_start_moved() { wake_sessions(Moved::everything); }
  // The follower whose session has this clock no longer fetches the partition with it.
  void on_follower_left(const FollowerClock& clock) EXCLUDES(mutex_);

 private:
  friend class StoredWait;
  struct CommitWaiter {
    base::LeaderEpoch leadership;
    runtime::Sender<base::Result<void>> sender;
  };

  base::Result<void> check_follows(base::LeaderEpoch epoch) const REQUIRES(mutex_);
  void publish_role(Role role, base::LeaderEpoch epoch);
  void publish_state(const LeaderState& state) EXCLUDES(state_mutex_);
  // Where flush.messages=1 has records wait that nobody flushes yet.
  void flush_what_waits();
  // What is left to do for the ISR once mutex_ is released.
  struct IsrStep {
    std::optional<IsrChange> change;
    bool looks_again = false;
    bool syncs = false;  // the ISR fell below the minimum: the log may be the last one
  };
  void expand_isr(base::BrokerId id, IsrStep& step) REQUIRES(mutex_);
  void expand_isr_by_any(std::int64_t now_ms, IsrStep& step) REQUIRES(mutex_);
  IsrChange propose_isr(std::vector<base::BrokerId> isr) REQUIRES(mutex_);
  // LeaderAndIsr, or the outcome, has come.
  void end_isr_change() REQUIRES(mutex_);
  void check_minimum(IsrStep& step) REQUIRES(mutex_);
  void finish(IsrStep step) EXCLUDES(mutex_);
  void wait_committed(const AppendOutcome& outcome, runtime::Loop& loop, StoredWait& wait)
      EXCLUDES(mutex_);
  void forget_waiter(const StoredWait::Ticket& ticket) EXCLUDES(mutex_);
  bool raise_high_watermark(std::int64_t now_ms) REQUIRES(mutex_);
  std::vector<CommitWaiter> take_committed_waiters() REQUIRES(mutex_);
  std::vector<CommitWaiter> take_all_waiters() REQUIRES(mutex_);
  void complete(std::vector<CommitWaiter> waiters);
  static void fail_all(std::vector<CommitWaiter> waiters, ReplicaError why);
  enum class Moved { log_end, high_watermark, everything, into_memory };
  void wake_sessions(Moved moved) EXCLUDES(links_mutex_);
  static runtime::Task<void> read_ahead(std::shared_ptr<Partition> self,
                                        std::shared_ptr<ReadAhead> read, runtime::WorkerPool& pool);

  const base::TopicPartition id_;
  const base::BrokerId self_;
  const std::shared_ptr<storage::PartitionLog> log_;
  IsrKeeper* keeper_ = nullptr;  // set before others know the partition

  std::atomic<std::uint64_t> role_word_{0};  // epoch << 8 | role, for readers
  std::atomic<bool> closed_{false};
  std::atomic<std::int32_t> min_insync_replicas_{1};
  std::atomic<std::uint64_t> pending_change_{0};  // isr_.proposed; 0: none
  std::atomic<std::int64_t> published_epoch_start_{0};

  mutable base::Mutex mutex_;
  Role role_ GUARDED_BY(mutex_) = Role::none;
  LeaderState state_ GUARDED_BY(mutex_);
  base::LeaderEpoch leadership_ GUARDED_BY(mutex_){-1};  // see AppendOutcome
  base::Offset epoch_start_offset_ GUARDED_BY(mutex_){0};
  Isr isr_ GUARDED_BY(mutex_);
  std::uint64_t last_change_ GUARDED_BY(mutex_) = 0;
  bool is_below_minimum_ GUARDED_BY(mutex_) = false;  // and the log was synced for it
  std::int64_t now_ms_ GUARDED_BY(mutex_) = 0;        // when it was last looked at
  storage::OffsetWaiters<CommitWaiter> commit_waiters_ GUARDED_BY(mutex_);

  mutable base::Mutex state_mutex_;  // a leaf
  LeaderState published_state_ GUARDED_BY(state_mutex_);

  std::atomic<int> reads_ahead_{0};  // under way

  base::Mutex links_mutex_;
  FetchLink* first_link_ GUARDED_BY(links_mutex_) = nullptr;
};

}  // namespace replication
