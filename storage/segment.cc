#include "storage/segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/saturating.h"
#include "storage/disk_failure.h"

namespace storage {

std::string segment_file_name(base::Offset base_offset) {
  return fmt::format("{:020}", base_offset.value());
}

Segment::Segment(LogEnvironment& environment, std::string directory, base::Offset base_offset,
                 std::int64_t size_bytes, std::int64_t opened_ms)
    : environment_(environment),
      base_offset_(base_offset),
      directory_(std::move(directory)),
      size_bytes_(size_bytes),
      offset_index_(environment.files, environment.index_pages, path(".index"), base_offset),
      time_index_(environment.files, environment.index_pages, path(".timeindex"), base_offset),
      transaction_index_(environment.files, path(".txnindex")),
      opened_ms_(opened_ms) {}

Segment::~Segment() { environment_.descriptors.close(handle_); }

base::Result<std::shared_ptr<Segment>> Segment::create(LogEnvironment& environment,
                                                       std::string directory,
                                                       base::Offset base_offset,
                                                       std::int64_t now_ms,
                                                       const std::string& suffix) {
  auto segment =
      std::make_shared<Segment>(environment, std::move(directory), base_offset, 0, now_ms);
  if (!suffix.empty()) {
    {
      base::LockGuard guard(segment->path_mutex_);
      segment->suffix_ = suffix;
    }
    segment->offset_index_.file().set_path(segment->path(".index"));
    segment->time_index_.file().set_path(segment->path(".timeindex"));
    segment->transaction_index_.set_path(segment->path(".txnindex"));
  }
  // Left by a segment of the same name, perhaps.
  const auto removed = environment.files.remove_file(segment->path(".txnindex"));
  if (removed || removed.error().is(std::errc::no_such_file_or_directory)) {
    segment->transaction_index_.assume_missing();
  }
  for (const char* extension : {".index", ".timeindex", ".log"}) {
    TRY(environment.files.open(segment->path(extension), runtime::OpenMode::truncate));
  }
  segment->set_dirty();
  segment->are_indexes_checked_.store(true);
  segment->offset_index_.file().assume_empty();
  segment->time_index_.file().assume_empty();
  base::LockGuard guard(segment->timestamp_mutex_);
  segment->max_timestamp_ = TimeEntry{-1, base_offset};
  return segment;
}

std::string Segment::path_locked(const char* extension) const {
  return directory_ + "/" + segment_file_name(base_offset_) + extension + suffix_;
}

std::string Segment::path(const char* extension) const {
  base::LockGuard guard(path_mutex_);
  return path_locked(extension);
}

void Segment::set_directory(const std::string& directory) {
  {
    base::LockGuard guard(path_mutex_);
    directory_ = directory;
  }
  offset_index_.file().set_path(path(".index"));
  time_index_.file().set_path(path(".timeindex"));
  transaction_index_.set_path(path(".txnindex"));
}

base::Result<std::shared_ptr<runtime::File>> Segment::log_file(bool may_block) const {
  if (auto file = handle_.file()) return file;
  // Without the path: its lock is held while a file is opened.
  if (!may_block) return base::fail(base::Errc::would_block, segment_file_name(base_offset_));
  base::LockGuard guard(path_mutex_);
  return environment_.descriptors.get(handle_, path_locked(".log"));
}

base::Result<void> Segment::change_suffix(const std::string& suffix) {
  {
    base::LockGuard guard(path_mutex_);
    const std::string from = path_locked(".log");
    const std::string old_suffix = std::exchange(suffix_, suffix);
    if (auto renamed = environment_.files.rename(from, path_locked(".log")); !renamed) {
      suffix_ = old_suffix;
      return renamed;
    }
  }
  TRY(offset_index_.file().rename_to(path(".index")));
  TRY(time_index_.file().rename_to(path(".timeindex")));
  return transaction_index_.rename_to(path(".txnindex"));
}

void Segment::remove_files() {
  set_removed();
  for (const char* extension : kSegmentExtensions) {
    (void)environment_.files.remove_file(path(extension));
  }
}

base::Result<void> Segment::append(base::Bytes batches) {
  TRY_ASSIGN(const auto file, log_file());
  const std::int64_t end = size_bytes();
  auto written = file->pwrite(batches, end);
  const auto cut = written ? base::Result<void>() : file->truncate(end);
  set_dirty();
  if (!cut) return cut;
  if (!written) return written;
  size_bytes_.store(end + static_cast<std::int64_t>(batches.size()), std::memory_order_release);
  return {};
}

base::Result<void> Segment::note_batch(const BatchPlace& batch, std::int32_t index_interval_bytes) {
  if (batch.position == 0) first_timestamp_ms_ = batch.max_timestamp_ms;
  TRY_ASSIGN(TimeEntry max, max_timestamp());
  // An empty batch, left by compaction, has no record with its timestamp.
  if (batch.has_records && batch.max_timestamp_ms > max.timestamp_ms) {
    max = {batch.max_timestamp_ms, batch.last_offset};
    base::LockGuard guard(timestamp_mutex_);
    max_timestamp_ = max;
  }
  const bool is_entry_due = bytes_since_index_entry_ > index_interval_bytes;
  if (is_entry_due) bytes_since_index_entry_ = 0;
  bytes_since_index_entry_ += batch.size_bytes;
  if (!is_entry_due) return {};
  const auto offset_entry = offset_index_.append({batch.last_offset, batch.position});
  TRY(time_index_.append_if_later(max));
  return offset_entry;
}

base::Result<void> Segment::load_first_timestamp() {
  if (first_timestamp_ms_ || size_bytes() == 0) return {};
  TRY_ASSIGN(const auto file, log_file());
  BatchHeaderReader reader(file, 0, size_bytes());
  const auto first = reader.next();
  // A header that makes no sense has no timestamp, and is no reason not to append.
  if (!first && classify(first.error(), DiskAccess::read) != DiskFailure::bad_content) {
    return base::fail(first.error());
  }
  first_timestamp_ms_ = first && *first ? (*first)->max_timestamp_ms : -1;
  return {};
}

base::Result<bool> Segment::should_roll(const AppendNeeds& needs, std::int64_t jitter_ms,
                                        const LogConfig& config, std::int64_t now_ms) {
  const std::int64_t size = size_bytes();
  if (size == 0 && needs.last_offset - base_offset_ <= INT32_MAX) return false;
  if (size > config.segment_bytes - needs.size_bytes) return true;
  if (needs.last_offset - base_offset_ > INT32_MAX) return true;
  TRY(load_first_timestamp());
  const std::int64_t waited_ms =
      first_timestamp_ms_.value_or(-1) >= 0
          ? base::saturating_sub(needs.max_timestamp_ms, *first_timestamp_ms_)
          : now_ms - opened_ms_;
  if (waited_ms > config.segment_ms_max() - jitter_ms) return true;
  TRY_ASSIGN(const std::int64_t offset_entries, offset_index_.count());
  if (offset_entries >=
      config.segment_index_bytes / static_cast<std::int64_t>(OffsetIndex::kEntryBytes)) {
    return true;
  }
  // The final entry needs a place too.
  TRY_ASSIGN(const std::int64_t time_entries, time_index_.count());
  return time_entries >=
         config.segment_index_bytes / static_cast<std::int64_t>(TimeIndex::kEntryBytes) - 1;
}

base::Result<void> Segment::finish() {
  if (is_finished_.load()) return {};
  TRY_ASSIGN(const TimeEntry max, max_timestamp());
  if (max.timestamp_ms >= 0) TRY(time_index_.append_if_later(max));
  TRY(write_out());
  is_finished_.store(true);
  return {};
}

base::Result<void> Segment::write_out() {
  if (is_index_distrusted_.load()) offset_index_.file().give_up();
  TRY(offset_index_.file().write_out());
  TRY(transaction_index_.write_out());
  return time_index_.file().write_out();
}

base::Result<std::int64_t> Segment::truncation_position(base::Offset offset) {
  TRY_ASSIGN(const auto place, find_batch(offset, size_bytes()));
  return place ? place->position : size_bytes();
}

base::Result<void> Segment::truncate_to(base::Offset offset, std::int64_t position,
                                        std::int64_t now_ms) {
  TRY(offset_index_.truncate_to(offset));
  TRY(time_index_.truncate_to(offset));
  TRY(transaction_index_.truncate_to(offset));
  TRY_ASSIGN(const auto file, log_file());
  const auto cut = file->truncate(position);
  set_dirty();
  TRY(cut);
  size_bytes_.store(position, std::memory_order_release);
  if (position == 0) {
    opened_ms_ = now_ms;
    first_timestamp_ms_.reset();
  }
  bytes_since_index_entry_ = 0;
  // The time index knows the maximum up to its last entry; what lies behind is looked at.
  TRY_ASSIGN(const TimeEntry max, time_index_.last());
  TRY_ASSIGN(const OffsetEntry last_entry, offset_index_.lookup(max.offset));
  return find_max_timestamp(max, last_entry.position, position);
}

base::Result<void> Segment::reset_indexes() {
  set_dirty();  // nobody flushes yet
  TRY(offset_index_.file().truncate(0));
  TRY(time_index_.file().truncate(0));
  are_indexes_checked_.store(true);
  is_index_distrusted_.store(false);
  bytes_since_index_entry_ = 0;
  first_timestamp_ms_.reset();
  base::LockGuard guard(timestamp_mutex_);
  max_timestamp_ = TimeEntry{-1, base_offset_};
  return {};
}

base::Result<void> Segment::flush_records() {
  if (!is_dirty_.exchange(false)) return {};
  const auto file = log_file();
  const auto synced = file ? (*file)->sync() : base::Result<void>(base::fail(file.error()));
  if (!synced) is_dirty_.store(true);
  return synced;
}

base::Result<void> Segment::flush() {
  TRY(flush_records());
  // Each knows whether it has changed.
  TRY(offset_index_.file().sync());
  TRY(transaction_index_.sync());
  return time_index_.file().sync();
}

base::Result<TimeEntry> Segment::max_timestamp() {
  {
    base::LockGuard guard(timestamp_mutex_);
    if (max_timestamp_) return *max_timestamp_;
  }
  TRY(check_indexes());
  TRY_ASSIGN(const TimeEntry last, time_index_.last());
  base::LockGuard guard(timestamp_mutex_);
  if (!max_timestamp_) max_timestamp_ = last;
  return *max_timestamp_;
}

base::Result<std::int64_t> Segment::largest_timestamp_ms() {
  TRY_ASSIGN(const TimeEntry max, max_timestamp());
  if (max.timestamp_ms >= 0) return max.timestamp_ms;
  base::LockGuard guard(path_mutex_);  // not a name that it had a moment ago
  TRY_ASSIGN(const runtime::FileInfo info, environment_.files.info(path_locked(".log")));
  return info.modified_ms;
}

}  // namespace storage
