// The clean stop of all logs.
#include "base/log.h"
#include "storage/disk_failure.h"
#include "storage/log_manager.h"

namespace storage {

// Several waits for the device for each log, or one that also covers what else is on it.
bool LogManager::sync_at_once(const LogDirectory& directory) {
  const auto synced = files_.sync_file_system(directory.path());
  if (!synced && !synced.error().is(base::Errc::unsupported)) {
    LOG_WARN("file system not synced at once dir={} error=\"{}\"", directory.path(),
             synced.error().to_string());
    if (classify(synced.error(), DiskAccess::write) == DiskFailure::device_failed) {
      take_offline(directory.path(), synced.error());
    }
  }
  return synced.has_value();
}

// Before it: what goes beside the files it will replace.
bool LogManager::stage_and_sync(const LogDirectory& directory, const Logs& logs) {
  for (const auto& log : logs) {
    if (log->log_dir() == directory.path() && !log->flusher().stage_files()) return false;
  }
  return sync_at_once(directory);
}

std::set<std::string> LogManager::close_logs(const Logs& logs, const Executor& executor,
                                             std::int64_t now_ms) {
  constexpr std::size_t kWorthItLogs = 64;
  base::Mutex mutex;
  std::set<std::string> failed;
  std::map<std::string, std::size_t> dirty_logs;
  std::set<std::string> synced;
  const auto threads = static_cast<std::size_t>(recovery_threads_per_dir_.load());
  const auto note_failure = [&](const PartitionLog& log, const base::Error& error) {
    LOG_ERROR("{} not closed cleanly error=\"{}\"", log.topic_partition(), error.to_string());
    base::LockGuard guard(mutex);
    failed.insert(log.log_dir());
  };
  run_parallel(logs.size(), threads, executor, [&](std::size_t i) {
    const auto is_dirty = logs[i]->flusher().finish_files();
    if (!is_dirty) return note_failure(*logs[i], is_dirty.error());
    base::LockGuard guard(mutex);
    if (*is_dirty) ++dirty_logs[logs[i]->log_dir()];
  });
  for (const auto& directory : live()) {
    if (dirty_logs[directory->path()] < kWorthItLogs) continue;
    if (stage_and_sync(*directory, logs)) synced.insert(directory->path());
  }
  run_parallel(logs.size(), threads, executor, [&](std::size_t i) {
    PartitionLog& log = *logs[i];
    const auto closed = synced.contains(log.log_dir()) ? log.flusher().close_synced(now_ms)
                                                       : log.flusher().close(now_ms);
    if (!closed) note_failure(log, closed.error());
  });
  for (const auto& directory : live()) {
    const bool needs_names = synced.contains(directory->path());
    if (needs_names && !sync_at_once(*directory)) failed.insert(directory->path());
  }
  return failed;
}

void LogManager::close(const Executor& executor, std::int64_t now_ms) {
  if (is_loaded_) close_loaded(executor, now_ms);
  std::set<std::string> failed_syncs;  // nobody settles them any more
  {
    base::LockGuard guard(failures_mutex_);
    failed_syncs = failed_syncs_;
  }
  for (const std::string& log_dir : failed_syncs) mark_failed_sync(log_dir);
  for (const auto& directory : directories_) directory->unlock();
}

void LogManager::close_loaded(const Executor& executor, std::int64_t now_ms) {
  std::set<std::string> failed = close_logs(all(), executor, now_ms);
  for (const auto& directory : live()) {
    for (const char* name :
         {kRecoveryPointCheckpoint, kLogStartCheckpoint, kHighWatermarkCheckpoint}) {
      if (!write_checkpoint(*directory, name)) failed.insert(directory->path());
    }
    if (!directory->is_live() || failed.contains(directory->path())) continue;
    if (const auto marked = directory->write_clean_shutdown_marker(); !marked) {
      LOG_ERROR("no clean shutdown marker error=\"{}\"", marked.error().to_string());
    }
  }
}

}  // namespace storage
