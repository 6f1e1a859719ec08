// Purpose: the log of one partition on one disk: append, read, truncate, roll, flush, delete.
//
// Plain synchronous code; time comes as a value (now_ms: wall clock). Thread-safe:
// - append, roll, truncate, retention and producer state take the append lock. An append of one
//   batch is one pwritev and allocates nothing per record, so it may run on a data loop; roll and
//   truncate make and rename files but never wait for the device.
// - reads never take it: the segment list and the end positions are published together.
// - flush syncs outside of it; run flush, delete_old_segments, truncate and cold reads on workers.
//
// Errors: LogError for what Kafka's protocol tells apart. What the disk answers is told apart by
// disk_failure.h: bytes that make no sense are corrupt_message (or unsupported_message_format), all
// else is storage_error, and only a device that has failed is reported to the environment, which
// takes the directory offline. Everything else passes by itself.
//
// Source: UnifiedLog, LocalLog. Transactions: the producer state keeps the first unstable offset.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"
#include "storage/batch_validator.h"
#include "storage/disk_failure.h"
#include "storage/leader_epoch_cache.h"
#include "storage/log_config.h"
#include "storage/log_environment.h"
#include "storage/log_error.h"
#include "storage/log_flusher.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

struct AppendRequest {
  base::MutableBytes records;  // exactly one v2 batch; changed in place
  base::LeaderEpoch leader_epoch;
  AppendOrigin origin = AppendOrigin::client;
  std::int64_t now_ms = 0;
  bool zstd_allowed = true;  // Produce 7 and above
};

struct AppendInfo {
  base::Offset base_offset{-1};
  base::Offset last_offset{-1};
  std::int64_t log_append_time_ms = -1;  // -1 unless the topic uses LogAppendTime
  base::Offset log_start_offset{0};
  bool is_duplicate = false;    // the batch was there already, at these offsets
  std::int64_t size_bytes = 0;  // 0 for a duplicate
  // flush.messages is reached: acknowledged (or, by a follower, fetched behind) only once
  // flusher().durable_offset() has passed last_offset. See LogFlusher::when_durable.
  bool must_flush = false;
};

struct ReadRequest {
  base::Offset from;
  base::Offset up_to;  // exclusive: high watermark, last stable offset or log end
  std::int64_t max_bytes = 0;
  bool at_least_one_batch = false;  // a first batch larger than max_bytes is given whole
  // False, for data loops: Errc::would_block instead of waiting for the device, be it for a file
  // to be opened, an index, batch headers, or the records themselves when they are sent. Then
  // have a worker call read_ahead. A plan of records that may be on the device only is cut to
  // kReadAheadBytes (a larger first batch is whole if it is asked for).
  bool may_block = true;
  // Fetch 0 and 1 know magic 0, Fetch 2 and 3 magic 1. Whole batches of formats up to this one are
  // given as they are stored; unsupported_message_format if the first is newer: none is converted.
  std::int8_t magic_max = protocol::kBatchMagic;
  bool wants_end_offset = false;  // ReadPlan::end_offset

  static constexpr std::int64_t kReadAheadBytes = std::int64_t{2} << 20;
};

// Whole batches of one segment, to be sent as they are. The first may begin below `from`.
struct ReadPlan {
  std::vector<runtime::FileSlice> slices;  // empty: nothing between from and up_to
  std::int64_t size_bytes = 0;
  bool is_cut = false;  // more lies below up_to
  // No batch of the plan begins at or above it. Set if asked for and there are slices.
  base::Offset end_offset{-1};
};

struct TimestampOffset {
  std::int64_t timestamp_ms = -1;
  base::Offset offset{-1};
  base::LeaderEpoch leader_epoch{-1};
};

// What a fetch needs, taken at one moment.
struct LogOffsets {
  base::Offset log_start;
  base::Offset high_watermark;
  base::Offset last_stable;
  base::Offset log_end;
};

