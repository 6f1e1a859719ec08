// What changes a log's shape: roll, truncation, retention, deletion.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/saturating.h"
#include "storage/log_loader.h"
#include "storage/partition_log.h"

namespace storage {

// --- roll ----------------------------------------------------------------------------------------

base::Result<void> PartitionLog::roll(std::int64_t now_ms) {
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  return roll_locked(log_end_offset(), now_ms);
}

base::Result<void> PartitionLog::roll_locked(base::Offset base, std::int64_t now_ms) {
  if (active_->base_offset() == base && active_->size_bytes() == 0) return {};
  // The new files first: if they cannot be made, nothing has changed.
  auto created = Segment::create(environment_, directory(), base, now_ms);
  if (!created) return write_failed(created.error());
  // Index entries that cannot be written stay in memory, and the log does without the snapshot.
  if (const auto finished = active_->finish(); !finished && !can_do_without(finished.error())) {
    return write_failed(finished.error());
  }
  producers_.set_map_end_offset(base);
  if (const auto taken = producers_.take_snapshot(); !taken && !can_do_without(taken.error())) {
    return write_failed(taken.error());
  }
  SegmentList list = *segments();
  active_ = *created;
  list.push_back(active_);
  flusher_.on_new_files();
  publish(std::move(list), 0, log_end_offset(), generation_->load());
  return {};
}

// --- truncation ----------------------------------------------------------------------------------

base::Result<bool> PartitionLog::truncate_to(base::Offset offset, std::int64_t now_ms) {
  auto truncated = truncate_unless_shorter(offset, now_ms);
  flusher_.deliver_cut();
  return truncated;
}

base::Result<bool> PartitionLog::truncate_unless_shorter(base::Offset offset, std::int64_t now_ms) {
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  if (offset >= log_end_offset()) {
    // An epoch of our own without a record may conflict with the leader's.
    epochs_.truncate_from_end(log_end_offset());
    return false;
  }
  LOG_INFO("{} truncates to={} log_end={} high_watermark={}", topic_partition_, offset,
           log_end_offset(), high_watermark());
  if (offset < first_segment_base()) {
    TRY(start_over_locked(offset, offset, now_ms));
  } else {
    TRY(truncate_locked(offset, now_ms));
  }
  return true;
}

base::Result<void> PartitionLog::truncate_fully_and_start_at(
    base::Offset offset, std::int64_t now_ms, std::optional<base::Offset> log_start) {
  const auto started = [&]() -> base::Result<void> {
    base::LockGuard append(append_mutex_);
    TRY(check_usable());
    LOG_INFO("{} starts over at={} log_end={}", topic_partition_, offset, log_end_offset());
    return start_over_locked(offset, log_start.value_or(offset), now_ms);
  }();
  flusher_.deliver_cut();
  return started;
}

base::Result<void> PartitionLog::truncate_locked(base::Offset offset, std::int64_t now_ms) {
  SegmentList kept = *segments();
  SegmentList removed;
  while (kept.size() > 1 && kept.back()->base_offset() > offset) {
    removed.insert(removed.begin(), kept.back());
    kept.pop_back();
  }
  const auto last = kept.back();
  const auto position = last->truncation_position(offset);
  if (!position) return disk_failed(position.error());

  // Readers first: whoever plans from now on sees the shorter log, and slices planned before are
  // no longer current; only then the bytes go.
  const std::uint64_t generation = generation_->fetch_add(1, std::memory_order_acq_rel) + 1;
  active_ = last;
  publish(kept, *position, offset, generation);
  lower_offsets_to(offset);
  lower_cleaned_up_to(last->base_offset());
  // The cut is on the device only after the next flush: until then recovery reads this segment.
  flusher_.on_truncated(offset, last->base_offset());
  epochs_.truncate_from_end(offset);
  if (const auto cut = last->truncate_to(offset, *position, now_ms); !cut) {
    return half_done(cut.error());
  }
  TRY(retire(removed, *config()));
  // Names too, those of snapshots among them: what is back after a power failure would stand above
  // what is appended here, or tell of producers from another history.
  flusher_.on_new_files();
  const auto rebuilt = rebuild_producer_state(producers_, kept, log_start_offset(), offset, now_ms,
                                              config()->producer_id_expiration_ms, false);
  update_first_unstable_offset();
  if (!rebuilt) return half_done(rebuilt.error());
  return {};
}

base::Result<void> PartitionLog::start_over_locked(base::Offset offset, base::Offset log_start,
                                                   std::int64_t now_ms) {
  const std::uint64_t generation = generation_->fetch_add(1, std::memory_order_acq_rel) + 1;
  TRY(retire(*segments(), *config()));
  auto created = Segment::create(environment_, directory(), offset, now_ms);
  if (!created) return half_done(created.error());
  // Rare, and worth the wait: after a power failure the old history must not be back.
  if (const auto synced = environment_.files.sync_directory(directory()); !synced) {
    return half_done(synced.error());
  }
  active_ = *created;
  log_start_.store(log_start.value());
  publish({active_}, 0, offset, generation);
  lower_cleaned_up_to(offset);
  high_watermark_.store(offset.value());
  flusher_.on_started_over(offset);
  epochs_.clear();
  producers_.clear_and_start_at(offset);
  update_first_unstable_offset();
  if (const auto taken = producers_.take_snapshot(); !taken && !can_do_without(taken.error())) {
    return write_failed(taken.error());
  }
  return {};
}

void PartitionLog::lower_offsets_to(base::Offset offset) {
  const std::int64_t bound = offset.value();
  base::LockGuard guard(published_mutex_);
  log_start_.store(std::min(log_start_.load(), bound));
  high_watermark_.store(std::min(high_watermark_.load(), bound));
}

// Renames the files to `.deleted` and hands them on to be removed after the delay.
base::Result<void> PartitionLog::retire(const SegmentList& segments, const LogConfig& config) {
  for (const auto& segment : segments) {
    segment->set_removed();
    const auto renamed = segment->change_suffix(".deleted");
    if (!renamed) {
      const DiskFailure failure = classify(renamed.error(), DiskAccess::write, true);
      // A longer name may not fit a full disk, where deleting is what makes room.
      if (failure == DiskFailure::no_room) segment->remove_files();
      // Already away: what was wanted.
      const bool is_away = failure == DiskFailure::no_room || failure == DiskFailure::moved;
      if (!is_away) return half_done(renamed.error());
    }
    hand_to_reaper(*segment, config);
    producers_.remove_snapshot(segment->base_offset());
  }
  return {};
}

void PartitionLog::hand_to_reaper(const Segment& segment, const LogConfig& config) {
  std::vector<std::string> paths;
  for (const char* extension : kSegmentExtensions) {
    std::string path = segment.path(extension);
    if (environment_.files.exists(path)) paths.push_back(std::move(path));
  }
  if (!paths.empty()) environment_.remove_later(std::move(paths), config.file_delete_delay_ms);
}

// --- retention -----------------------------------------------------------------------------------

base::Result<int> PartitionLog::delete_old_segments(std::int64_t now_ms) {
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  int deleted = 0;
  for (;;) {
    const char* reason = nullptr;
    const std::size_t count = count_deletable(*segments(), *config(), now_ms, reason);
    if (count == 0) return deleted;
    TRY_ASSIGN(const int done, delete_first_segments(count, reason, now_ms));
    deleted += done;
  }
}

// How many segments from the oldest on fall to one of the three rules; the first rule that takes
// any wins, the caller asks again.
std::size_t PartitionLog::count_deletable(const SegmentList& segments, const LogConfig& config,
                                          std::int64_t now_ms, const char*& reason) {
  const auto count_while = [&](auto is_deletable) {
    std::size_t count = 0;
    for (; count < segments.size(); ++count) {
      const bool is_last = count + 1 == segments.size();
      if (is_last && segments[count]->size_bytes() == 0) break;
      const base::Offset end = is_last ? log_end_offset() : segments[count + 1]->base_offset();
      if (end > high_watermark() || !is_deletable(count)) break;
    }
    return count;
  };
  reason = "below the log start";
  std::size_t count = count_while([&](std::size_t i) {
    return i + 1 < segments.size() && segments[i + 1]->base_offset() <= log_start_offset();
  });
  if (count > 0 || !config.cleanup_delete) return count;

  std::int64_t total_bytes = 0;
  for (const auto& segment : segments) total_bytes += segment->size_bytes();
  if (config.retention_bytes >= 0 && total_bytes >= config.retention_bytes) {
    reason = "retention.bytes";
    count = count_while([&](std::size_t i) {
      total_bytes -= segments[i]->size_bytes();
      return total_bytes >= config.retention_bytes;
    });
    if (count > 0) return count;
  }
  if (config.retention_ms < 0) return 0;
  reason = "retention.ms";
  return count_while([&](std::size_t i) {
    const auto largest_ms = segments[i]->largest_timestamp_ms();
    return largest_ms && base::saturating_sub(now_ms, *largest_ms) > config.retention_ms;
  });
}

base::Result<int> PartitionLog::delete_first_segments(std::size_t count, const char* reason,
                                                      std::int64_t now_ms) {
  if (count == segments()->size()) TRY(roll_locked(log_end_offset(), now_ms));
  const SegmentList all = *segments();
  const SegmentList removed(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  const SegmentList kept(all.begin() + static_cast<std::ptrdiff_t>(count), all.end());
  LOG_INFO("{} deletes segments count={} from={} to={} reason=\"{}\"", topic_partition_, count,
           removed.front()->base_offset(), kept.front()->base_offset(), reason);
  const base::Offset log_start = std::max(log_start_offset(), kept.front()->base_offset());
  log_start_.store(log_start.value());
  {
    base::LockGuard guard(published_mutex_);
    published_.segments = std::make_shared<const SegmentList>(kept);
  }
  epochs_.truncate_from_start(log_start);
  TRY(retire(removed, *config()));
  producers_.on_log_start(log_start);
  update_first_unstable_offset();
  return static_cast<int>(count);
}

// --- deletion ------------------------------------------------------------------------------------

void PartitionLog::abandon() { is_abandoned_.store(true); }

base::Result<void> PartitionLog::retire_directory(const std::string& new_name) {
  base::LockGuard append(append_mutex_);
  const std::string to = log_dir_ + "/" + new_name;
  const bool was_abandoned = is_abandoned_.exchange(true);
  if (const auto renamed = environment_.files.rename(directory(), to); !renamed) {
    is_abandoned_.store(was_abandoned);
    return or_write_failed(renamed);
  }
  {
    base::LockGuard guard(published_mutex_);
    directory_ = to;
  }
  for (const auto& segment : *segments()) segment->set_directory(to);
  producers_.set_directory(to);
  epochs_.set_path(to + "/leader-epoch-checkpoint");
  return {};
}

}  // namespace storage
