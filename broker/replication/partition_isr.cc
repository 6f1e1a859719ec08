// A leader's ISR: who may join, who has to leave, and what became of a change.
#include <algorithm>

#include "base/log.h"
#include "broker/replication/partition.h"

namespace replication {
namespace {

std::string to_text(const std::vector<base::BrokerId>& ids) {
  std::string text;
  for (const base::BrokerId id : ids) {
    if (!text.empty()) text += ',';
    text += std::to_string(id.value());
  }
  return text;
}

// What ZooKeeper holds may have been written by anybody.
bool makes_sense(const std::vector<base::BrokerId>& isr, base::BrokerId leader) {
  std::vector<base::BrokerId> sorted = isr;
  std::ranges::sort(sorted);
  return std::ranges::adjacent_find(sorted) == sorted.end() &&
         std::ranges::binary_search(sorted, leader);
}

}  // namespace

// --- proposing -----------------------------------------------------------------------------------

IsrChange Partition::propose_isr(std::vector<base::BrokerId> isr) {
  LOG_INFO(
      "partition {} proposes isr={} instead of {} leader_epoch={} partition_epoch={} "
      "high_watermark={} log_end={}",
      id_, to_text(isr), to_text(isr_.committed), state_.leader_epoch, state_.partition_epoch,
      log_->high_watermark(), log_->log_end_offset());
  IsrChange change;
  change.owner = shared_from_this();
  change.id = ++last_change_;
  change.partition = id_;
  change.topic_id = log_->topic_id().value_or(base::TopicId());
  change.controller_epoch = state_.controller_epoch;
  change.proposed.leader = self_;
  change.proposed.leader_epoch = state_.leader_epoch;
  change.proposed.partition_epoch = state_.partition_epoch;
  change.proposed.isr = isr;
  isr_.proposed = std::move(isr);
  pending_change_.store(change.id, std::memory_order_release);
  return change;
}

void Partition::end_isr_change() {
  isr_.proposed.reset();
  pending_change_.store(0, std::memory_order_release);
}

void Partition::check_minimum(IsrStep& step) {
  const bool was_below = is_below_minimum_;
  is_below_minimum_ = isr_.is_below_minimum(min_insync_replicas());
  step.syncs = is_below_minimum_ && !was_below;
}

void Partition::expand_isr(base::BrokerId id, IsrStep& step) {
  if (keeper_ == nullptr || step.change) return;
  if (!isr_.may_join(id, log_->high_watermark(), epoch_start_offset_)) return;
  if (!keeper_->is_live(id)) {
    // Its session may visit the partition no more once it has everything.
    step.looks_again = true;
    return;
  }
  std::vector<base::BrokerId> isr = isr_.committed;
  isr.push_back(id);
  step.change = propose_isr(std::move(isr));
}

// A follower that has everything may have fetched while another change was pending, or before its
// broker was known: its session does not visit the partition again by itself. Without a session it
// does with its next fetch.
void Partition::expand_isr_by_any(std::int64_t now_ms, IsrStep& step) {
  if (keeper_ == nullptr) return;
  for (const auto& [id, follower] : isr_.followers) {
    if (follower.clock == nullptr) continue;
    if (now_ms - follower.clock->last_fetch_ms.load() > keeper_->lag_max_ms()) continue;
    expand_isr(id, step);
  }
}

void Partition::look_at_isr(std::int64_t now_ms) {
  std::vector<CommitWaiter> committed;
  IsrStep step;
  bool moved = false;
  {
    base::LockGuard guard(mutex_);
    if (role_ != Role::leader || keeper_ == nullptr) return;
    auto kept = isr_.shrunk({.leader = self_,
                             .leader_end = log_->log_end_offset(),
                             .now_ms = now_ms,
                             .lag_max_ms = keeper_->lag_max_ms()});
    if (kept) {
      step.change = propose_isr(std::move(*kept));
    } else {
      expand_isr_by_any(now_ms, step);
    }
    check_minimum(step);
    // A follower outside the ISR that was waited for may have stopped.
    moved = raise_high_watermark(now_ms);
    if (moved) committed = take_committed_waiters();
  }
  complete(std::move(committed));
  if (moved) wake_sessions(Moved::high_watermark);
  finish(std::move(step));
}

// --- outcomes ------------------------------------------------------------------------------------

void Partition::on_isr_confirmed(std::uint64_t change, const IsrState& state, std::int64_t now_ms) {
  std::vector<CommitWaiter> committed;
  IsrStep step;
  bool moved = false;
  {
    base::LockGuard guard(mutex_);
    if (role_ != Role::leader || !isr_.proposed || pending_isr_change() != change) return;
    if (state.leader != self_ || state.leader_epoch != state_.leader_epoch ||
        state.partition_epoch < state_.partition_epoch || !makes_sense(state.isr, self_)) {
      return;
    }
    isr_.committed = state.isr;
    end_isr_change();
    state_.isr = state.isr;
    state_.partition_epoch = state.partition_epoch;
    publish_state(state_);
    check_minimum(step);
    LOG_INFO("partition {} has isr={} leader_epoch={} partition_epoch={}{}", id_,
             to_text(state.isr), state_.leader_epoch, state_.partition_epoch,
             is_below_minimum_ ? " (below min.insync.replicas)" : "");
    moved = raise_high_watermark(now_ms);
    if (moved) committed = take_committed_waiters();
    expand_isr_by_any(now_ms, step);
  }
  complete(std::move(committed));
  if (moved) wake_sessions(Moved::high_watermark);
  finish(std::move(step));
}

void Partition::on_isr_not_attempted(std::uint64_t change, std::int64_t now_ms) {
  std::vector<CommitWaiter> committed;
  IsrStep step;
  bool moved = false;
  {
    base::LockGuard guard(mutex_);
    if (role_ != Role::leader || !isr_.proposed || pending_isr_change() != change) return;
    LOG_INFO("partition {} keeps isr={}: isr={} was refused leader_epoch={} partition_epoch={}",
             id_, to_text(isr_.committed), to_text(*isr_.proposed), state_.leader_epoch,
             state_.partition_epoch);
    end_isr_change();
    step.looks_again = true;
    moved = raise_high_watermark(now_ms);
    if (moved) committed = take_committed_waiters();
  }
  complete(std::move(committed));
  if (moved) wake_sessions(Moved::high_watermark);
  finish(std::move(step));
}

void Partition::finish(IsrStep step) {
  // acks=all is refused from here on: one sync covers all that was acknowledged.
  if (step.syncs) log_->flusher().start(log_, log_->log_end_offset());
  if (step.change) {
    keeper_->propose(std::move(*step.change));
  } else if (step.looks_again) {
    keeper_->look_again(shared_from_this());
  }
}

}  // namespace replication
