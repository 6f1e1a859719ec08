// Purpose: all logs of a broker: its log directories with their locks, identity and checkpoints;
// loading, creating, deleting; the periodic upkeep that the broker calls on workers.
// Source: LogManager, contract disk.md 1.
//
// Life: open() locks the directories; check_identity() once the cluster id is known; load();
// serve; close(). Thread-safe. Calls marked (worker) wait for the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"
#include "runtime/random.h"
#include "storage/checkpoint_file.h"
#include "storage/file_reaper.h"
#include "storage/log_directory.h"
#include "storage/log_environment.h"
#include "storage/log_table.h"
#include "storage/meta_properties.h"
#include "storage/partition_log.h"

namespace storage {

struct LogManagerOptions {
  std::vector<std::string> log_dirs;
  std::int32_t recovery_threads_per_dir = 1;  // num.recovery.threads.per.data.dir
  std::size_t open_files_max = 10'000;        // `.log` descriptors
  std::size_t index_cache_bytes = 16 * 1024 * 1024;
  bool keep_partition_metadata = true;  // inter.broker.protocol.version >= 2.8
  // The settings of a topic's logs; called while loading and creating. Any thread.
  std::function<std::shared_ptr<const LogConfig>(const std::string& topic)> config_of;
  // A directory went offline; its logs are already out of sight. Called by settle_failure() alone,
  // never from inside a call to a log.
  std::function<void(const std::string& log_dir, const base::Error&)> on_directory_failed;
  // Has settle_failure() called soon, elsewhere: this is called under locks of logs. Any thread.
  // Null: the next call of a LogManager's function that waits for the disk does it at its end.
  std::function<void(const std::string& log_dir)> post_settling;
  // Runs a job that waits for the device of `log_dir` on a worker. Null: at once.
  std::function<void(const std::string& log_dir, std::move_only_function<void()> job)> run_on_disk;
  // Retention moved the start of a log. Called without any lock, on the worker of the retention.
  std::function<void(const base::TopicPartition&)> on_log_start_moved;
};

// Runs each function it is given on some worker; may run it at once.
using Executor = std::function<void(std::function<void()>)>;

class LogManager {
 public:
  // Makes missing directories, takes their locks. A directory that fails is offline from the
  // start; none left, or a lock held elsewhere, is an error that names it.
  static base::Result<std::unique_ptr<LogManager>> open(runtime::FileSystem& files,
                                                        runtime::Random& random,
                                                        LogManagerOptions options);
  ~LogManager();
  LogManager(const LogManager&) = delete;
  LogManager& operator=(const LogManager&) = delete;

  // --- identity (meta.properties) -------------------------------------------------------------
  // What the directories say; they agree, else open() failed.
  std::optional<base::BrokerId> stored_broker_id() const { return stored_.broker_id; }
  std::optional<std::string> stored_cluster_id() const { return stored_.cluster_id; }
  // invalid_argument when a directory belongs to another broker or cluster; writes what is
  // missing. (worker)
  base::Result<void> check_identity(base::BrokerId broker_id, const std::string& cluster_id,
                                    std::int64_t now_ms);

  // --- loading (worker; blocks until all logs are loaded) --------------------------------------
  // The calling thread loads too, so an executor without a free worker is no deadlock. Progress
  // is logged. A partition that exists twice, or a directory that is not a partition's, refuses
  // the start; a log that cannot be read takes its directory offline.
  base::Result<void> load(const Executor& executor, std::function<std::int64_t()> now_ms);
  // Any thread: makes a load under way, or one to come, end soon with Errc::cancelled.
  void cancel_load() { is_load_cancelled_.store(true); }

