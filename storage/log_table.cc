#include "storage/log_table.h"

namespace storage {

LogTable::Pointer LogTable::find(const base::TopicPartition& partition) const {
  const auto found = logs_.find(partition);
  return found == logs_.end() ? nullptr : found->second;
}

void LogTable::put(Pointer log) {
  const base::TopicPartition& partition = log->topic_partition();
  PartitionLog* const plain = log.get();
  if (!logs_.try_emplace(partition, std::move(log)).second) return;
  by_topic_[partition.topic].emplace(partition.partition, plain);
}

LogTable::Pointer LogTable::take(const base::TopicPartition& partition) {
  const auto found = logs_.find(partition);
  if (found == logs_.end()) return nullptr;
  Pointer log = std::move(found->second);
  logs_.erase(found);
  forget(*log);
  return log;
}

LogTable::Pointers LogTable::take_all_in(const std::string& log_dir) {
  Pointers taken;
  for (auto at = logs_.begin(); at != logs_.end();) {
    if (at->second->log_dir() != log_dir) {
      ++at;
      continue;
    }
    taken.push_back(std::move(at->second));
    at = logs_.erase(at);
    forget(*taken.back());
  }
  return taken;
}

void LogTable::forget(const PartitionLog& log) {
  const auto topic = by_topic_.find(log.topic_partition().topic);
  topic->second.erase(log.topic_partition().partition);
  if (topic->second.empty()) by_topic_.erase(topic);
}

LogTable::Pointers LogTable::all() const {
  Pointers logs;
  logs.reserve(logs_.size());
  for (const auto& [partition, log] : logs_) logs.push_back(log);
  return logs;
}

LogTable::Pointers LogTable::all_in(const std::string& log_dir) const {
  Pointers logs;
  for (const auto& [partition, log] : logs_) {
    if (log->log_dir() == log_dir) logs.push_back(log);
  }
  return logs;
}

LogTable::Pointers LogTable::of_topic(const std::string& topic) const {
  Pointers logs;
  const auto found = by_topic_.find(topic);
  if (found == by_topic_.end()) return logs;
  logs.reserve(found->second.size());
  for (const auto& [number, log] : found->second) logs.push_back(find({topic, number}));
  return logs;
}

std::vector<std::string> LogTable::topics() const {
  std::vector<std::string> names;
  names.reserve(by_topic_.size());
  for (const auto& [name, numbers] : by_topic_) names.push_back(name);
  return names;
}

}  // namespace storage
