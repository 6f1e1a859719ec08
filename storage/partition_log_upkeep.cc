// What changes a log's shape: roll, truncation, retention, flush, close.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "storage/disk_full.h"
#include "storage/log_loader.h"
#include "storage/partition_log.h"
#include "storage/partition_metadata.h"

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
  if (!created) return disk_failed(created.error());
  // On a full disk index entries stay in memory, and the log does without the snapshot.
  if (const auto finished = active_->finish(); !finished && !is_disk_full(finished.error())) {
    return disk_failed(finished.error());
  }
  producers_.set_map_end_offset(base);
  if (const auto taken = producers_.take_snapshot(); !taken && !is_disk_full(taken.error())) {
    return disk_failed(taken.error());
  }
  SegmentList list = *segments();
  active_ = *created;
  list.push_back(active_);
  has_new_files_.store(true);
  publish(std::move(list), 0, log_end_offset(), generation_->load());
  return {};
}

// --- truncation ----------------------------------------------------------------------------------

base::Result<bool> PartitionLog::truncate_to(base::Offset offset, std::int64_t now_ms) {
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
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  LOG_INFO("{} starts over at={} log_end={}", topic_partition_, offset, log_end_offset());
  return start_over_locked(offset, log_start.value_or(offset), now_ms);
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
  recovery_point_.store(std::min(recovery_point_.load(), last->base_offset().value()));
  epochs_.truncate_from_end(offset);
  TRY(or_disk_failed(last->truncate_to(offset, *position, now_ms)));
  TRY(retire(removed, *config()));
  const auto rebuilt = rebuild_producer_state(producers_, kept, log_start_offset(), offset, now_ms,
                                              config()->producer_id_expiration_ms, false);
  update_first_unstable_offset();
  return or_disk_failed(rebuilt);
}

base::Result<void> PartitionLog::start_over_locked(base::Offset offset, base::Offset log_start,
                                                   std::int64_t now_ms) {
  const std::uint64_t generation = generation_->fetch_add(1, std::memory_order_acq_rel) + 1;
  TRY(retire(*segments(), *config()));
  auto created = Segment::create(environment_, directory(), offset, now_ms);
  if (!created) {
    // Without an active segment the log cannot go on, whatever the reason was.
    is_abandoned_.store(true);
    environment_.report_failure(log_dir_, created.error());
    return base::fail(LogError::storage_error, created.error().to_string());
  }
  // Rare, and worth the wait: after a power failure the old history must not be back.
  TRY(or_disk_failed(environment_.files.sync_directory(directory())));
  active_ = *created;
  log_start_.store(log_start.value());
  publish({active_}, 0, offset, generation);
  lower_cleaned_up_to(offset);
  high_watermark_.store(offset.value());
  recovery_point_.store(std::min(recovery_point_.load(), offset.value()));
  epochs_.clear();
  producers_.clear_and_start_at(offset);
  update_first_unstable_offset();
  if (const auto taken = producers_.take_snapshot(); !taken && !is_disk_full(taken.error())) {
    return disk_failed(taken.error());
  }
  return {};
}

void PartitionLog::lower_offsets_to(base::Offset offset) {
  const std::int64_t bound = offset.value();
  base::LockGuard guard(published_mutex_);
  log_start_.store(std::min(log_start_.load(), bound));
  high_watermark_.store(std::min(high_watermark_.load(), bound));
  recovery_point_.store(std::min(recovery_point_.load(), bound));
}

