// Purpose: brings a log to the device, and knows how much of it is there: owns the durable offset,
// the one flush in flight, and those who wait for a flush. Part of PartitionLog, whose append lock
// guards what is taken for a flush.
//
// Everything below durable_offset() is on the device, in this history of the log: truncation lowers
// it, and a flush that began before a truncation raises nothing. A flush vouches only for what was
// written before its first sync: each mark of something written is set after the write, taken
// before the sync, and given back when the flush fails.
//
// Group commit: who asks starts a flush on a worker if none is in flight; those who ask meanwhile
// share the next one. Such a flush syncs the records alone: a crash costs the indexes and what else
// recovery makes anew from the recovery point on, which a full flush in the background moves. What
// stands behind "durable" is syncing the log; a write-ahead ring may take its place without anybody
// outside noticing.
#pragma once

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
#include "storage/offset_waiters.h"
#include "storage/segment.h"

namespace storage {

class PartitionLog;

// Told that durable_offset() of a log whose readers are bounded by it has moved.
class DurableListener {
 public:
  virtual ~DurableListener() = default;
  virtual void on_durable() = 0;  // on a worker, no lock of the log held
};

class LogFlusher {
 public:
  // Ok: on the device. Errc::cancelled: truncated away. LogError::storage_error: not known to be
  // there. Called once, on any thread, without locks of the log.
  using Done = std::move_only_function<void(base::Result<void>)>;
  using Ticket = OffsetWaiters<Done>::Ticket;

  explicit LogFlusher(PartitionLog& log) : log_(log) {}

  // --- any thread ---------------------------------------------------------------------------
  base::Offset durable_offset() const { return base::Offset(durable_.load()); }
  // Where recovery after a crash must begin: at or below durable_offset().
  base::Offset recovery_point() const { return base::Offset(recovery_point_.load()); }
  void set_listener(std::weak_ptr<DurableListener> listener) EXCLUDES(waiters_mutex_);
  // Calls `done` once everything below `offset` is on the device. Starts a flush of `log`, which is
  // this flusher's and stays alive for it, if that takes one. Nullopt: called already.
  std::optional<Ticket> when_durable(const std::shared_ptr<PartitionLog>& log, base::Offset offset,
                                     Done done) EXCLUDES(waiters_mutex_);
  // The same, with nobody waiting.
  void start(const std::shared_ptr<PartitionLog>& log, base::Offset offset)
      EXCLUDES(waiters_mutex_);
  // `done` will not be called if it hasn't been.
  void forget(const Ticket& ticket) EXCLUDES(waiters_mutex_);

  // --- workers ------------------------------------------------------------------------------
  // Enough bytes or time since the last flush, or a rolled segment waits.
  bool is_due(std::int64_t now_ms) const;
  // Everything up to the log end is on the device when this returns; moves the recovery point.
  base::Result<void> flush(std::int64_t now_ms) { return flush(Extent::everything, now_ms); }
  // Leaves the files as Kafka expects them after a clean shutdown, on the device. The log is not
  // used after it.
  base::Result<void> close(std::int64_t now_ms) EXCLUDES(flush_mutex_);
  // The same in steps, for very many logs at once: finish_files, stage_files, then the caller
  // brings the whole file system to the device, then close_synced, and that again for the names.
  // The first returns whether there is anything to bring; the last flushes by itself if something
  // was written meanwhile.
  base::Result<bool> finish_files();
  base::Result<void> stage_files();
  base::Result<void> close_synced(std::int64_t now_ms) EXCLUDES(flush_mutex_);

  // --- the log, its append lock held ---------------------------------------------------------
  struct Loaded {
    base::Offset recovery_point;
    base::Offset log_end;
    bool has_new_directory = false;
    bool has_new_files = false;
  };
  void on_loaded(const Loaded& loaded, std::int64_t now_ms);
  void on_written(std::int64_t bytes, std::int64_t now_ms);
  void on_new_files() { has_new_files_.store(true); }  // or names that changed
  void on_topic_id() { has_unsynced_topic_id_.store(true); }
  // Whether an append that ended the log at `end` has to be on the device before it is
  // acknowledged: flush.messages is reached. The caller starts the flush.
  bool must_flush(base::Offset end, std::int64_t flush_messages);
  // The same for a batch that was appended before.
  bool must_flush_duplicate(base::Offset end, std::int64_t flush_messages) const;
  // The log was cut to `offset`, or is empty and starts there; recovery begins at
  // `recovery_point`. deliver_cut() follows once the lock is gone.
  void on_truncated(base::Offset offset, base::Offset recovery_point) EXCLUDES(waiters_mutex_);
  void on_started_over(base::Offset offset) EXCLUDES(waiters_mutex_);
  // --- no lock held ---------------------------------------------------------------------------
  void deliver_cut() EXCLUDES(waiters_mutex_);

 private:
  // What one flush brings to the device.
  struct Work {
    bool is_full = false;
    std::shared_ptr<const SegmentList> segments;
    base::Offset end;
    std::uint64_t generation = 0;
    std::int64_t bytes = 0;
    std::vector<std::string> snapshots;
    std::string directory;
    bool has_new_directory = false;
    bool has_new_files = false;
    bool has_topic_id = false;
  };

  enum class Extent { records, everything };
  base::Result<void> flush(Extent extent, std::int64_t now_ms)
      EXCLUDES(flush_mutex_, waiters_mutex_);
  base::Result<void> flush_once(Extent extent, std::int64_t now_ms) REQUIRES(flush_mutex_);
  base::Result<Work> take(Extent extent);
  // Append lock held.
  base::Result<void> take_snapshot(const SegmentList& segments) NO_THREAD_SAFETY_ANALYSIS;
  base::Result<void> sync(const Work& work);
  base::Result<void> sync_file(const std::string& path);
  void give_back(Work work);
  void cut(base::Offset offset) EXCLUDES(waiters_mutex_);
  void notify() EXCLUDES(waiters_mutex_);
  void submit(std::shared_ptr<PartitionLog> log);
  void run(const std::shared_ptr<PartitionLog>& log) EXCLUDES(waiters_mutex_);

  PartitionLog& log_;
  base::Mutex flush_mutex_;  // one flush at a time; before the log's append lock

  std::atomic<std::int64_t> durable_{0};
  std::atomic<std::int64_t> recovery_point_{0};
  std::atomic<std::int64_t> wanted_{0};  // a flush up to here was asked for
  std::atomic<std::int64_t> unflushed_bytes_{0};
  std::atomic<std::int64_t> unflushed_since_ms_{-1};
  std::atomic<bool> has_new_directory_{false};
  std::atomic<bool> has_unsynced_topic_id_{false};
  std::atomic<bool> has_new_files_{false};      // rolled since the last flush
  std::atomic<std::int64_t> finished_end_{-1};  // log end at finish_files

  base::Mutex waiters_mutex_;  // a leaf
  OffsetWaiters<Done> waiters_ GUARDED_BY(waiters_mutex_);
  std::vector<Done> cut_waiters_ GUARDED_BY(waiters_mutex_);
  std::weak_ptr<DurableListener> listener_ GUARDED_BY(waiters_mutex_);
  bool is_submitted_ GUARDED_BY(waiters_mutex_) = false;
  std::atomic<bool> has_cut_waiters_{false};
};

}  // namespace storage