  // --- logs
  // ---------------------------------------------------------------------------------------
  std::shared_ptr<PartitionLog> find(const base::TopicPartition& partition) const EXCLUDES(mutex_);
  std::vector<std::shared_ptr<PartitionLog>> all() const EXCLUDES(mutex_);
  // Topics that have a log here, in no particular order.
  std::vector<std::string> topics() const EXCLUDES(mutex_);
  bool has_topic(const std::string& topic) const EXCLUDES(mutex_);
  // The existing log or a new one in the live directory with the fewest partitions. A topic id is
  // written to it if given (inconsistent_topic_id if it has another). storage_error if the
  // partition may lie in an offline directory: it is known to, or `is_new` is false and there is
  // one. (worker)
  base::Result<std::shared_ptr<PartitionLog>> get_or_create(const base::TopicPartition& partition,
                                                            std::optional<base::TopicId> id,
                                                            std::int64_t now_ms, bool is_new = true)
      EXCLUDES(mutex_);
  // The same in two steps, for whoever has a worker for each directory. First: where the log is, or
  // where it will be made if it has none; the same answer for all who ask until each has released
  // it. Empty, with nothing to release: it may lie in an offline directory, or none is usable. Does
  // not wait for the disk.
  std::string reserve_place(const base::TopicPartition& partition) EXCLUDES(mutex_);
  void release_place(const base::TopicPartition& partition) EXCLUDES(mutex_);
  // Where the log is, or is about to be made; empty if neither.
  std::string known_place(const base::TopicPartition& partition) const EXCLUDES(mutex_);
  base::Result<std::shared_ptr<PartitionLog>> get_or_create_in(
      const std::string& log_dir, const base::TopicPartition& partition,
      std::optional<base::TopicId> id, std::int64_t now_ms) EXCLUDES(mutex_);
  // Step one of deletion: the directory is renamed to `-delete` and the log is gone from view.
  // Not found: nothing to do. What checkpoints say of it stays there for a while, until its name is
  // used again at the latest. (worker)
  base::Result<void> remove(const std::vector<base::TopicPartition>& partitions) EXCLUDES(mutex_);
  // Truncations, then the recovery point checkpoints of the directories touched. One result for
  // each. (worker)
  struct Truncation {
    std::shared_ptr<PartitionLog> log;
    base::Offset offset;
    bool fully = false;  // truncate_fully_and_start_at
  };
  std::vector<base::Result<void>> truncate(const std::vector<Truncation>& truncations,
                                           std::int64_t now_ms);
  // num.recovery.threads.per.data.dir, for the stop.
  void set_recovery_threads(std::int32_t per_dir) { recovery_threads_per_dir_.store(per_dir); }
  // Calls set_config on the topic's logs.
  void update_config(const std::string& topic, std::shared_ptr<const LogConfig> config)
      EXCLUDES(mutex_);

  // --- directories ------------------------------------------------------------------------------
  std::vector<std::string> live_directories() const;
  std::vector<std::string> offline_directories() const;
  // The partition is known to lie in an offline directory.
  bool is_offline(const base::TopicPartition& partition) const EXCLUDES(mutex_);
  // Notes that the device of a directory has failed: from this moment on it is not used any more.
  // Any thread, also under the locks of a log.
  void take_offline(const std::string& log_dir, const base::Error& error) EXCLUDES(failures_mutex_);
  // Takes the logs of a failed directory out of sight and tells of it. No lock of a log held.
  void settle_failure(const std::string& log_dir) EXCLUDES(failures_mutex_, mutex_);

  // --- upkeep (worker), each as often as its config says -----------------------------------------
  // Of one directory, so that one that hangs holds up nothing but itself. Nothing is done for a
  // directory that is offline. An error, for a log line, has been dealt with: if the device has
  // failed, the directory is offline.
  base::Result<void> checkpoint_recovery_points(const std::string& log_dir);
  base::Result<void> checkpoint_log_start_offsets(const std::string& log_dir);
  base::Result<void> checkpoint_high_watermarks(const std::string& log_dir);
  base::Result<void> checkpoint_cleaned_offsets(const std::string& log_dir);
  void flush_due_logs(const std::string& log_dir, std::int64_t now_ms);
  void apply_retention(const std::string& log_dir, std::int64_t now_ms);
  void remove_expired_producers(const std::string& log_dir, std::int64_t now_ms);
  // Step two of deletion: unlinks what has waited for its delay.
  void remove_due_files(const std::string& log_dir, std::int64_t now_ms);

  // Clean shutdown: flushes and closes every log, writes the checkpoints and, per directory
  // without an error, the clean shutdown marker. Unlocks. Where very many logs have something to
  // flush, all at once: one sync of the file system instead of several for each. Without a
  // complete load there is nothing to vouch for: what the directories say stays. (worker)
  void close(const Executor& executor, std::int64_t now_ms);

 private:
  struct LoadJob;
  struct LoadProgress;
  using Logs = std::vector<std::shared_ptr<PartitionLog>>;
  using Directories = std::vector<std::shared_ptr<LogDirectory>>;

  LogManager(runtime::FileSystem& files, runtime::Random& random, LogManagerOptions options);

