// Who waits for an append to be stored: for the disk, for the replicas.
#include "broker/replication/partition.h"

namespace replication {

// --- StoredWait ----------------------------------------------------------------------------------

StoredWait::~StoredWait() {
  if (partition_ == nullptr) return;
  if (durable_ticket_) partition_->log().flusher().forget(*durable_ticket_);
  if (committed_ticket_) partition_->forget_waiter(*committed_ticket_);
}

runtime::Task<StoredWait::Result> StoredWait::wait_for(runtime::Receiver<Result> receiver,
                                                       std::int64_t timeout_ms,
                                                       runtime::CancelToken token) {
  const auto outcome = co_await receiver.wait(timeout_ms, token);
  if (!outcome) co_return base::fail(outcome.error());
  co_return *outcome;
}

runtime::Task<StoredWait::Result> StoredWait::wait(std::int64_t timeout_ms, bool limits_disk,
                                                   runtime::CancelToken token) {
  runtime::Loop& loop = *runtime::Loop::current();
  const std::int64_t deadline_ms = loop.now_ms() + timeout_ms;
  if (durable_) {
    auto durable = co_await wait_for(std::move(*durable_),
                                     limits_disk ? timeout_ms : runtime::kNoTimeout, token);
    if (durable) durable_ticket_.reset();
    if (!durable) co_return durable;
  }
  if (!committed_) co_return Result();
  const std::int64_t left_ms = std::max<std::int64_t>(0, deadline_ms - loop.now_ms());
  auto committed = co_await wait_for(std::move(*committed_), left_ms, token);
  if (committed) committed_ticket_.reset();
  co_return committed;
}

// --- registration --------------------------------------------------------------------------------

StoredWait Partition::wait_stored(const AppendOutcome& outcome, std::int16_t acks,
                                  runtime::Loop& loop) {
  StoredWait wait(shared_from_this());
  if (acks == -1 && !outcome.is_committed) wait_committed(outcome, loop, wait);
  if (outcome.info.must_flush) {
    auto [sender, receiver] = runtime::one_shot<base::Result<void>>(loop);
    wait.durable_ = std::move(receiver);
    wait.durable_ticket_ = log_->flusher().when_durable(
        log_, outcome.required_offset,
        [sender = std::move(sender)](base::Result<void> result) mutable {
          // Truncated, which only a follower's log is.
          const bool is_lost = !result && result.error().is(base::Errc::cancelled);
          sender.complete(is_lost ? base::fail(ReplicaError::not_leader) : std::move(result));
        });
  }
  return wait;
}

void Partition::wait_committed(const AppendOutcome& outcome, runtime::Loop& loop,
                               StoredWait& wait) {
  auto [sender, receiver] = runtime::one_shot<base::Result<void>>(loop);
  wait.committed_ = std::move(receiver);
  std::vector<CommitWaiter> due;
  bool is_lost = false;
  {
    base::LockGuard guard(mutex_);
    is_lost = role_ != Role::leader || leadership_ != outcome.leadership;
    CommitWaiter waiter{outcome.leadership, std::move(sender)};
    if (is_lost || log_->high_watermark() >= outcome.required_offset) {
      due.push_back(std::move(waiter));
    } else {
      wait.committed_ticket_ = commit_waiters_.add(outcome.required_offset, std::move(waiter));
    }
  }
  if (is_lost) return fail_all(std::move(due), ReplicaError::not_leader);
  complete(std::move(due));
}

void Partition::forget_waiter(const StoredWait::Ticket& ticket) {
  base::LockGuard guard(mutex_);
  commit_waiters_.remove(ticket);
}

// --- completion ----------------------------------------------------------------------------------

std::vector<Partition::CommitWaiter> Partition::take_committed_waiters() {
  if (commit_waiters_.empty()) return {};
  return commit_waiters_.take_up_to(log_->high_watermark());
}

std::vector<Partition::CommitWaiter> Partition::take_all_waiters() {
  return commit_waiters_.take_all();
}

void Partition::complete(std::vector<CommitWaiter> waiters) {
  if (waiters.empty()) return;
  bool enough = true;
  base::LeaderEpoch leadership;
  {
    base::LockGuard guard(mutex_);
    enough = isr_.maximal_size() >= isr_.effective_min_isr(min_insync_replicas());
    leadership = leadership_;
  }
  for (CommitWaiter& waiter : waiters) {
    // A high watermark of a later leadership says nothing of records of an earlier one.
    if (waiter.leadership != leadership) {
      waiter.sender.complete(base::fail(ReplicaError::not_leader));
    } else if (!enough) {
      waiter.sender.complete(base::fail(ReplicaError::not_enough_replicas_after_append));
    } else {
      waiter.sender.complete(base::Result<void>());
    }
  }
}

void Partition::fail_all(std::vector<CommitWaiter> waiters, ReplicaError why) {
  for (CommitWaiter& waiter : waiters) waiter.sender.complete(base::fail(why));
}

// --- the own disk --------------------------------------------------------------------------------

void Partition::on_durable() {
  std::vector<CommitWaiter> committed;
  {
    base::LockGuard guard(mutex_);
    if (role_ != Role::leader || !raise_high_watermark(now_ms_)) return;
    committed = take_committed_waiters();
  }
  complete(std::move(committed));
  wake_sessions(Moved::high_watermark);
}

void Partition::flush_what_waits() {
  if (!log_->is_bounded_by_durable()) return;
  log_->flusher().start(log_, log_->log_end_offset());
}

}  // namespace replication
