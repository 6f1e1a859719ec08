// Purpose: one segment: a `.log` file with its indexes. Source: LogSegment.
//
// What writes is called under the log's append lock; readers use the atomics, the indexes (which
// lock themselves) and positional reads. Errors carry errno; Errc::corrupt, end_of_stream and
// unsupported come from a scan (batch_file_reader.h).
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
#include "storage/batch_file_reader.h"
#include "storage/log_config.h"
#include "storage/log_environment.h"
#include "storage/offset_index.h"
#include "storage/time_index.h"
#include "storage/transaction_index.h"

namespace storage {

// "00000000000000000042": the name of a segment's files without extension.
std::string segment_file_name(base::Offset base_offset);

// All files a segment may have beside its `.log`.
inline constexpr const char* kSegmentExtensions[] = {".log", ".index", ".timeindex", ".txnindex"};

// What a set of batches asks of the segment it is appended to.
struct AppendNeeds {
  std::int64_t size_bytes = 0;
  std::int64_t max_timestamp_ms = -1;
  base::Offset last_offset;
};

class Segment {
 public:
  // An existing one; nothing is opened or read yet.
  Segment(LogEnvironment& environment, std::string directory, base::Offset base_offset,
          std::int64_t size_bytes, std::int64_t opened_ms);
  ~Segment();
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  // Makes the files, empty whatever was there before. `suffix` follows the extensions.
  static base::Result<std::shared_ptr<Segment>> create(LogEnvironment& environment,
                                                       std::string directory,
                                                       base::Offset base_offset,
                                                       std::int64_t now_ms,
                                                       const std::string& suffix = {});

  base::Offset base_offset() const { return base_offset_; }
  std::int64_t size_bytes() const { return size_bytes_.load(std::memory_order_acquire); }
  OffsetIndex& offset_index() { return offset_index_; }
  TimeIndex& time_index() { return time_index_; }
  TransactionIndex& transaction_index() { return transaction_index_; }
  std::string path(const char* extension) const EXCLUDES(path_mutex_);
  // Without `may_block` Errc::would_block if it isn't open: opening may wait for the device.
  base::Result<std::shared_ptr<runtime::File>> log_file(bool may_block = true) const
      EXCLUDES(path_mutex_);