struct OpenLogOptions {
  std::string log_dir;
  std::string directory_name;  // "<topic>-<partition>" or with a suffix
  base::TopicPartition topic_partition;
  std::shared_ptr<const LogConfig> config;
  bool had_clean_shutdown = false;
  // A sync has failed: recovery writes anew what it reads, as it may not be on the device.
  bool rewrites_unflushed = false;
  base::Offset recovery_point{0};
  base::Offset log_start_offset{0};
  base::Offset high_watermark{0};
  std::optional<base::Offset> cleaned_up_to;  // from the cleaner's checkpoint
  std::int64_t now_ms = 0;
  std::uint64_t random = 0;   // for segment jitter
  bool keep_topic_id = true;  // false: partition.metadata is deleted (IBP below 2.8)
  // Called with bytes as recovery reads them; may be null.
  std::function<void(std::int64_t bytes)> on_recovered;
  std::function<bool()> is_cancelled;
};

class PartitionLog {
 public:
  // Loads or creates; after an unclean stop recovers, cutting at the first invalid batch.
  static base::Result<std::unique_ptr<PartitionLog>> open(LogEnvironment& environment,
                                                          OpenLogOptions options);
  ~PartitionLog();
  PartitionLog(const PartitionLog&) = delete;
  PartitionLog& operator=(const PartitionLog&) = delete;

  const base::TopicPartition& topic_partition() const { return topic_partition_; }
  const std::string& log_dir() const { return log_dir_; }
  std::string directory() const EXCLUDES(published_mutex_);
  std::shared_ptr<const LogConfig> config() const EXCLUDES(published_mutex_);
  void set_config(std::shared_ptr<const LogConfig> config) EXCLUDES(published_mutex_);
  std::optional<base::TopicId> topic_id() const EXCLUDES(published_mutex_);
  // Written to partition.metadata at once, synced by the next flush: thousands of new partitions
  // must not wait for the device one by one. inconsistent_topic_id if it names another one.
  base::Result<void> assign_topic_id(base::TopicId id) EXCLUDES(append_mutex_);

  // --- append -------------------------------------------------------------------------------
  // Leader: validate (no lock; any thread) and append in one call, or apart.
  base::Result<AppendInfo> append(const AppendRequest& request,
                                  std::vector<RecordError>* record_errors = nullptr)
      EXCLUDES(append_mutex_);
  base::Result<ValidatedBatch> validate(const AppendRequest& request,
                                        std::vector<RecordError>* record_errors = nullptr) const;
  base::Result<AppendInfo> append_validated(const ValidatedBatch& validated,
                                            base::LeaderEpoch leader_epoch, std::int64_t now_ms)
      EXCLUDES(append_mutex_);
  // Follower: whole batches as fetched, offsets given; a cut-off last batch is ignored, and so is
  // all from the first batch on that is of an epoch above `epoch_max`. unexpected_append_offset
  // below the log end, unsupported_message_format for magic 0 and 1.
  base::Result<AppendInfo> append_as_follower(
      base::Bytes batches, std::int64_t now_ms,
      base::LeaderEpoch epoch_max = base::LeaderEpoch(INT32_MAX)) EXCLUDES(append_mutex_);

  // --- offsets ------------------------------------------------------------------------------
  base::Offset log_start_offset() const { return base::Offset(log_start_.load()); }
  base::Offset log_end_offset() const { return base::Offset(log_end_.load()); }
  base::Offset high_watermark() const { return base::Offset(high_watermark_.load()); }
  // Never above a transaction that is open, or whose end is not below the high watermark.
  base::Offset last_stable_offset() const;
  // Everything below is on the device.
  base::Offset durable_offset() const { return flusher_.durable_offset(); }
  base::Offset recovery_point() const { return flusher_.recovery_point(); }
  // flush.messages=1: nothing is read or acknowledged above durable_offset().
  bool is_bounded_by_durable() const {
    return is_bounded_by_durable_.load(std::memory_order_relaxed);
  }
  LogOffsets offsets() const EXCLUDES(published_mutex_);
  // Clamped to [log start, log end]; whether it may go back is the caller's rule. Returns what
  // it became.
  base::Offset set_high_watermark(base::Offset offset) EXCLUDES(append_mutex_);
  // Never goes back; at most the high watermark (else offset_out_of_range). True if it moved.
  base::Result<bool> advance_log_start_offset(base::Offset offset) EXCLUDES(append_mutex_);

  // --- leader epochs (cluster.md 9.5, 9.6) ----------------------------------------------------
  void assign_epoch_start(base::LeaderEpoch epoch, base::Offset start) {
    epochs_.assign(epoch, start);
  }
  std::optional<base::LeaderEpoch> latest_epoch() { return epochs_.latest_epoch(); }
  EpochEndOffset end_offset_for_epoch(base::LeaderEpoch epoch) {
    return epochs_.end_offset_for(epoch, log_end_offset());
  }
  LeaderEpochCache& epochs() { return epochs_; }

