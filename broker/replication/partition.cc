#include "broker/replication/partition.h"

#include <algorithm>

#include "base/log.h"

namespace replication {

Partition::Partition(base::TopicPartition id, base::BrokerId self,
                     std::shared_ptr<storage::PartitionLog> log)
    : id_(std::move(id)), self_(self), log_(std::move(log)) {
  publish_role(Role::none, base::kNoLeaderEpoch);
}

Partition::~Partition() {
  base::LockGuard guard(links_mutex_);
  VERIFY(first_link_ == nullptr, "partition {} was destroyed under its fetch sessions", id_);
}

RoleView Partition::role() const {
  const std::uint64_t word = role_word_.load(std::memory_order_acquire);
  return {static_cast<Role>(word & 0xff), base::LeaderEpoch(static_cast<std::int32_t>(word >> 8))};
}

void Partition::publish_role(Role role, base::LeaderEpoch epoch) {
  role_word_.store(static_cast<std::uint64_t>(static_cast<std::uint32_t>(epoch.value())) << 8 |
                       static_cast<std::uint64_t>(role),
                   std::memory_order_release);
}

LeaderState Partition::leader_state() const {
  base::LockGuard guard(state_mutex_);
  return published_state_;
}

void Partition::publish_state(const LeaderState& state) {
  base::LockGuard guard(state_mutex_);
  published_state_ = state;
}

bool Partition::make_leader(const LeaderState& state, std::int64_t now_ms) {
  log_->flusher().set_listener(weak_from_this());
  std::vector<CommitWaiter> committed;
  IsrStep step;
  {
    base::LockGuard guard(mutex_);
    if (state.leader_epoch <= state_.leader_epoch) return false;
    const bool was_leader = role_ == Role::leader;
    if (!was_leader) leadership_ = state.leader_epoch;
    state_ = state;
    publish_state(state);
    isr_.committed = state.isr;
    end_isr_change();
    isr_.replicas = state.replicas;
    if (!was_leader) {
      isr_.followers.clear();
      is_below_minimum_ = false;
    }
    for (const base::BrokerId id : state.replicas) {
      if (id == self_) continue;
      FollowerState& follower = isr_.followers[id];
      const bool in_isr = isr_.in_maximal_isr(id);
      follower.last_caught_up_ms = in_isr ? now_ms : 0;
      // It may have been away, and have come back with less: it joins by a fetch in this epoch.
      follower.clock = nullptr;
    }
    for (auto it = isr_.followers.begin(); it != isr_.followers.end();) {
      it = isr_.is_replica(it->first) ? std::next(it) : isr_.followers.erase(it);
    }
    role_ = Role::leader;
    epoch_start_offset_ = log_->log_end_offset();
    log_->assign_epoch_start(state.leader_epoch, epoch_start_offset_);
    published_epoch_start_.store(epoch_start_offset_.value(), std::memory_order_release);
    publish_role(role_, state.leader_epoch);
    if (raise_high_watermark(now_ms)) committed = take_committed_waiters();
    check_minimum(step);
  }
  complete(std::move(committed));
  wake_sessions(Moved::everything);
  flush_what_waits();
  finish(std::move(step));
  return true;
}

bool Partition::make_follower(const LeaderState& state) {
  std::vector<CommitWaiter> waiters;
  {
    base::LockGuard guard(mutex_);
    if (state.leader_epoch <= state_.leader_epoch) return false;
    state_ = state;
    publish_state(state);
    role_ = Role::follower;
    // An epoch of our own without a record would have to be compared with the leader's for nothing.
    log_->epochs().truncate_from_end(log_->log_end_offset());
    isr_ = Isr{};
    end_isr_change();
    isr_.replicas = state.replicas;
    publish_role(role_, state.leader_epoch);
    waiters = take_all_waiters();
  }
  fail_all(std::move(waiters), ReplicaError::not_leader);
  wake_sessions(Moved::everything);
  return true;
}

void Partition::stop_waiting() {
  std::vector<CommitWaiter> waiters;
  {
    base::LockGuard guard(mutex_);
    waiters = take_all_waiters();
  }
  fail_all(std::move(waiters), ReplicaError::not_leader);
  wake_sessions(Moved::everything);
}

void Partition::close(ReplicaError why) {
  std::vector<CommitWaiter> waiters;
  {
    base::LockGuard guard(mutex_);
    closed_.store(true, std::memory_order_release);
    role_ = Role::none;
    end_isr_change();
    publish_role(role_, state_.leader_epoch);
    waiters = take_all_waiters();
  }
  fail_all(std::move(waiters), why);
  wake_sessions(Moved::everything);
}

void Partition::fence(base::LeaderEpoch newer) {
  std::vector<CommitWaiter> waiters;
  {
    base::LockGuard guard(mutex_);
    if (newer <= state_.leader_epoch || role_ != Role::leader) return;
    LOG_WARN("partition {} fenced leader_epoch={} newer_epoch={}: another broker leads it", id_,
             state_.leader_epoch, newer);
    role_ = Role::none;
    end_isr_change();
    publish_role(role_, state_.leader_epoch);
    waiters = take_all_waiters();
  }
  fail_all(std::move(waiters), ReplicaError::not_leader);
  wake_sessions(Moved::everything);
}

base::Result<AppendOutcome> Partition::append(const storage::ValidatedBatch& validated,
                                              std::int16_t acks, std::int64_t now_ms) {
  AppendOutcome outcome;
  std::vector<CommitWaiter> committed;
  bool high_watermark_moved = false;
  // Without the lock, which a follower may hold for as long as it takes to cut its log.
  if (role().role != Role::leader) return base::fail(ReplicaError::not_leader);
  {
    base::LockGuard guard(mutex_);
    if (role_ != Role::leader) return base::fail(ReplicaError::not_leader);
    if (acks == -1 && isr_.is_below_minimum(min_insync_replicas())) {
      return base::fail(ReplicaError::not_enough_replicas,
                        fmt::format("{} isr={} min.insync.replicas={}", id_, isr_.committed.size(),
                                    min_insync_replicas()));
    }
    for (auto& [id, follower] : isr_.followers) follower.note_caught_up(log_->log_end_offset());
    TRY_ASSIGN(outcome.info, log_->append_validated(validated, state_.leader_epoch, now_ms));
    outcome.required_offset = outcome.info.last_offset + 1;
    outcome.leadership = leadership_;
    high_watermark_moved = raise_high_watermark(now_ms);
    if (high_watermark_moved) committed = take_committed_waiters();
    outcome.is_committed = log_->high_watermark() >= outcome.required_offset;
  }
  complete(std::move(committed));
  if (!outcome.info.is_duplicate) {
    wake_sessions(high_watermark_moved ? Moved::high_watermark : Moved::log_end);
  }
  // Whether or not anybody waits for it.
  if (outcome.info.must_flush) log_->flusher().start(log_, outcome.required_offset);
  return outcome;
}

base::Result<RoleView> Partition::check_leader(base::LeaderEpoch current_leader_epoch) const {
  const RoleView view = role();
  if (current_leader_epoch.value() >= 0) {
    if (current_leader_epoch < view.leader_epoch) {
      return base::fail(ReplicaError::fenced_leader_epoch);
    }
    if (current_leader_epoch > view.leader_epoch) {
      return base::fail(ReplicaError::unknown_leader_epoch);
    }
  }
  if (is_closed()) return base::fail(ReplicaError::unknown_partition);
  if (view.role != Role::leader) return base::fail(ReplicaError::not_leader);
  return view;
}

base::Result<ReadOutcome> Partition::read(const ReadParams& params) {
  TRY_ASSIGN(const RoleView seen, check_leader(params.current_leader_epoch));
  ReadOutcome outcome;
  const bool is_follower = params.replica_id.value() >= 0;
  outcome.offsets = log_->offsets();
  if (params.fetch_offset < outcome.offsets.log_start) {
    return base::fail(storage::LogError::offset_out_of_range);
  }
  // Before the log's end: a reader that is beyond it has diverged, and hears where.
  if (params.last_fetched_epoch.value() >= 0) {
    const auto end = log_->end_offset_for_epoch(params.last_fetched_epoch);
    if (end.epoch.value() < 0) return base::fail(storage::LogError::offset_out_of_range);
    if (end.epoch < params.last_fetched_epoch || end.end_offset < params.fetch_offset) {
      outcome.diverging = end;
      return outcome;
    }
  }
  if (params.fetch_offset > outcome.offsets.log_end) {
    return base::fail(storage::LogError::offset_out_of_range);
  }
  if (is_follower && params.is_first_read) {
    TRY(on_follower_fetch(params, seen));
    outcome.offsets = log_->offsets();
  }
  const base::Offset up_to = is_follower             ? outcome.offsets.log_end
                             : params.read_committed ? outcome.offsets.last_stable
                                                     : outcome.offsets.high_watermark;
  if (params.read_committed && !is_follower) outcome.aborted.emplace();
  if (params.fetch_offset >= up_to) return outcome;
  if (params.max_bytes <= 0 && !params.at_least_one_batch) {
    outcome.has_more = true;
    return outcome;
  }
  storage::ReadRequest request;
  request.from = params.fetch_offset;
  request.up_to = up_to;
  request.max_bytes = params.max_bytes;
  request.at_least_one_batch = params.at_least_one_batch;
  request.may_block = params.may_block;
  request.wants_end_offset = outcome.aborted.has_value();
  outcome.has_more = true;  // until the client has moved on, there is something here
  auto plan = log_->plan_read(request);
  if (!plan && plan.error().is(base::Errc::would_block)) {
    outcome.blocked = request;
    return outcome;
  }
  if (!plan) return base::fail(std::move(plan.error()));
  // With one batch at least there is none where nothing was planned: a gap that compaction left.
  if (plan->size_bytes == 0 && params.at_least_one_batch) outcome.has_more = false;
  if (outcome.aborted && plan->size_bytes > 0) {
    auto aborted =
        log_->aborted_transactions(params.fetch_offset, plan->end_offset, params.may_block);
    if (!aborted && aborted.error().is(base::Errc::would_block)) {
      outcome.blocked = request;
      return outcome;
    }
    if (!aborted) return base::fail(std::move(aborted.error()));
    outcome.aborted = std::move(*aborted);
  }
  outcome.plan = std::move(*plan);
  return outcome;
}

base::Result<void> Partition::on_follower_fetch(const ReadParams& params, const RoleView& seen) {
  std::vector<CommitWaiter> committed;
  IsrStep step;
  bool moved = false;
  {
    base::LockGuard guard(mutex_);
    // The role was looked at without the lock: what the follower has counts only for the epoch in
    // which it was compared with this log.
    if (role_ != Role::leader || state_.leader_epoch != seen.leader_epoch) {
      return base::fail(ReplicaError::not_leader);
    }
    const auto follower = isr_.followers.find(params.replica_id);
    if (follower == isr_.followers.end()) {
      return base::fail(params.current_leader_epoch.value() >= 0
                            ? ReplicaError::unknown_leader_epoch
                            : ReplicaError::not_leader);
    }
    follower->second.on_fetch(params.fetch_offset, params.follower_log_start,
                              log_->log_end_offset(), params.now_ms);
    if (params.follower_clock != nullptr && follower->second.clock != *params.follower_clock) {
      follower->second.clock = *params.follower_clock;
    }
    expand_isr(params.replica_id, step);
    moved = raise_high_watermark(params.now_ms);
    if (moved) committed = take_committed_waiters();
  }
  complete(std::move(committed));
  if (moved) wake_sessions(Moved::high_watermark);
  finish(std::move(step));
  return {};
}

void Partition::on_follower_left(const FollowerClock& clock) {
  if (role().role != Role::leader) return;  // only a leader keeps followers
  base::LockGuard guard(mutex_);
  for (auto& [id, follower] : isr_.followers) {
    if (follower.clock.get() != &clock) continue;
    follower.note_caught_up(log_->log_end_offset());
    follower.clock = nullptr;
  }
}

bool Partition::raise_high_watermark(std::int64_t now_ms) {
  now_ms_ = std::max(now_ms_, now_ms);
  const base::Offset current = log_->high_watermark();
  HighWatermarkInput input;
  input.local_end = log_->log_end_offset();
  if (log_->is_bounded_by_durable()) input.local_bound = log_->durable_offset();
  input.current = current;
  input.now_ms = now_ms;
  if (keeper_ != nullptr) input.lag_max_ms = keeper_->lag_max_ms();
  input.live = keeper_;
  input.min_insync_replicas = min_insync_replicas();
  const base::Offset next = leader_high_watermark(isr_, input);
  if (next <= current) return false;
  log_->set_high_watermark(next);
  return true;
}

void Partition::wake_sessions(Moved moved) {
  base::LockGuard guard(links_mutex_);
  for (FetchLink* link = first_link_; link != nullptr; link = link->next_linked) {
    // A follower's session must learn of a new high watermark too (KIP-227).
    if (moved == Moved::log_end && !link->is_follower) continue;
    if (moved == Moved::into_memory && !link->waits_for_disk.load()) continue;
    link->list->push(*link);
  }
}

bool Partition::start_read_ahead(std::shared_ptr<ReadAhead> read, const DiskReader& disk) {
  constexpr int kReadsMax = 4;
  if (reads_ahead_.fetch_add(1) >= kReadsMax) {
    reads_ahead_.fetch_sub(1);
    return false;
  }
  runtime::WorkerPool& pool = (*disk.workers)(log_->log_dir());
  disk.scope->spawn(read_ahead(shared_from_this(), std::move(read), pool));
  return true;
}

runtime::Task<void> Partition::read_ahead(std::shared_ptr<Partition> self,
                                          std::shared_ptr<ReadAhead> read,
                                          runtime::WorkerPool& pool) {
  co_await runtime::run_on(pool, [log = self->log_, read] { read->run(*log); });
  read->is_done.store(true, std::memory_order_release);
  self->reads_ahead_.fetch_sub(1);
  self->wake_sessions(Moved::into_memory);
}

void Partition::link(FetchLink& link) {
  base::LockGuard guard(links_mutex_);
  if (link.is_linked) return;
  link.is_linked = true;
  link.previous_linked = nullptr;
  link.next_linked = first_link_;
  if (first_link_ != nullptr) first_link_->previous_linked = &link;
  first_link_ = &link;
}

void Partition::unlink(FetchLink& link) {
  base::LockGuard guard(links_mutex_);
  if (!link.is_linked) return;
  link.is_linked = false;
  (link.previous_linked != nullptr ? link.previous_linked->next_linked : first_link_) =
      link.next_linked;
  if (link.next_linked != nullptr) link.next_linked->previous_linked = link.previous_linked;
  link.next_linked = link.previous_linked = nullptr;
}

}  // namespace replication