// Renames the files to `.deleted` and hands them on to be removed after the delay.
base::Result<void> PartitionLog::retire(const SegmentList& segments, const LogConfig& config) {
  for (const auto& segment : segments) {
    segment->set_removed();
    const auto renamed = segment->change_suffix(".deleted");
    if (!renamed && !renamed.error().is(std::errc::no_such_file_or_directory)) {
      return disk_failed(renamed.error());
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
    return largest_ms && now_ms - *largest_ms > config.retention_ms;
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

// --- flush and close -----------------------------------------------------------------------------

bool PartitionLog::flush_due(std::int64_t now_ms) const {
  if (has_new_files_.load()) return true;
  const std::int64_t bytes = unflushed_bytes_.load();
  if (bytes == 0 || is_abandoned_.load()) return false;
  const auto config = this->config();
  const std::int64_t waited_ms = now_ms - unflushed_since_ms_.load();
  return bytes >= config->background_flush_bytes || waited_ms >= config->background_flush_ms ||
         waited_ms >= config->flush_ms ||
         log_end_.load() - recovery_point_.load() >= config->flush_messages;
}

base::Result<void> PartitionLog::sync_segments(const SegmentList& segments) {
  for (const auto& segment : segments) {
    if (segment->is_removed()) continue;
    auto flushed = segment->flush();
    if (!flushed && !segment->is_removed()) return flushed;
  }
  return {};
}

base::Result<void> PartitionLog::flush(std::int64_t now_ms) {
  base::LockGuard one_at_a_time(flush_mutex_);
  std::vector<std::string> snapshots;
  ReadView view;
  std::int64_t bytes = 0;
  {
    base::LockGuard append(append_mutex_);
    TRY(check_usable());
    snapshots = producers_.take_unsynced_snapshots();
    bytes = unflushed_bytes_.load();
    view = read_view({}, {});
  }
  const bool has_new_files = has_new_files_.exchange(false);
  TRY(or_disk_failed(sync_segments(*view.segments)));
  for (const std::string& path : snapshots) {
    // Gone if its segment was deleted meanwhile.
    if (const auto file = environment_.files.open(path, runtime::OpenMode::read_write)) {
      TRY(or_disk_failed((*file)->sync()));
    }
  }
  if (has_unsynced_topic_id_.exchange(false)) {
    const std::string path = directory() + "/" + kPartitionMetadataFile;
    const auto file = environment_.files.open(path, runtime::OpenMode::read_write);
    TRY(or_disk_failed(file ? (*file)->sync() : base::fail(file.error())));
  }
  TRY(or_disk_failed(epochs_.save_if_changed()));
  if (has_new_files) TRY(or_disk_failed(environment_.files.sync_directory(directory())));
  if (has_new_directory_.exchange(false)) {
    TRY(or_disk_failed(environment_.files.sync_directory(log_dir_)));
  }

  base::LockGuard append(append_mutex_);
  if (generation_->load() != view.generation) return {};  // truncated meanwhile: next time
  if (view.log_end > recovery_point()) recovery_point_.store(view.log_end.value());
  unflushed_bytes_.fetch_sub(bytes);
  unflushed_since_ms_.store(now_ms);
  return {};
}

base::Result<bool> PartitionLog::finish_files() {
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  TRY(or_disk_failed(active_->finish()));
  const auto snapshot = producers_.latest_snapshot();
  producers_.set_map_end_offset(log_end_offset());
  TRY(or_disk_failed(producers_.take_snapshot()));
  if (producers_.latest_snapshot() != snapshot) has_new_files_.store(true);
  const auto list = segments();
  for (const auto& segment : *list) TRY(or_disk_failed(segment->write_out()));
  finished_end_.store(log_end_.load());
  const bool is_dirty = epochs_.has_changed() || unflushed_bytes_.load() > 0 ||
                        has_new_files_.load() || has_new_directory_.load() ||
                        recovery_point() < log_end_offset();
  return is_dirty;
}

base::Result<void> PartitionLog::stage_files() {
  TRY(check_usable());
  return or_disk_failed(epochs_.stage_if_changed());
}

base::Result<void> PartitionLog::close_synced(std::int64_t now_ms) {
  {
    base::LockGuard append(append_mutex_);
    TRY(check_usable());
    if (finished_end_.load() == log_end_.load()) {
      TRY(or_disk_failed(epochs_.replace_by_staged()));
      recovery_point_.store(log_end_.load());
      is_abandoned_.store(true);
      return {};
    }
  }
  return close(now_ms);
}

base::Result<void> PartitionLog::close(std::int64_t now_ms) {
  TRY(finish_files());
  TRY(flush(now_ms));
  is_abandoned_.store(true);
  return {};
}

void PartitionLog::abandon() { is_abandoned_.store(true); }

base::Result<void> PartitionLog::rename_directory(const std::string& new_name) {
  base::LockGuard append(append_mutex_);
  const std::string to = log_dir_ + "/" + new_name;
  TRY(or_disk_failed(environment_.files.rename(directory(), to)));
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
