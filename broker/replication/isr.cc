#include "broker/replication/isr.h"

#include <algorithm>

namespace replication {
namespace {

bool contains(const std::vector<base::BrokerId>& ids, base::BrokerId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

void FollowerState::note_caught_up(base::Offset leader_end) {
  if (clock == nullptr || log_end_offset < leader_end) return;
  last_caught_up_ms = std::max(last_caught_up_ms, clock->last_fetch_ms.load());
}

void FollowerState::on_fetch(base::Offset fetch_offset, base::Offset follower_log_start,
                             base::Offset leader_end, std::int64_t now_ms) {
  if (fetch_offset >= leader_end) {
    last_caught_up_ms = std::max(last_caught_up_ms, now_ms);
  } else if (fetch_offset >= leader_end_at_last_fetch) {
    // It has all that there was when it fetched before.
    last_caught_up_ms = std::max(last_caught_up_ms, last_fetch_ms);
  }
  log_end_offset = fetch_offset;
  log_start_offset = follower_log_start;
  last_fetch_ms = now_ms;
  leader_end_at_last_fetch = leader_end;
}

bool Isr::is_replica(base::BrokerId id) const { return contains(replicas, id); }

bool Isr::in_maximal_isr(base::BrokerId id) const {
  return contains(committed, id) || (proposed && contains(*proposed, id));
}

std::size_t Isr::maximal_size() const {
  if (!proposed) return committed.size();
  std::size_t size = committed.size();
  for (const base::BrokerId id : *proposed) size += contains(committed, id) ? 0 : 1;
  return size;
}

std::size_t Isr::effective_min_isr(std::int32_t min_insync_replicas) const {
  return std::min(static_cast<std::size_t>(std::max(min_insync_replicas, 1)),
                  std::max<std::size_t>(replicas.size(), 1));
}

std::optional<std::vector<base::BrokerId>> Isr::shrunk(const ShrinkInput& input) const {
  if (proposed) return std::nullopt;
  std::vector<base::BrokerId> kept;
  for (const base::BrokerId id : committed) {
    const auto follower = followers.find(id);
    const bool stays =
        id == input.leader ||
        (follower != followers.end() &&
         follower->second.is_caught_up(input.leader_end, input.now_ms, input.lag_max_ms));
    if (stays) kept.push_back(id);
  }
  if (kept.size() == committed.size()) return std::nullopt;
  return kept;
}

bool Isr::may_join(base::BrokerId id, base::Offset high_watermark, base::Offset epoch_start) const {
  if (proposed || contains(committed, id)) return false;
  const auto follower = followers.find(id);
  return follower != followers.end() && follower->second.log_end_offset >= high_watermark &&
         follower->second.log_end_offset >= epoch_start;
}

base::Offset leader_high_watermark(const Isr& isr, const HighWatermarkInput& input) {
  if (isr.is_below_minimum(input.min_insync_replicas)) return input.current;
  base::Offset least = std::min(input.local_end, input.local_bound);
  for (const auto& [id, follower] : isr.followers) {
    if (follower.log_end_offset >= least) continue;
    // One that is about to join is waited for: else it would run after the high watermark forever.
    if (isr.in_maximal_isr(id) ||
        (follower.is_caught_up(input.local_end, input.now_ms, input.lag_max_ms) &&
         (input.live == nullptr || input.live->is_live(id)))) {
      least = follower.log_end_offset;
    }
  }
  return std::max(least, input.current);
}

}  // namespace replication