  // --- read -----------------------------------------------------------------------------------
  // offset_out_of_range unless log start <= from <= log end.
  base::Result<ReadPlan> plan_read(const ReadRequest& request) const EXCLUDES(published_mutex_);
  // On a worker, after would_block: waits until the records of a plan for `request` are in memory,
  // at most kReadAheadBytes of them. The plan given may be used as any other, or made anew with
  // plan_read: what is in memory now is there for a while, though nobody promises it.
  base::Result<ReadPlan> read_ahead(ReadRequest request) const EXCLUDES(published_mutex_);
  // Reads a plan into memory: for coordinators and tests; large reads belong on a worker.
  base::Result<base::Buffer> read(const ReadRequest& request) const EXCLUDES(published_mutex_);

  // The aborted transactions that readers of [from, up_to) must skip (READ_COMMITTED).
  // Without `may_block` Errc::would_block where a file was not looked at yet (read_ahead does).
  base::Result<std::vector<AbortedTransaction>> aborted_transactions(base::Offset from,
                                                                     base::Offset up_to,
                                                                     bool may_block = true) const
      EXCLUDES(published_mutex_);

  // First record with timestamp >= target at or above the log start; nullopt if none.
  base::Result<std::optional<TimestampOffset>> offset_for_timestamp(std::int64_t target_ms) const
      EXCLUDES(published_mutex_);
  // The record with the largest timestamp (ListOffsets -3); nullopt in an empty log.
  base::Result<std::optional<TimestampOffset>> offset_of_max_timestamp() const
      EXCLUDES(published_mutex_);
  // ListOffsets -2 and -1, with their epochs.
  TimestampOffset earliest_offset() const;
  TimestampOffset latest_offset() const;
  // ListOffsets 0: at most `count_max` segment starts (and the log end) whose segments were last
  // modified at or before `target_ms`, descending. Targets -1 and -2 as in Kafka.
  base::Result<std::vector<base::Offset>> offsets_before(std::int64_t target_ms,
                                                         std::int32_t count_max,
                                                         std::int64_t now_ms) const
      EXCLUDES(published_mutex_);

  // --- change of history ------------------------------------------------------------------------
  // Cuts so that the log end is `offset`; false if it was at or below it already. The caller
  // writes the recovery point checkpoint before it acknowledges new appends (LogManager does).
  base::Result<bool> truncate_to(base::Offset offset, std::int64_t now_ms) EXCLUDES(append_mutex_);
  base::Result<void> truncate_fully_and_start_at(base::Offset offset, std::int64_t now_ms,
                                                 std::optional<base::Offset> log_start = {})
      EXCLUDES(append_mutex_);

  // --- upkeep (workers) -------------------------------------------------------------------------
  base::Result<void> roll(std::int64_t now_ms) EXCLUDES(append_mutex_);
  // Flushing, waiting for it, closing.
  LogFlusher& flusher() { return flusher_; }
  const LogFlusher& flusher() const { return flusher_; }
  // Retention by start offset, size and time; the number of segments deleted.
  base::Result<int> delete_old_segments(std::int64_t now_ms) EXCLUDES(append_mutex_);
  void remove_expired_producers(std::int64_t now_ms) EXCLUDES(append_mutex_);
  std::vector<ProducerEntry> active_producers() EXCLUDES(append_mutex_);
  std::int64_t size_bytes() const EXCLUDES(published_mutex_);
  std::size_t segment_count() const EXCLUDES(published_mutex_);
  // First segment's base: a log start above it is what log-start-offset-checkpoint keeps.
  base::Offset first_segment_base() const EXCLUDES(published_mutex_);

