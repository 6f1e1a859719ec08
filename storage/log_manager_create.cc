// In which directory a log is made, and how.
#include <fmt/format.h>

#include "base/check.h"
#include "storage/disk_failure.h"
#include "storage/log_manager.h"

namespace storage {

std::string LogManager::emptiest_directory() const {
  std::string emptiest;
  std::int64_t least = 0;
  for (const auto& directory : live()) {
    const auto found = log_counts_.find(directory->path());
    const std::int64_t count = found == log_counts_.end() ? 0 : found->second;
    if (!emptiest.empty() && count >= least) continue;
    emptiest = directory->path();
    least = count;
  }
  return emptiest;
}

void LogManager::put_log(std::shared_ptr<PartitionLog> log) {
  ++log_counts_[log->log_dir()];
  logs_.put(std::move(log));
}

std::shared_ptr<PartitionLog> LogManager::take_log(const base::TopicPartition& partition) {
  std::shared_ptr<PartitionLog> log = logs_.take(partition);
  if (log != nullptr) --log_counts_[log->log_dir()];
  return log;
}

std::string LogManager::reserve_place(const base::TopicPartition& partition) {
  base::LockGuard guard(mutex_);
  if (offline_partitions_.contains(partition)) return {};
  const auto [at, is_first] = places_.try_emplace(partition);
  Place& place = at->second;
  if (is_first) {
    const auto log = logs_.find(partition);
    place.is_counted = log == nullptr;
    place.log_dir = place.is_counted ? emptiest_directory() : log->log_dir();
    if (place.log_dir.empty()) {
      places_.erase(at);
      return {};
    }
    if (place.is_counted) ++log_counts_[place.log_dir];
  }
  ++place.users;
  return place.log_dir;
}

std::string LogManager::known_place(const base::TopicPartition& partition) const {
  base::LockGuard guard(mutex_);
  if (const auto log = logs_.find(partition)) return log->log_dir();
  const auto at = places_.find(partition);
  return at == places_.end() ? std::string() : at->second.log_dir;
}

void LogManager::release_place(const base::TopicPartition& partition) {
  base::LockGuard guard(mutex_);
  const auto at = places_.find(partition);
  VERIFY(at != places_.end(), "{} has no reserved place", partition);
  if (--at->second.users > 0) return;
  if (at->second.is_counted) --log_counts_[at->second.log_dir];
  places_.erase(at);
}

base::Result<std::shared_ptr<PartitionLog>> LogManager::get_or_create(
    const base::TopicPartition& partition, std::optional<base::TopicId> id, std::int64_t now_ms,
    bool is_new) {
  if (!is_new && find(partition) == nullptr && !offline_directories().empty()) {
    return base::fail(LogError::storage_error,
                      fmt::format("{} may lie in an offline log directory", partition));
  }
  const std::string log_dir = reserve_place(partition);
  if (log_dir.empty()) {
    return base::fail(LogError::storage_error,
                      is_offline(partition)
                          ? fmt::format("{} lies in an offline log directory", partition)
                          : "no log directory is usable");
  }
  auto log = get_or_create_in(log_dir, partition, id, now_ms);
  release_place(partition);
  return log;
}

base::Result<std::shared_ptr<PartitionLog>> LogManager::get_or_create_in(
    const std::string& log_dir, const base::TopicPartition& partition,
    std::optional<base::TopicId> id, std::int64_t now_ms) {
  const auto directory = directory_of(log_dir);
  base::LockGuard one_at_a_time(directory->create_mutex());
  std::shared_ptr<PartitionLog> log = find(partition);
  if (log == nullptr) {
    if (!directory->is_live()) {
      return base::fail(LogError::storage_error, log_dir + " is offline");
    }
    if (is_left_over(log_dir, partition)) TRY(drop_left_overs(*directory));
    OpenLogOptions options;
    options.log_dir = directory->path();
    options.directory_name = partition.to_string();
    options.topic_partition = partition;
    options.config = options_.config_of(partition.topic);
    options.had_clean_shutdown = true;
    options.now_ms = now_ms;
    options.random = random_.next();
    options.keep_topic_id = options_.keep_partition_metadata;
    auto opened = PartitionLog::open(environment_, options);
    if (!opened) {
      if (classify(opened.error(), DiskAccess::write) == DiskFailure::device_failed) {
        take_offline(directory->path(), opened.error());
        settle_unless_posted();
      }
      return base::fail(LogError::storage_error, opened.error().to_string());
    }
    log = std::move(*opened);
    {
      base::LockGuard guard(mutex_);
      put_log(log);
    }
    // A change of the topic's config until here found no log to tell; one while it is told here, by
    // the same look, is seen by the second.
    for (int look = 0; look < 2; ++look) log->set_config(options_.config_of(partition.topic));
  }
  if (id && options_.keep_partition_metadata) TRY(log->assign_topic_id(*id));
  return log;
}

}  // namespace storage
