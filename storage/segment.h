// Purpose: one segment: a `.log` file with its two indexes. Source: LogSegment.
//
// The log's append lock guards everything that writes; readers use the atomics, the indexes (which
// lock themselves) and positional reads.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/record_batch.h"
#include "storage/log_config.h"
#include "storage/log_environment.h"
#include "storage/offset_index.h"
#include "storage/time_index.h"

namespace storage {

// "00000000000000000042": the name of a segment's files without extension.
std::string segment_file_name(base::Offset base_offset);

// A batch header found by a scan.
struct BatchPlace {
  std::int64_t position = 0;
  std::int64_t size_bytes = 0;
  base::Offset base_offset;
  base::Offset last_offset;
  base::LeaderEpoch leader_epoch;
  std::int64_t max_timestamp_ms = -1;
  std::int64_t end_position() const { return position + size_bytes; }
};

class Segment {
 public:
  Segment(LogEnvironment& environment, std::string directory, base::Offset base_offset,
          std::int64_t size_bytes, std::int64_t opened_ms);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Makes the three files; EEXIST is fine for leftovers that are empty.
  static base::Result<std::shared_ptr<Segment>> create(LogEnvironment& environment,
                                                       std::string directory,
                                                       base::Offset base_offset,
                                                       std::int64_t now_ms);

  base::Offset base_offset() const { return base_offset_; }
  std::int64_t size_bytes() const { return size_bytes_.load(std::memory_order_acquire); }
  OffsetIndex& offset_index() { return offset_index_; }
  TimeIndex& time_index() { return time_index_; }
  std::string path(const char* extension) const;
  base::Result<std::shared_ptr<runtime::File>> log_file();

  // --- append lock held ---------------------------------------------------------------------
  // Writes at the end; on failure cuts back what was written.
  base::Result<void> append(base::Bytes batches);
  // After append: index entries and timestamps for one batch that lies at `position`.
  base::Result<void> note_batch(const protocol::RecordBatchView& batch, std::int64_t position,
                                const LogConfig& config);
  bool should_roll(std::int64_t append_bytes, std::int64_t append_max_timestamp_ms,
                   base::Offset append_last_offset, std::int64_t jitter_ms, const LogConfig& config,
                   std::int64_t now_ms);
  // No longer active: last time entry, index entries written out.
  base::Result<void> finish();
  // Cuts the file at the first batch that reaches `offset`, and the indexes.
  base::Result<void> truncate_to(base::Offset offset);
  // --- any thread ---------------------------------------------------------------------------
  base::Result<void> flush();  // .log and indexes on the device
  // The first batch, from `from_position` (a batch boundary) on, whose last offset >= target;
  // nullopt at `end_position`.
  base::Result<std::optional<BatchPlace>> find_batch(base::Offset target,
                                                     std::int64_t from_position,
                                                     std::int64_t end_position,
                                                     bool may_block = true);
  // The header at `position`; nullopt at or behind `end_position`.
  base::Result<std::optional<BatchPlace>> batch_at(std::int64_t position, std::int64_t end_position,
                                                   bool may_block = true);
  // One above the last offset in the file; scans from the last index entry.
  base::Result<base::Offset> read_next_offset();
  // Largest timestamp and an offset at or behind it; .log's mtime when no record has one.
  base::Result<std::int64_t> largest_timestamp_ms();
  base::Result<TimeEntry> max_timestamp_entry();
  std::int64_t opened_ms() const { return opened_ms_; }
  bool is_removed() const { return is_removed_.load(); }
  void set_removed() { is_removed_.store(true); }
  void set_directory(std::string directory) EXCLUDES(path_mutex_);

 private:
  base::Result<std::int64_t> first_batch_timestamp_ms();

  LogEnvironment& environment_;
  const base::Offset base_offset_;
  mutable base::Mutex path_mutex_;
  std::string directory_ GUARDED_BY(path_mutex_);
  const DescriptorCache::Key descriptor_key_;
  std::atomic<std::int64_t> size_bytes_;
  std::atomic<bool> is_removed_{false};
  const std::int64_t opened_ms_;
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  // Append lock.
  std::int64_t bytes_since_index_entry_ = 0;
  std::optional<std::int64_t> first_timestamp_ms_;
  // The largest timestamp so far, possibly not yet in the time index.
  mutable base::Mutex timestamp_mutex_;
  std::optional<TimeEntry> max_timestamp_ GUARDED_BY(timestamp_mutex_);
};

using SegmentList = std::vector<std::shared_ptr<Segment>>;

}  // namespace storage