  // --- compaction (storage/compaction; workers) -------------------------------------------------
  // Ascending, never empty; the last one is active.
  std::shared_ptr<const SegmentList> segments() const EXCLUDES(published_mutex_);
  // Counts truncations: what was planned before one is void.
  std::uint64_t generation() const { return generation_->load(std::memory_order_acquire); }
  // The first offset that compaction has not looked at; nullopt: never compacted. Truncation lowers
  // it. Setting it does nothing after a truncation.
  std::optional<base::Offset> cleaned_up_to() const;
  void set_cleaned_up_to(base::Offset offset, std::uint64_t generation) EXCLUDES(append_mutex_);
  // Puts `replacement`, whose files end in ".cleaned" and are synced, in the place of `replaced`:
  // successive inactive segments with the same first base. Errc::cancelled, with nothing changed,
  // if the log no longer holds exactly these. Any crash leaves the old ones or the new one.
  base::Result<void> replace_segments(const SegmentList& replaced,
                                      const std::shared_ptr<Segment>& replacement,
                                      std::uint64_t generation) EXCLUDES(append_mutex_);
  LogEnvironment& environment() const { return environment_; }

  // The directory is deleted or offline: everything from now on is storage_error, no file is
  // touched any more.
  void abandon() EXCLUDES(append_mutex_);
  bool is_usable() const { return !is_abandoned_.load(); }
  // Step one of deletion: the directory gets another name, and the log is abandoned before that,
  // so that whoever is at work in it takes missing files for what they are. With an error, and the
  // device alive, everything is as before.
  base::Result<void> retire_directory(const std::string& new_name) EXCLUDES(append_mutex_);

 private:
  friend class LogFlusher;

  PartitionLog(LogEnvironment& environment, const OpenLogOptions& options);

  // A batch boundary whose place in the last segment is known.
  struct Boundary {
    base::Offset offset{-1};
    std::int64_t position = 0;
  };
  // What readers see, always consistent in itself.
  struct Published {
    std::shared_ptr<const SegmentList> segments;
    std::int64_t end_position = 0;  // of the log end, in the last segment
    std::uint64_t generation = 0;
    // Recent boundaries of the last segment, a ring: a tail fetch and a moving high watermark
    // find their place here and read nothing.
    static constexpr std::size_t kBoundaries = 64;
    std::array<Boundary, kBoundaries> boundaries;
    std::size_t next_boundary = 0;
  };
  // The part of it that one read copies.
  struct ReadView {
    std::shared_ptr<const SegmentList> segments;
    base::Offset log_end;
    std::int64_t end_position = 0;
    std::uint64_t generation = 0;
    std::int64_t from_position = -1;  // -1: not known
    std::int64_t up_to_position = -1;
  };

  base::Result<void> load(const OpenLogOptions& options) EXCLUDES(append_mutex_);
  ReadView read_view(base::Offset from, base::Offset up_to) const EXCLUDES(published_mutex_);
  void remember_boundary(const ReadView& view, Boundary boundary) const EXCLUDES(published_mutex_);
  // Not above `piece_bytes`, unless the first batch is.
  base::Result<ReadPlan> plan_piece(const ReadRequest& request, std::int64_t piece_bytes) const
      EXCLUDES(published_mutex_);
  base::Result<ReadPlan> plan_once(const ReadRequest& request, std::int64_t piece_bytes) const
      EXCLUDES(published_mutex_);
  base::Result<ReadPlan> plan_in_segment(const ReadView& view, std::size_t index,
                                         const ReadRequest& request,
                                         std::int64_t piece_bytes) const;
  base::Result<std::int64_t> end_of_format(const std::shared_ptr<runtime::File>& file,
                                           std::int64_t start, std::int64_t end,
                                           const ReadRequest& request) const;
  base::Result<std::int64_t> end_in_segment(const ReadView& view, std::size_t index,
                                            base::Offset up_to, bool may_block) const;
  base::Result<std::optional<TimestampOffset>> find_timestamp(Segment& segment,
                                                              std::int64_t end_position,
                                                              std::int64_t target_ms) const;
  std::int64_t end_position_of(const ReadView& view, std::size_t index) const;
  // What was written lately is in memory: what the device need not have yet.
  bool may_be_cold(base::Offset offset) const { return offset < recovery_point(); }