  base::Result<void> open_directories();
  base::Result<void> read_identity();
  base::Result<std::vector<LoadJob>> plan_load();
  base::Result<std::vector<LoadJob>> plan_load_of(LogDirectory& directory);
  base::Result<void> ignore_stranger(const std::string& path, const base::Error& error);
  void load_one(const LoadJob& job, LoadProgress& progress, std::int64_t now_ms);
  // Calls `work` for every index below `count`, on this thread and on the executor's.
  static void run_parallel(std::size_t count, std::size_t threads, const Executor& executor,
                           std::function<void(std::size_t index)> work);
  std::shared_ptr<LogDirectory> directory_of(const std::string& log_dir) const;
  std::string emptiest_directory() const REQUIRES(mutex_);
  void put_log(std::shared_ptr<PartitionLog> log) REQUIRES(mutex_);
  std::shared_ptr<PartitionLog> take_log(const base::TopicPartition& partition) REQUIRES(mutex_);
  Logs logs_in(const std::string& log_dir) const EXCLUDES(mutex_);
  static std::optional<base::Offset> checkpointed_offset(const char* name, const PartitionLog& log);
  Directories live() const;
  // Those of them that are clean on the device afterwards are closed; the directories of others.
  std::set<std::string> close_logs(const Logs& logs, const Executor& executor, std::int64_t now_ms);
  void close_loaded(const Executor& executor, std::int64_t now_ms);
  bool stage_and_sync(const LogDirectory& directory, const Logs& logs);
  bool sync_at_once(const LogDirectory& directory);
  base::Result<void> write_checkpoint(LogDirectory& directory, const char* name);
  base::Result<void> write_checkpoint_of(const std::string& log_dir, const char* name);
  // Whether checkpoints of the directory may name a log that is no longer there: one of the same
  // name that is made now would be taken for it after a crash.
  bool is_left_over(const std::string& log_dir, const base::TopicPartition& partition) const
      EXCLUDES(mutex_);
  // Writes all checkpoints of the directory, so that nothing is left over. (worker)
  base::Result<void> drop_left_overs(LogDirectory& directory) EXCLUDES(mutex_);
  void mark_failed_sync(const std::string& log_dir);
  base::Result<void> finish_rewrite(LogDirectory& directory);
  void settle_unless_posted() EXCLUDES(failures_mutex_, mutex_);
  // Environment's run_on_disk: remembers that a job is under way.
  void run_job(const std::string& log_dir, std::move_only_function<void()> job);

  runtime::FileSystem& files_;
  runtime::Random& random_;
  const LogManagerOptions options_;
  DescriptorCache descriptors_;
  IndexPageCache index_pages_;
  LogEnvironment environment_;
  MetaProperties stored_;
  Directories directories_;  // fixed after open
  bool is_loaded_ = false;
  std::atomic<bool> is_load_cancelled_{false};
  std::atomic<std::int32_t> recovery_threads_per_dir_;

  mutable base::Mutex mutex_;
  LogTable logs_ GUARDED_BY(mutex_);
  std::set<base::TopicPartition> offline_partitions_ GUARDED_BY(mutex_);
  std::unordered_map<std::string, std::int64_t> log_counts_ GUARDED_BY(mutex_);  // by directory
  // By directory: partitions that its checkpoints may name without a log, each with a number of
  // its own. No more than there are logs, or than kLeftOversMax.
  using LeftOvers = std::unordered_map<base::TopicPartition, std::uint64_t>;
  static constexpr std::size_t kLeftOversMax = 1'000;
  std::unordered_map<std::string, LeftOvers> left_overs_ GUARDED_BY(mutex_);
  std::uint64_t next_left_over_ GUARDED_BY(mutex_) = 0;
  struct Place {
    std::string log_dir;
    std::size_t users = 0;
    bool is_counted = false;  // in log_counts_, as the log to come
  };
  std::unordered_map<base::TopicPartition, Place> places_ GUARDED_BY(mutex_);

  base::Mutex failures_mutex_;                                               // a leaf
  std::map<std::string, base::Error> failures_ GUARDED_BY(failures_mutex_);  // not settled
  std::set<std::string> failed_syncs_ GUARDED_BY(failures_mutex_);           // not marked
  std::atomic<std::int64_t> jobs_{0};  // given to run_on_disk and not finished
};

}  // namespace storage
