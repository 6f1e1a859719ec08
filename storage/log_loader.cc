#include "storage/log_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/log.h"
#include "storage/disk_failure.h"
#include "storage/epoch_rebuild.h"
#include "storage/log_file_names.h"
#include "storage/segment_recovery.h"

namespace storage {
namespace {

std::string without_suffix(const std::string& name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

class LogLoader {
 public:
  LogLoader(LogEnvironment& environment, const LoadRequest& request, LeaderEpochCache& epochs,
            ProducerState& producers)
      : environment_(environment),
        files_(environment.files),
        request_(request),
        epochs_(epochs),
        producers_(producers) {}

  base::Result<LoadedOffsets> load() {
    TRY(read_directory());
    if (has_leftovers_) TRY(finish_interrupted_operations());
    const auto epochs_read = epochs_.load();
    if (!epochs_read && !is_bad_content(epochs_read.error())) {
      return base::fail(epochs_read.error());
    }
    TRY(open_segments());
    if (!epochs_read) {
      TRY(rebuild_leader_epochs(epochs_, segments_));
      if (epochs_.latest_epoch()) {
        LOG_WARN("{} has learned its leader epochs again from its batches error=\"{}\"",
                 request_.topic_partition, epochs_read.error().to_string());
      }
    }
    producers_.set_snapshots(snapshots_);
    producers_.remove_stray_snapshots(segment_bases());

    if (request_.had_clean_shutdown && !bad_transaction_index_) {
      TRY(rebuild_missing_indexes(segments_.size()));
    } else {
      TRY(recover());
    }
    TRY_ASSIGN(base::Offset log_end, end_of_log());
    if (log_end < request_.log_start_offset) {
      TRY(start_over(log_end));
      log_end = request_.log_start_offset;
    }
    return finish(log_end);
  }

 private:
  std::string path_of(const std::string& name) const { return request_.directory + "/" + name; }

  base::Result<void> read_directory() {
    auto entries = files_.list_directory(request_.directory);
    if (!entries && entries.error().is(std::errc::no_such_file_or_directory)) {
      TRY(files_.create_directory(request_.directory));
      has_new_directory_ = true;
      entries = std::vector<runtime::DirectoryEntry>();
    }
    if (!entries) return base::fail(entries.error());
    names_.clear();
    logs_.clear();
    indexes_.clear();
    snapshots_.clear();
    has_leftovers_ = false;
    for (const auto& entry : *entries) {
      if (entry.is_directory) continue;
      auto parsed = parse_log_file_name(entry.name);
      if (!parsed) {
        return base::fail(std::move(parsed.error()).with_context(request_.directory));
      }
      names_.push_back(entry.name);
      switch (parsed->kind) {
        case LogFileKind::log: logs_.insert(parsed->offset); break;
        case LogFileKind::index: indexes_.emplace(entry.name, parsed->offset); break;
        case LogFileKind::snapshot: snapshots_.push_back(parsed->offset); break;
        case LogFileKind::cleaned:
        case LogFileKind::swap:
        case LogFileKind::deleted: has_leftovers_ = true; break;
        case LogFileKind::other: break;
      }
    }
    return {};
  }

  // Kafka's swap protocol: `.deleted` and `.cleaned` go; a `.swap` beyond a `.cleaned` belongs to
  // an unfinished split; other `.swap` files replace what lies in their offset range.
  base::Result<void> finish_interrupted_operations() {
    base::Offset first_cleaned(INT64_MAX);
    for (const std::string& name : names_) {
      const auto parsed = parse_log_file_name(name);
      if (parsed->kind == LogFileKind::deleted) TRY(files_.remove_file(path_of(name)));
      if (parsed->kind == LogFileKind::cleaned) {
        first_cleaned = std::min(first_cleaned, parsed->offset);
      }
    }
    base::Offset swap_begin(INT64_MAX);
    base::Offset swap_end(INT64_MIN);
    std::set<base::Offset> swap_bases;  // also of those that hold nothing any more
    std::vector<std::string> swaps;
    for (const std::string& name : names_) {
      const auto parsed = parse_log_file_name(name);
      if (parsed->kind == LogFileKind::cleaned) TRY(files_.remove_file(path_of(name)));
      if (parsed->kind != LogFileKind::swap) continue;
      if (parsed->offset >= first_cleaned) {
        TRY(files_.remove_file(path_of(name)));
        continue;
      }
      swaps.push_back(name);
      if (parsed->suffix != ".log.swap") continue;
      swap_bases.insert(parsed->offset);
      swap_begin = std::min(swap_begin, parsed->offset);
      TRY_ASSIGN(const base::Offset next, next_offset_of(path_of(name), parsed->offset));
      swap_end = std::max(swap_end, next);
    }
    for (const std::string& name : names_) {
      const auto parsed = parse_log_file_name(name);
      const bool is_replaced =
          (parsed->kind == LogFileKind::log || parsed->kind == LogFileKind::index ||
           parsed->kind == LogFileKind::snapshot) &&
          ((parsed->offset >= swap_begin && parsed->offset < swap_end) ||
           swap_bases.contains(parsed->offset));
      if (is_replaced) TRY(files_.remove_file(path_of(name)));
    }
    for (const std::string& name : swaps) {
      LOG_INFO("{} completes an interrupted swap file={}", request_.topic_partition, name);
      TRY(files_.rename(path_of(name), path_of(without_suffix(name, ".swap"))));
    }
    TRY(files_.sync_directory(request_.directory));
    return read_directory();
  }

  base::Result<base::Offset> next_offset_of(const std::string& path, base::Offset base_offset) {
    TRY_ASSIGN(std::unique_ptr<runtime::File> opened, files_.open(path, runtime::OpenMode::read));
    const std::shared_ptr<runtime::File> file(std::move(opened));
    TRY_ASSIGN(const std::int64_t size_bytes, file->size());
    BatchHeaderReader reader(file, 0, size_bytes);
    base::Offset next = base_offset;
    for (;;) {
      auto place = reader.next();
      if (!place && is_bad_content(place.error())) {
        LOG_WARN("{} is damaged behind offset {}: {}", path, next, place.error().to_string());
        return next;
      }
      if (!place) return base::fail(std::move(place.error()).with_context(path));
      if (!*place) return next;
      next = (*place)->last_offset + 1;
    }
  }

  base::Result<void> open_segments() {
    for (const auto& [name, offset] : indexes_) {
      if (logs_.contains(offset)) continue;
      LOG_WARN("{} removes an index without a log file={}", request_.topic_partition, name);
      TRY(files_.remove_file(path_of(name)));
    }
    for (const base::Offset base_offset : logs_) {
      const std::string stem = segment_file_name(base_offset);
      TRY_ASSIGN(const runtime::FileInfo info, files_.info(path_of(stem + ".log")));
      segments_.push_back(std::make_shared<Segment>(environment_, request_.directory, base_offset,
                                                    info.size_bytes, request_.now_ms));
      if (!indexes_.contains(stem + ".index")) without_index_.insert(base_offset);
      if (indexes_.contains(stem + ".txnindex")) {
        TRY(check_transaction_index(*segments_.back()));
      } else {
        segments_.back()->transaction_index().assume_missing();
      }
    }
    return {};
  }

  // Built anew from its segment on: it takes the open transactions of earlier ones.
  base::Result<void> check_transaction_index(Segment& segment) {
    const auto entries = segment.transaction_index().read(segment.base_offset());
    if (entries) return {};
    if (!entries.error().is(base::Errc::corrupt)) return base::fail(entries.error());
    LOG_WARN("{} rebuilds the index of aborted transactions base={} error=\"{}\"",
             request_.topic_partition, segment.base_offset(), entries.error().to_string());
    if (!bad_transaction_index_) bad_transaction_index_ = segment.base_offset();
    return {};
  }

  std::vector<base::Offset> segment_bases() const {
    return std::vector<base::Offset>(logs_.begin(), logs_.end());
  }

  // Headers are enough for them.
  base::Result<void> rebuild_missing_indexes(std::size_t end) {
    for (std::size_t i = 0; i < end; ++i) {
      if (!without_index_.contains(segments_[i]->base_offset())) continue;
      LOG_WARN("{} rebuilds a missing index base={}", request_.topic_partition,
               segments_[i]->base_offset());
      TRY(unless_full(segments_[i]->rebuild_indexes()));
    }
    return {};
  }

  // Reads everything from the recovery point on; nothing is trusted that was not synced.
  base::Result<void> recover() {
    const base::Offset recovery_point =
        std::min(request_.recovery_point, bad_transaction_index_.value_or(request_.recovery_point));
    std::size_t first = 0;
    while (first + 1 < segments_.size() && segments_[first + 1]->base_offset() <= recovery_point) {
      ++first;
    }
    if (segments_.empty()) return {};
    TRY(rebuild_missing_indexes(first + 1));
    TRY_ASSIGN(const base::Offset begin, begin_of_recovery(*segments_[first], recovery_point));
    // Entries at and above it are learned again: what the file says may be from another history.
    epochs_.truncate_from_end(begin);
    const SegmentList trusted(segments_.begin(),
                              segments_.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    TRY(rebuild_producer_state(producers_, trusted, request_.log_start_offset, begin,
                               request_.now_ms, request_.config->producer_id_expiration_ms, false));
    for (std::size_t i = first; i < segments_.size(); ++i) {
      if (i > first) {
        producers_.set_map_end_offset(segments_[i]->base_offset());
        TRY(unless_full(producers_.take_snapshot()));
      }
      TRY_ASSIGN(const bool is_whole, recover_segment(i, &producers_, begin));
      if (!is_whole) {
        TRY(drop_segments_behind(i));
        break;
      }
    }
    return {};
  }

  // A boundary of batches at or below the recovery point; the segment's base if its headers make no
  // sense before that.
  base::Result<base::Offset> begin_of_recovery(Segment& segment, base::Offset recovery_point) {
    if (recovery_point <= segment.base_offset()) return segment.base_offset();
    const auto place = segment.find_batch(recovery_point, segment.size_bytes());
    if (!place && is_bad_content(place.error())) return segment.base_offset();
    if (!place) return unreadable(segment, place.error());
    if (*place) return std::min((*place)->base_offset, recovery_point);
    TRY_ASSIGN(const auto last, segment.last_batch());
    return last ? last->last_offset + 1 : segment.base_offset();
  }

  base::Result<bool> recover_segment(std::size_t index, ProducerState* producers,
                                     base::Offset from = base::Offset(0)) {
    SegmentRecovery recovery{request_, epochs_, producers, from, {}};
    if (index + 1 < segments_.size()) recovery.next_base = segments_[index + 1]->base_offset();
    return storage::recover_segment(*segments_[index], recovery);
  }

  // Indexes and snapshots can be missing: a full disk must not keep a log from being read.
  static base::Result<void> unless_full(base::Result<void> result) {
    if (!result && can_do_without(result.error())) return {};
    return result;
  }

  std::unexpected<base::Error> unreadable(const Segment& segment, const base::Error& error) const {
    return base::fail(base::Error(error).with_context(segment.path(".log")));
  }

  base::Result<void> drop_segments_behind(std::size_t index) {
    while (segments_.size() > index + 1) {
      LOG_WARN("{} drops a segment behind the cut base={} lost_bytes={}", request_.topic_partition,
               segments_.back()->base_offset(), segments_.back()->size_bytes());
      TRY(drop_last_segment());
    }
    return {};
  }

  base::Result<void> drop_last_segment() {
    const auto segment = segments_.back();
    segments_.pop_back();
    for (const char* extension : kSegmentExtensions) {
      const auto removed = files_.remove_file(segment->path(extension));
      if (!removed && !removed.error().is(std::errc::no_such_file_or_directory)) return removed;
    }
    producers_.remove_snapshot(segment->base_offset());
    return {};
  }

  // One above the last offset; a clean log whose last segment does not end with a batch is
  // recovered all the same.
  base::Result<base::Offset> end_of_log() {
    if (segments_.empty()) return request_.log_start_offset;
    Segment& last = *segments_.back();
    auto batch = last.last_batch();
    if (!batch && is_bad_content(batch.error())) {
      LOG_WARN("{} last segment is damaged although the stop was clean base={} error=\"{}\"",
               request_.topic_partition, last.base_offset(), batch.error().to_string());
      TRY(recover_segment(segments_.size() - 1, nullptr));
      batch = last.last_batch();
    }
    if (!batch) return unreadable(last, batch.error());
    return *batch ? (*batch)->last_offset + 1 : last.base_offset();
  }

  base::Result<void> start_over(base::Offset log_end) {
    LOG_WARN("{} log end {} is below the log start {}: starts empty there",
             request_.topic_partition, log_end, request_.log_start_offset);
    while (!segments_.empty()) TRY(drop_last_segment());
    epochs_.clear();
    producers_.clear_and_start_at(request_.log_start_offset);
    return {};
  }

  base::Result<LoadedOffsets> finish(base::Offset log_end) {
    if (segments_.empty()) {
      TRY_ASSIGN(auto created, Segment::create(environment_, request_.directory,
                                               request_.log_start_offset, request_.now_ms));
      segments_.push_back(std::move(created));
      has_new_files_ = true;
    }
    LoadedOffsets loaded;
    loaded.has_new_directory = has_new_directory_;
    loaded.has_new_files = has_new_files_ || !request_.had_clean_shutdown;
    loaded.log_start = std::max(request_.log_start_offset, segments_.front()->base_offset());
    loaded.log_end = log_end;
    loaded.recovery_point =
        request_.had_clean_shutdown
            ? log_end
            : std::max(loaded.log_start, std::min(request_.recovery_point, log_end));
    if (bad_transaction_index_) {
      // What was built anew is not on the device yet.
      loaded.has_new_files = true;
      loaded.recovery_point =
          std::max(loaded.log_start, std::min(loaded.recovery_point, *bad_transaction_index_));
    }
    epochs_.truncate_from_end(log_end);
    epochs_.truncate_from_start(loaded.log_start);
    TRY(rebuild_producer_state(producers_, segments_, loaded.log_start, log_end, request_.now_ms,
                               request_.config->producer_id_expiration_ms,
                               request_.had_clean_shutdown));
    loaded.segments = std::move(segments_);
    return loaded;
  }

  LogEnvironment& environment_;
  runtime::FileSystem& files_;
  const LoadRequest& request_;
  LeaderEpochCache& epochs_;
  ProducerState& producers_;
  std::vector<std::string> names_;
  std::set<base::Offset> logs_;
  std::map<std::string, base::Offset> indexes_;
  std::vector<base::Offset> snapshots_;
  std::set<base::Offset> without_index_;
  std::optional<base::Offset> bad_transaction_index_;  // the first one
  bool has_leftovers_ = false;
  bool has_new_directory_ = false;
  bool has_new_files_ = false;
  SegmentList segments_;
};

}  // namespace

base::Result<LoadedOffsets> load_log(LogEnvironment& environment, const LoadRequest& request,
                                     LeaderEpochCache& epochs, ProducerState& producers) {
  return LogLoader(environment, request, epochs, producers).load();
}

}  // namespace storage