  base::Result<void> append_run(base::Bytes run, const AppendNeeds& needs, base::Offset first,
                                std::int64_t now_ms) REQUIRES(append_mutex_);
  base::Result<AppendInfo> append_fetched(base::Bytes batches, std::int64_t now_ms,
                                          base::LeaderEpoch epoch_max) REQUIRES(append_mutex_);
  base::Result<void> after_write(base::Bytes run, std::int64_t position, const LogConfig& config,
                                 std::int64_t now_ms) REQUIRES(append_mutex_);
  base::Result<void> end_transaction(const CompletedTransaction& transaction)
      REQUIRES(append_mutex_);
  base::Result<void> roll_locked(base::Offset base, std::int64_t now_ms) REQUIRES(append_mutex_);
  base::Result<bool> truncate_unless_shorter(base::Offset offset, std::int64_t now_ms)
      EXCLUDES(append_mutex_);
  base::Result<void> truncate_locked(base::Offset offset, std::int64_t now_ms)
      REQUIRES(append_mutex_);
  base::Result<void> start_over_locked(base::Offset offset, base::Offset log_start,
                                       std::int64_t now_ms) REQUIRES(append_mutex_);
  void lower_offsets_to(base::Offset offset) REQUIRES(append_mutex_);
  base::Result<int> delete_first_segments(std::size_t count, const char* reason,
                                          std::int64_t now_ms) REQUIRES(append_mutex_);
  std::size_t count_deletable(const SegmentList& segments, const LogConfig& config,
                              std::int64_t now_ms, const char*& reason) REQUIRES(append_mutex_);
  base::Result<void> retire(const SegmentList& segments, const LogConfig& config)
      REQUIRES(append_mutex_);
  void publish(SegmentList segments, std::int64_t end_position, base::Offset log_end,
               std::uint64_t generation) REQUIRES(append_mutex_) EXCLUDES(published_mutex_);
  void publish_end(std::int64_t end_position, base::Offset log_end) REQUIRES(append_mutex_)
      EXCLUDES(published_mutex_);
  void lower_cleaned_up_to(base::Offset offset) REQUIRES(append_mutex_);
  base::Result<void> swap_files(const SegmentList& replaced, Segment& replacement)
      REQUIRES(append_mutex_);
  void hand_to_reaper(const Segment& segment, const LogConfig& config);
  void update_first_unstable_offset() REQUIRES(append_mutex_);
  std::int64_t jitter_ms(const LogConfig& config) const;
  base::Result<void> check_usable() const;
  // What the disk answered as a LogError, after its treatment (disk_failure.h). A LogError stays.
  std::unexpected<base::Error> failed(const base::Error& error, DiskAccess access) const;
  std::unexpected<base::Error> disk_failed(const base::Error& error) const {  // of a read
    return failed(error, DiskAccess::read);
  }
  std::unexpected<base::Error> write_failed(const base::Error& error) const {
    return failed(error, DiskAccess::write);
  }
  base::Result<void> or_write_failed(base::Result<void> result) const;
  // A change of the log's shape that stopped half way: only a load can bring the files into order,
  // so the log is abandoned whatever the reason was, and the directory goes offline if the reason
  // lies there.
  std::unexpected<base::Error> half_done(const base::Error& error) const;

  LogEnvironment& environment_;
  const base::TopicPartition topic_partition_;
  const std::string log_dir_;
  const std::uint64_t random_;
  LeaderEpochCache epochs_;

  // Lock order: the flusher's flush mutex, append_mutex_, then one of the short leaf locks
  // (published_mutex_ and those inside the flusher, the epoch cache, the indexes, the caches).
  mutable base::Mutex append_mutex_;
  ProducerState producers_ GUARDED_BY(append_mutex_);
  std::shared_ptr<Segment> active_ GUARDED_BY(append_mutex_);

  mutable base::Mutex published_mutex_;
  mutable Published published_ GUARDED_BY(published_mutex_);
  std::shared_ptr<const LogConfig> config_ GUARDED_BY(published_mutex_);
  std::string directory_ GUARDED_BY(published_mutex_);
  std::optional<base::TopicId> topic_id_ GUARDED_BY(published_mutex_);

  // Written under append_mutex_, read anywhere.
  std::atomic<std::int64_t> log_start_{0};
  std::atomic<std::int64_t> log_end_{0};
  std::atomic<std::int64_t> high_watermark_{0};
  std::atomic<std::int64_t> first_unstable_{-1};
  std::atomic<std::int64_t> cleaned_up_to_{-1};  // -1: never
  std::atomic<bool> is_bounded_by_durable_{false};
  mutable std::atomic<bool> is_abandoned_{false};
  const std::shared_ptr<std::atomic<std::uint64_t>> generation_;
  LogFlusher flusher_{*this};
};

}  // namespace storage