  // --- append lock held ---------------------------------------------------------------------
  // Writes at the end; what a failed write left behind is cut off again.
  base::Result<void> append(base::Bytes batches);
  // After append: index entries and timestamps for the batch at `position`. Errors only from the
  // disk; the entries are kept in memory then.
  base::Result<void> note_batch(const protocol::RecordBatchView& batch, std::int64_t position,
                                std::int32_t index_interval_bytes) {
    return note_batch(BatchPlace::of(StoredBatch(batch.bytes()), position), index_interval_bytes);
  }
  base::Result<void> note_batch(const BatchPlace& batch, std::int32_t index_interval_bytes);
  base::Result<bool> should_roll(const AppendNeeds& needs, std::int64_t jitter_ms,
                                 const LogConfig& config, std::int64_t now_ms);
  // No longer active: last time entry, index entries written out. Nothing to do, and nothing
  // read, if the segment is as it was opened or finished.
  base::Result<void> finish();
  // Where truncate_to will cut: the first batch that reaches `offset`.
  base::Result<std::int64_t> truncation_position(base::Offset offset);
  base::Result<void> truncate_to(base::Offset offset, std::int64_t position, std::int64_t now_ms);
  // Recovery: indexes emptied, to be filled again by note_batch.
  base::Result<void> reset_indexes();
  // Recovery: what the indexes say of batches from `offset` on, at `position`, is forgotten.
  base::Result<void> keep_indexes_below(base::Offset offset, std::int64_t position);
  // --- any thread ---------------------------------------------------------------------------
  // .log and indexes on the device; nothing to do for files that are since the last time.
  base::Result<void> flush();
  // .log alone.
  base::Result<void> flush_records();
  // Index entries that are only in memory go to their files.
  base::Result<void> write_out();
  // What the device has may differ from what is read. Behind the change, never before it: a flush
  // in between would take the mark for something that it did not bring to the device.
  void set_dirty() {
    is_dirty_.store(true);
    is_finished_.store(false);
  }
  // Before the indexes are used the first time: whether they fit the log. If not they are built
  // anew, from headers, and a warning says so; the log stays as it is.
  base::Result<void> check_indexes(bool may_block = true) EXCLUDES(check_mutex_);
  base::Result<void> rebuild_indexes();
  // The first batch whose last offset >= target, before `end_position` (a batch boundary).
  base::Result<std::optional<BatchPlace>> find_batch(base::Offset target, std::int64_t end_position,
                                                     bool may_block = true);
  // Where whole batches that begin at `start` (a boundary) end within `max_bytes`; `start` when
  // not one fits.
  base::Result<std::int64_t> whole_batches_end(std::int64_t start, std::int64_t end_position,
                                               std::int64_t max_bytes, bool may_block);
  // The last batch, found from the last index entry; nullopt in an empty segment.
  base::Result<std::optional<BatchPlace>> last_batch();
  // The largest timestamp and the last offset of its batch; (-1, base) when no record has one.
  base::Result<TimeEntry> max_timestamp() EXCLUDES(timestamp_mutex_);
  // The same for retention and time lookups: .log's modification time when no record has one.
  base::Result<std::int64_t> largest_timestamp_ms();
  bool is_removed() const { return is_removed_.load(); }
  void set_removed() { is_removed_.store(true); }
  void set_directory(const std::string& directory) EXCLUDES(path_mutex_);
  // All files get another suffix. Whoever opens one meanwhile gets the right file: a name may be
  // another segment's a moment later. Append lock held.
  base::Result<void> change_suffix(const std::string& suffix) EXCLUDES(path_mutex_);
  // Unlinks all files; what cannot be removed stays for the next start.
  void remove_files();

 private:
  std::string path_locked(const char* extension) const REQUIRES(path_mutex_);
  base::Result<void> load_first_timestamp();
  // The largest timestamp of all: `max` up to some batch, and what the batches of [from, to) have.
  base::Result<void> find_max_timestamp(TimeEntry max, std::int64_t from, std::int64_t to)
      EXCLUDES(timestamp_mutex_);
  base::Result<const char*> find_index_fault();
  base::Result<const char*> find_time_fault(const std::shared_ptr<runtime::File>& file,
                                            const TimeEntry& last);
  bool is_batch_of(const BatchPlace& batch, const OffsetEntry& entry) const;
  void distrust_index(const OffsetEntry& entry);

  LogEnvironment& environment_;
  const base::Offset base_offset_;
  mutable DescriptorCache::Handle handle_;
  mutable base::Mutex path_mutex_;
  std::string directory_ GUARDED_BY(path_mutex_);
  std::string suffix_ GUARDED_BY(path_mutex_);  // ".cleaned", ".swap", ".deleted" or none
  std::atomic<std::int64_t> size_bytes_;
  std::atomic<bool> is_removed_{false};
  std::atomic<bool> is_dirty_{false};    // .log: written or cut since the last flush
  std::atomic<bool> is_finished_{true};  // nothing changed since finish
  base::Mutex check_mutex_;              // before all others here
  std::atomic<bool> are_indexes_checked_{false};
  std::atomic<bool> is_index_distrusted_{false};  // a look-up landed where no batch is
  OffsetIndex offset_index_;
  TimeIndex time_index_;
  TransactionIndex transaction_index_;
  base::Mutex timestamp_mutex_;
  std::optional<TimeEntry> max_timestamp_ GUARDED_BY(timestamp_mutex_);  // nullopt: not known yet

  // Append lock.
  std::int64_t opened_ms_;
  std::int64_t bytes_since_index_entry_ = 0;
  std::optional<std::int64_t> first_timestamp_ms_;  // max timestamp of the first batch
};

using SegmentList = std::vector<std::shared_ptr<Segment>>;

}  // namespace storage
