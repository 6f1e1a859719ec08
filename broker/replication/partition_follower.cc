// A partition as follower: what its fetcher does to its log.
#include <fmt/format.h>

#include "base/log.h"
#include "broker/replication/partition.h"

namespace replication {

base::Result<void> Partition::check_follows(base::LeaderEpoch epoch) const {
  if (!is_closed() && role_ == Role::follower && state_.leader_epoch == epoch) return {};
  return base::fail(
      ReplicaError::fenced_leader_epoch,
      fmt::format("{} leader_epoch={} fetched_in={}", id_, state_.leader_epoch, epoch));
}

base::Result<storage::AppendInfo> Partition::append_as_follower(const FollowerAppend& fetched) {
  storage::AppendInfo info;
  bool has_moved = false;
  {
    base::LockGuard guard(mutex_);
    TRY(check_follows(fetched.leader_epoch));
    const base::Offset log_end = log_->log_end_offset();
    if (log_end != fetched.fetch_offset) {
      return base::fail(base::Errc::cancelled, fmt::format("{} ends at {}, fetched from {}", id_,
                                                           log_end, fetched.fetch_offset));
    }
    if (!fetched.records.empty()) {
      TRY_ASSIGN(info,
                 log_->append_as_follower(fetched.records, fetched.now_ms, fetched.leader_epoch));
      if (info.base_offset.value() < 0) {
        return base::fail(storage::LogError::corrupt_message,
                          fmt::format("{} fetched {} bytes from {} without a whole batch", id_,
                                      fetched.records.size(), log_end));
      }
    }
    const base::Offset before = log_->high_watermark();
    has_moved = log_->set_high_watermark(fetched.leader_high_watermark) != before;
    if (fetched.leader_log_start > log_->log_start_offset()) {
      TRY_ASSIGN(const bool is_cut, log_->advance_log_start_offset(fetched.leader_log_start));
      has_moved = has_moved || is_cut;
    }
  }
  if (has_moved) wake_sessions(Moved::high_watermark);
  if (info.must_flush) log_->flusher().start(log_, info.last_offset + 1);
  return info;
}

base::Result<void> Partition::cut_as_follower(const FollowerCut& cut, std::int64_t now_ms) {
  base::LockGuard guard(mutex_);
  TRY(check_follows(cut.leader_epoch));
  const base::Offset high_watermark = log_->high_watermark();
  if (cut.offset < high_watermark) {
    LOG_WARN(
        "partition {} loses committed records from={} to={} leader={} leader_epoch={}: the "
        "leader does not have them",
        id_, cut.offset, high_watermark, state_.leader, state_.leader_epoch);
  }
  if (cut.starts_over) return log_->truncate_fully_and_start_at(cut.offset, now_ms);
  TRY(log_->truncate_to(cut.offset, now_ms));
  return {};
}

}  // namespace replication
