// How far a segment's indexes are trusted. Files of a clean stop, or below the recovery point, may
// be wrong all the same (copied by hand, restored, damaged at rest): before their first use their
// ends are compared with the log, and each look-up checks where it has landed.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/disk_failure.h"
#include "storage/segment.h"

namespace storage {
namespace {

// As topics have it by default; entries of an index need not be at equal distances.
constexpr std::int64_t kRebuiltIntervalBytes = 4096;
// How far the batch of the last time entry is looked for.
constexpr int kHeadersMax = 256;

// What a full disk refuses stays in memory.
base::Result<void> unless_full(base::Result<void> result) {
  if (!result && can_do_without(result.error())) return {};
  return result;
}

}  // namespace

base::Result<void> Segment::check_indexes(bool may_block) {
  if (are_indexes_checked_.load(std::memory_order_acquire)) return {};
  if (!may_block) {
    return base::fail(base::Errc::would_block, segment_file_name(base_offset_));
  }
  base::LockGuard guard(check_mutex_);
  if (are_indexes_checked_.load(std::memory_order_acquire)) return {};
  TRY_ASSIGN(const char* const reason, find_index_fault());
  if (reason != nullptr) {
    LOG_WARN("{} does not fit its log: indexes are built anew reason=\"{}\"", path(".index"),
             reason);
    return rebuild_indexes();
  }
  are_indexes_checked_.store(true, std::memory_order_release);
  return {};
}

// Null: none found. Reads the ends of both files and a few headers, whatever their size.
base::Result<const char*> Segment::find_index_fault() {
  TRY_ASSIGN(const bool is_index_ordered, offset_index_.is_ordered());
  if (!is_index_ordered) return "entries of the offset index are in disorder";
  TRY_ASSIGN(const bool is_time_index_ordered, time_index_.is_ordered());
  if (!is_time_index_ordered) return "entries of the time index are in disorder";
  TRY_ASSIGN(const OffsetEntry last, offset_index_.last());
  TRY_ASSIGN(const TimeEntry last_time, time_index_.last());
  if (last.position == 0 && last_time.timestamp_ms < 0) return nullptr;
  if (last.position >= size_bytes() && last.position > 0) return "an entry beyond the log's end";
  TRY_ASSIGN(const auto file, log_file());
  if (last.position > 0) {
    const auto batch = BatchHeaderReader(file, last.position, size_bytes()).next();
    if (!batch && !is_bad_content(batch.error())) return base::fail(batch.error());
    if (!batch || !is_batch_of(**batch, last)) return "no batch where the last entry points";
  }
  return find_time_fault(file, last_time);
}

base::Result<const char*> Segment::find_time_fault(const std::shared_ptr<runtime::File>& file,
                                                   const TimeEntry& last) {
  if (last.timestamp_ms < 0) return nullptr;
  TRY_ASSIGN(const OffsetEntry entry, offset_index_.lookup(last.offset));
  BatchHeaderReader reader(file, entry.position, size_bytes());
  for (int i = 0; i < kHeadersMax; ++i) {
    const auto batch = reader.next();
    if (!batch && !is_bad_content(batch.error())) return base::fail(batch.error());
    if (!batch) return nullptr;  // the log's own fault, which is told when it is read
    if (!*batch) return "a time entry beyond the log's end";
    if ((*batch)->last_offset < last.offset) continue;
    return (*batch)->max_timestamp_ms == last.timestamp_ms
               ? nullptr
               : "the last time entry is not that of its batch";
  }
  return nullptr;
}

bool Segment::is_batch_of(const BatchPlace& batch, const OffsetEntry& entry) const {
  // Kafka's entries may be for several batches appended together: the last offset of all of them.
  return batch.base_offset >= base_offset_ && batch.last_offset <= entry.offset;
}

// Headers are enough. The log itself stays as it is, whatever is found there.
base::Result<void> Segment::rebuild_indexes() {
  TRY(offset_index_.file().truncate(0));
  TRY(time_index_.file().truncate(0));
  TRY_ASSIGN(const auto file, log_file());
  TimeEntry max{-1, base_offset_};
  std::int64_t bytes_since_entry = 0;
  base::Offset previous = base_offset_ - 1;
  BatchHeaderReader reader(file, 0, size_bytes());
  for (;;) {
    const auto batch = reader.next();
    if (!batch && !is_bad_content(batch.error())) return base::fail(batch.error());
    if (!batch || !*batch || (*batch)->last_offset <= previous) break;
    previous = (*batch)->last_offset;
    if (previous - base_offset_ > INT32_MAX) break;
    if ((*batch)->has_records && (*batch)->max_timestamp_ms > max.timestamp_ms) {
      max = {(*batch)->max_timestamp_ms, previous};
    }
    if (bytes_since_entry > kRebuiltIntervalBytes) {
      bytes_since_entry = 0;
      TRY(unless_full(offset_index_.append({previous, (*batch)->position})));
      TRY(unless_full(time_index_.append_if_later(max)));
    }
    bytes_since_entry += (*batch)->size_bytes;
  }
  if (max.timestamp_ms >= 0) TRY(unless_full(time_index_.append_if_later(max)));
  is_finished_.store(false);
  are_indexes_checked_.store(true, std::memory_order_release);
  base::LockGuard guard(timestamp_mutex_);
  max_timestamp_ = max;
  return {};
}

base::Result<void> Segment::keep_indexes_below(base::Offset offset, std::int64_t position) {
  set_dirty();
  TRY(offset_index_.truncate_to(offset));
  TRY(time_index_.truncate_to(offset));
  TRY(transaction_index_.truncate_to(offset));
  bytes_since_index_entry_ = 0;
  // The time index knows the maximum up to the last offset entry; what lies behind is looked at.
  TRY_ASSIGN(const TimeEntry max, time_index_.last());
  TRY_ASSIGN(const OffsetEntry last, offset_index_.last());
  return find_max_timestamp(max, std::min(last.position, position), position);
}

base::Result<void> Segment::find_max_timestamp(TimeEntry max, std::int64_t from, std::int64_t to) {
  TRY_ASSIGN(const auto file, log_file());
  BatchHeaderReader reader(file, from, to);
  for (;;) {
    const auto batch = reader.next();
    // Damage is told when it is read, and keeps no log from loading.
    if (!batch && !is_bad_content(batch.error())) return base::fail(batch.error());
    if (!batch || !*batch) break;
    if ((*batch)->has_records && (*batch)->max_timestamp_ms > max.timestamp_ms) {
      max = {(*batch)->max_timestamp_ms, (*batch)->last_offset};
    }
  }
  base::LockGuard guard(timestamp_mutex_);
  max_timestamp_ = max;
  return {};
}

// --- look-ups ------------------------------------------------------------------------------------

base::Result<std::optional<BatchPlace>> Segment::find_batch(base::Offset target,
                                                            std::int64_t end_position,
                                                            bool may_block) {
  TRY(check_indexes(may_block));
  TRY_ASSIGN(const auto file, log_file(may_block));
  // Twice: a truncation may have come between the index and the log.
  for (int attempt = is_index_distrusted_.load() ? 2 : 0;; ++attempt) {
    OffsetEntry entry{base_offset_, 0};
    if (attempt < 2) {
      TRY_ASSIGN(entry, offset_index_.lookup(target, may_block));
    }
    const std::int64_t begin = entry.position < 0 ? end_position : entry.position;
    BatchHeaderReader reader(file, begin, end_position, may_block);
    auto place = reader.next();
    if (entry.position != 0) {
      if (!place && !is_bad_content(place.error())) return place;
      // A batch at or below the target has nothing before it that is looked for.
      const bool is_good = place && *place && (*place)->base_offset <= target;
      if (!is_good) {
        if (attempt == 1) distrust_index(entry);
        continue;
      }
    }
    for (;; place = reader.next()) {
      if (!place || !*place || (*place)->last_offset >= target) return place;
    }
  }
}

// From now on this segment is read from its start; the next start builds the index anew.
void Segment::distrust_index(const OffsetEntry& entry) {
  if (is_index_distrusted_.exchange(true)) return;
  LOG_WARN("{} is wrong and no longer used: entry offset={} position={}", path(".index"),
           entry.offset, entry.position);
}

base::Result<std::int64_t> Segment::whole_batches_end(std::int64_t start, std::int64_t end_position,
                                                      std::int64_t max_bytes, bool may_block) {
  if (end_position - start <= max_bytes) return end_position;
  TRY(check_indexes(may_block));
  const std::int64_t limit = start + max_bytes;
  TRY_ASSIGN(const auto file, log_file(may_block));
  std::int64_t end = start;
  if (!is_index_distrusted_.load()) {
    TRY_ASSIGN(const OffsetEntry entry, offset_index_.lookup_position(limit, may_block));
    if (entry.position > start) {
      const auto landed = BatchHeaderReader(file, entry.position, end_position, may_block).next();
      if (!landed && !is_bad_content(landed.error())) return base::fail(landed.error());
      if (landed && *landed && is_batch_of(**landed, entry)) end = entry.position;
    }
  }
  BatchHeaderReader reader(file, end, end_position, may_block);
  for (;;) {
    const auto place = reader.next();
    // What lies before bytes that make no sense can be read.
    if (!place && end > start && is_bad_content(place.error())) return end;
    if (!place) return base::fail(place.error());
    if (!*place || (*place)->end_position() > limit) return end;
    end = (*place)->end_position();
  }
}

base::Result<std::optional<BatchPlace>> Segment::last_batch() {
  TRY(check_indexes());
  TRY_ASSIGN(const OffsetEntry entry, offset_index_.last());
  TRY_ASSIGN(const auto file, log_file());
  BatchHeaderReader reader(file, entry.position, size_bytes());
  std::optional<BatchPlace> last;
  for (;;) {
    TRY_ASSIGN(const auto place, reader.next());
    if (!place) return last;
    last = place;
  }
}

}  // namespace storage
