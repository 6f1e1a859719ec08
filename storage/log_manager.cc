// Directories, identity, upkeep. Where logs are made: log_manager_create.cc; loading and the clean
// stop: log_manager_load.cc, _close.cc.
#include "storage/log_manager.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "storage/disk_failure.h"

namespace storage {

LogManager::LogManager(runtime::FileSystem& files, runtime::Random& random,
                       LogManagerOptions options)
    : files_(files),
      random_(random),
      options_(std::move(options)),
      descriptors_(files, options_.open_files_max),
      index_pages_(files, options_.index_cache_bytes),
      environment_{files,
                   descriptors_,
                   index_pages_,
                   [this](const std::string& log_dir, const base::Error& error) {
                     take_offline(log_dir, error);
                   },
                   [this](std::vector<std::string> paths, std::int64_t delay_ms) {
                     if (paths.empty()) return;
                     for (const auto& directory : directories_) {
                       if (!paths.front().starts_with(directory->path() + "/")) continue;
                       return directory->reaper().add(std::move(paths), delay_ms);
                     }
                   },
                   [this](const std::string& log_dir, std::move_only_function<void()> job) {
                     run_job(log_dir, std::move(job));
                   }},
      recovery_threads_per_dir_(options_.recovery_threads_per_dir) {}

LogManager::~LogManager() {
  // What logs have given to workers refers to this object.
  for (std::int64_t jobs = jobs_.load(); jobs != 0; jobs = jobs_.load()) jobs_.wait(jobs);
}

void LogManager::run_job(const std::string& log_dir, std::move_only_function<void()> job) {
  if (options_.run_on_disk == nullptr) return job();
  jobs_.fetch_add(1);
  options_.run_on_disk(log_dir, [this, job = std::move(job)]() mutable {
    job();
    job = nullptr;  // and what it holds
    if (jobs_.fetch_sub(1) == 1) jobs_.notify_all();
  });
}

base::Result<std::unique_ptr<LogManager>> LogManager::open(runtime::FileSystem& files,
                                                           runtime::Random& random,
                                                           LogManagerOptions options) {
  std::unique_ptr<LogManager> manager(new LogManager(files, random, std::move(options)));
  TRY(manager->open_directories());
  TRY(manager->read_identity());
  return manager;
}

base::Result<void> LogManager::open_directories() {
  std::optional<base::Error> last_error;
  for (const std::string& path : options_.log_dirs) {
    auto directory = std::make_shared<LogDirectory>(files_, path);
    directories_.push_back(directory);
    const auto opened = directory->open();
    if (opened) continue;
    if (opened.error().is(base::Errc::unavailable)) {
      return base::fail(
          base::Errc::unavailable,
          opened.error().context() + "; another broker is running on this log directory");
    }
    if (opened.error().is(base::Errc::invalid_argument)) return opened;
    if (classify(opened.error(), DiskAccess::write) == DiskFailure::out_of_descriptors) {
      return opened;
    }
    directory->take_offline();
    LOG_ERROR("log directory offline dir={} error=\"{}\"", path, opened.error().to_string());
    last_error = opened.error();
  }
  if (!live().empty()) return {};
  if (last_error) return base::fail(*last_error);
  return base::fail(base::Errc::invalid_argument, "log.dirs is empty");
}

// --- identity ------------------------------------------------------------------------------------

base::Result<void> LogManager::read_identity() {
  std::set<std::string> directory_ids;
  for (const auto& directory : live()) {
    const auto& meta = directory->meta_properties();
    if (!meta) continue;
    if (!meta->broker_id || !meta->cluster_id) {
      LOG_WARN(
          "{}/meta.properties has no {}, so whose directory this is cannot be checked; it is "
          "written anew for this broker",
          directory->path(),
          meta->broker_id    ? "cluster.id"
          : meta->cluster_id ? "broker.id"
                             : "broker.id and cluster.id");
    }
    if (meta->directory_id && !directory_ids.insert(*meta->directory_id).second) {
      return base::fail(base::Errc::invalid_argument,
                        directory->path() + "/meta.properties has the directory.id of another " +
                            "directory: one is a copy of the other");
    }
    const bool has_other_broker =
        meta->broker_id && stored_.broker_id && meta->broker_id != stored_.broker_id;
    const bool has_other_cluster =
        meta->cluster_id && stored_.cluster_id && meta->cluster_id != stored_.cluster_id;
    if (has_other_broker || has_other_cluster) {
      return base::fail(base::Errc::invalid_argument,
                        directory->path() + "/meta.properties names another broker.id or " +
                            "cluster.id than the other log directories");
    }
    if (meta->broker_id) stored_.broker_id = meta->broker_id;
    if (meta->cluster_id) stored_.cluster_id = meta->cluster_id;
  }
  return {};
}

base::Result<void> LogManager::check_identity(base::BrokerId broker_id,
                                              const std::string& cluster_id, std::int64_t now_ms) {
  if (stored_.broker_id.value_or(broker_id) != broker_id) {
    return base::fail(base::Errc::invalid_argument,
                      fmt::format("broker.id is {}, but the log directories belong to broker {}: "
                                  "correct broker.id or log.dirs",
                                  broker_id, *stored_.broker_id));
  }
  if (stored_.cluster_id.value_or(cluster_id) != cluster_id) {
    return base::fail(base::Errc::invalid_argument,
                      fmt::format("the cluster id is {}, but the log directories belong to "
                                  "cluster {}: correct zookeeper.connect or log.dirs",
                                  cluster_id, *stored_.cluster_id));
  }
  for (const auto& directory : live()) {
    MetaProperties wanted = directory->meta_properties().value_or(MetaProperties());
    wanted.broker_id = broker_id;
    wanted.cluster_id = cluster_id;
    if (directory->meta_properties() == wanted) continue;
    if (const auto written = directory->write_meta_properties(wanted, now_ms); !written) {
      take_offline(directory->path(), written.error());
    }
  }
  stored_.broker_id = broker_id;
  stored_.cluster_id = cluster_id;
  if (live().empty()) return base::fail(base::Errc::unavailable, "no log directory is usable");
  return {};
}

// --- logs ----------------------------------------------------------------------------------------

std::shared_ptr<PartitionLog> LogManager::find(const base::TopicPartition& partition) const {
  base::LockGuard guard(mutex_);
  return logs_.find(partition);
}

LogManager::Logs LogManager::all() const {
  base::LockGuard guard(mutex_);
  return logs_.all();
}

std::vector<std::string> LogManager::topics() const {
  base::LockGuard guard(mutex_);
  return logs_.topics();
}

bool LogManager::has_topic(const std::string& topic) const {
  base::LockGuard guard(mutex_);
  return logs_.has_topic(topic);
}

LogManager::Logs LogManager::logs_in(const std::string& log_dir) const {
  base::LockGuard guard(mutex_);
  return logs_.all_in(log_dir);
}

std::shared_ptr<LogDirectory> LogManager::directory_of(const std::string& log_dir) const {
  for (const auto& directory : directories_) {
    if (directory->path() == log_dir) return directory;
  }
  return nullptr;
}

base::Result<void> LogManager::remove(const std::vector<base::TopicPartition>& partitions) {
  std::set<std::string> full;
  base::Result<void> result;
  for (const base::TopicPartition& partition : partitions) {
    std::shared_ptr<PartitionLog> log;
    {
      base::LockGuard guard(mutex_);
      log = take_log(partition);
    }
    if (log == nullptr) continue;
    const auto renamed = log->retire_directory(deleted_directory_name(partition, random_.uuid()));
    if (!renamed) {
      result = renamed;
      if (!log->is_usable()) continue;
      base::LockGuard guard(mutex_);  // nothing has happened: to be deleted later
      put_log(std::move(log));
      continue;
    }
    environment_.remove_later({log->directory()}, log->config()->file_delete_delay_ms);
    base::LockGuard guard(mutex_);
    LeftOvers& left_overs = left_overs_[log->log_dir()];
    left_overs[partition] = ++next_left_over_;
    const auto logs = static_cast<std::size_t>(log_counts_[log->log_dir()]);
    if (left_overs.size() > std::max(kLeftOversMax, logs)) full.insert(log->log_dir());
  }
  for (const auto& directory : live()) {
    if (!full.contains(directory->path())) continue;
    const auto written = drop_left_overs(*directory);
    if (result && !written) result = written;
  }
  settle_unless_posted();
  return result;
}

std::vector<base::Result<void>> LogManager::truncate(const std::vector<Truncation>& truncations,
                                                     std::int64_t now_ms) {
  std::vector<base::Result<void>> results;
  std::set<std::string> touched;
  std::set<std::string> compacted;
  for (const Truncation& truncation : truncations) {
    base::Result<bool> changed = true;
    if (truncation.fully) {
      const auto done = truncation.log->truncate_fully_and_start_at(truncation.offset, now_ms);
      if (!done) changed = base::fail(done.error());
    } else {
      changed = truncation.log->truncate_to(truncation.offset, now_ms);
    }
    results.push_back(changed ? base::Result<void>() : base::fail(changed.error()));
    if (!changed || !*changed) continue;
    touched.insert(truncation.log->log_dir());
    if (truncation.log->cleaned_up_to()) compacted.insert(truncation.log->log_dir());
  }
  for (const auto& directory : live()) {
    if (!touched.contains(directory->path())) continue;
    auto written = write_checkpoint(*directory, kRecoveryPointCheckpoint);
    if (written && compacted.contains(directory->path())) {
      written = write_checkpoint(*directory, kCleanerCheckpoint);
    }
    if (!written) LOG_WARN("checkpoint not written error=\"{}\"", written.error().to_string());
  }
  settle_unless_posted();
  return results;
}

void LogManager::update_config(const std::string& topic, std::shared_ptr<const LogConfig> config) {
  Logs logs;
  {
    base::LockGuard guard(mutex_);
    logs = logs_.of_topic(topic);
  }
  for (const auto& log : logs) log->set_config(config);
}

// --- directories ---------------------------------------------------------------------------------

LogManager::Directories LogManager::live() const {
  Directories all;
  for (const auto& directory : directories_) {
    if (directory->is_live()) all.push_back(directory);
  }
  return all;
}

std::vector<std::string> LogManager::live_directories() const {
  std::vector<std::string> paths;
  for (const auto& directory : live()) paths.push_back(directory->path());
  return paths;
}

std::vector<std::string> LogManager::offline_directories() const {
  std::vector<std::string> paths;
  for (const auto& directory : directories_) {
    if (!directory->is_live()) paths.push_back(directory->path());
  }
  return paths;
}

bool LogManager::is_offline(const base::TopicPartition& partition) const {
  base::LockGuard guard(mutex_);
  return offline_partitions_.contains(partition);
}

void LogManager::take_offline(const std::string& log_dir, const base::Error& error) {
  bool was_live = false;
  for (const auto& directory : directories_) {
    if (directory->path() == log_dir) was_live = directory->take_offline();
  }
  // What a failed sync has dropped is remembered whatever took the directory offline before it.
  const bool is_sync = error.is(runtime::FileErrc::sync_failed);
  if (!was_live && !is_sync) return;
  if (was_live) LOG_ERROR("log directory offline dir={} error=\"{}\"", log_dir, error.to_string());
  {
    base::LockGuard guard(failures_mutex_);
    if (is_sync) failed_syncs_.insert(log_dir);
    if (was_live) failures_.emplace(log_dir, error);
  }
  if (options_.post_settling) options_.post_settling(log_dir);
}

void LogManager::settle_failure(const std::string& log_dir) {
  std::optional<base::Error> error;
  bool has_failed_sync = false;
  {
    base::LockGuard guard(failures_mutex_);
    has_failed_sync = failed_syncs_.erase(log_dir) > 0;
    if (auto failure = failures_.extract(log_dir)) error = std::move(failure.mapped());
  }
  if (has_failed_sync) mark_failed_sync(log_dir);
  if (!error) return;
  Logs gone;  // may hold the last reference: let go of without the lock
  {
    base::LockGuard guard(mutex_);
    gone = logs_.take_all_in(log_dir);
    for (const auto& log : gone) {
      log->abandon();
      offline_partitions_.insert(log->topic_partition());
    }
    log_counts_.erase(log_dir);
    left_overs_.erase(log_dir);
  }
  if (options_.on_directory_failed) options_.on_directory_failed(log_dir, *error);
}

void LogManager::mark_failed_sync(const std::string& log_dir) {
  const auto marked = directory_of(log_dir)->mark_failed_sync();
  if (marked) return;
  LOG_ERROR(
      "{}/{} could not be made: before this directory is used again, restart the machine, so "
      "that what did not reach the device is not read error=\"{}\"",
      log_dir, kSyncFailedMarker, marked.error().to_string());
}

void LogManager::settle_unless_posted() {
  if (options_.post_settling) return;
  for (const std::string& log_dir : offline_directories()) settle_failure(log_dir);
}

// --- upkeep --------------------------------------------------------------------------------------

// What a checkpoint says of a log; nullopt: nothing.
std::optional<base::Offset> LogManager::checkpointed_offset(const char* name,
                                                            const PartitionLog& log) {
  const std::string_view which = name;
  if (which == kHighWatermarkCheckpoint) return log.high_watermark();
  if (which == kCleanerCheckpoint) return log.cleaned_up_to();
  if (which == kRecoveryPointCheckpoint) return log.recovery_point();
  VERIFY(which == kLogStartCheckpoint);
  // Only where the file names don't say it.
  if (log.log_start_offset() <= log.first_segment_base()) return std::nullopt;
  return log.log_start_offset();
}

base::Result<void> LogManager::write_checkpoint(LogDirectory& directory, const char* name) {
  const auto written = directory.write_checkpoint(name, [&] {
    OffsetCheckpoint entries;
    for (const auto& log : logs_in(directory.path())) {
      if (const auto offset = checkpointed_offset(name, *log)) {
        entries[log->topic_partition()] = *offset;
      }
    }
    return entries;
  });
  if (!written && classify(written.error(), DiskAccess::write) == DiskFailure::device_failed) {
    take_offline(directory.path(), written.error());
  }
  return written;
}

base::Result<void> LogManager::write_checkpoint_of(const std::string& log_dir, const char* name) {
  const auto directory = directory_of(log_dir);
  if (directory == nullptr || !directory->is_live()) return {};
  const auto written = write_checkpoint(*directory, name);
  settle_unless_posted();
  return written;
}

bool LogManager::is_left_over(const std::string& log_dir,
                              const base::TopicPartition& partition) const {
  base::LockGuard guard(mutex_);
  const auto found = left_overs_.find(log_dir);
  return found != left_overs_.end() && found->second.contains(partition);
}

base::Result<void> LogManager::drop_left_overs(LogDirectory& directory) {
  LeftOvers dropped;
  {
    base::LockGuard guard(mutex_);
    dropped = left_overs_[directory.path()];
  }
  for (const char* name : {kRecoveryPointCheckpoint, kLogStartCheckpoint, kHighWatermarkCheckpoint,
                           kCleanerCheckpoint}) {
    TRY(write_checkpoint(directory, name));
  }
  base::LockGuard guard(mutex_);
  LeftOvers& left = left_overs_[directory.path()];
  for (const auto& [partition, number] : dropped) {
    const auto found = left.find(partition);
    // Another number: made and removed again meanwhile.
    if (found != left.end() && found->second == number) left.erase(found);
  }
  return {};
}

base::Result<void> LogManager::checkpoint_recovery_points(const std::string& log_dir) {
  const auto directory = directory_of(log_dir);
  bool has_left_overs = false;
  {
    base::LockGuard guard(mutex_);
    const auto found = left_overs_.find(log_dir);
    has_left_overs = found != left_overs_.end() && !found->second.empty();
  }
  if (has_left_overs && directory->is_live()) {
    const auto written = drop_left_overs(*directory);
    settle_unless_posted();
    return written;
  }
  return write_checkpoint_of(log_dir, kRecoveryPointCheckpoint);
}
base::Result<void> LogManager::checkpoint_log_start_offsets(const std::string& log_dir) {
  return write_checkpoint_of(log_dir, kLogStartCheckpoint);
}
base::Result<void> LogManager::checkpoint_high_watermarks(const std::string& log_dir) {
  return write_checkpoint_of(log_dir, kHighWatermarkCheckpoint);
}
base::Result<void> LogManager::checkpoint_cleaned_offsets(const std::string& log_dir) {
  return write_checkpoint_of(log_dir, kCleanerCheckpoint);
}

// Below: an error has been logged and handled by the log itself.
void LogManager::flush_due_logs(const std::string& log_dir, std::int64_t now_ms) {
  for (const auto& log : logs_in(log_dir)) {
    if (log->flusher().is_due(now_ms)) (void)log->flusher().flush(now_ms);
  }
  settle_unless_posted();
}

void LogManager::apply_retention(const std::string& log_dir, std::int64_t now_ms) {
  for (const auto& log : logs_in(log_dir)) {
    const base::Offset before = log->log_start_offset();
    (void)log->delete_old_segments(now_ms);
    if (log->log_start_offset() == before || options_.on_log_start_moved == nullptr) continue;
    options_.on_log_start_moved(log->topic_partition());
  }
  settle_unless_posted();
}

void LogManager::remove_expired_producers(const std::string& log_dir, std::int64_t now_ms) {
  for (const auto& log : logs_in(log_dir)) log->remove_expired_producers(now_ms);
}

void LogManager::remove_due_files(const std::string& log_dir, std::int64_t now_ms) {
  if (const auto directory = directory_of(log_dir)) directory->reaper().remove_due(now_ms);
}

}  // namespace storage
