#include "broker/controller/topic_changes.h"

#include <algorithm>

#include "base/log.h"

namespace controller {

runtime::Task<base::Result<void>> TopicChanges::on_topics_changed() {
  CO_TRY_ASSIGN(const std::set<std::string> present, co_await env_.store.read_topics());
  std::vector<std::string> appeared;
  std::vector<std::string> vanished;
  for (const std::string& name : present) {
    if (std::as_const(env_.context).find_topic(name) == nullptr) appeared.push_back(name);
  }
  for (const auto& [name, topic] : env_.context.topics()) {
    if (!present.contains(name)) vanished.push_back(name);
  }
  for (const std::string& name : vanished) env_.context.remove_topic(name);
  if (!appeared.empty() || !vanished.empty()) {
    LOG_INFO("topics changed new={} vanished={}", appeared.size(), vanished.size());
  }
  CO_TRY_ASSIGN(std::vector<TopicPartition> partitions, co_await load(std::move(appeared)));
  co_return co_await start_partitions(std::move(partitions));
}

runtime::Task<base::Result<std::vector<TopicPartition>>> TopicChanges::load(
    std::vector<std::string> names) {
  std::vector<TopicPartition> partitions;
  if (names.empty()) co_return partitions;
  CO_TRY_ASSIGN(std::vector<AssignmentRead> reads, co_await env_.store.read_assignments(names));
  std::map<std::string, cluster::TopicAssignment> to_write;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    if (!reads[i]) {
      LOG_ERROR("topic {} is ignored: {}", name, reads[i].error().to_string());
      continue;
    }
    if (!*reads[i]) continue;  // gone again; its parent's watch will tell
    cluster::TopicAssignment& assignment = **reads[i];
    if (!assignment.topic_id && env_.settings.uses_topic_ids()) {
      assignment.topic_id = env_.random.uuid();
      to_write.emplace(name, assignment);
    }
    TopicEntry& topic = env_.context.put_topic(name);
    if (assignment.topic_id) env_.context.set_topic_id(name, *assignment.topic_id);
    for (auto& [number, replicas] : assignment.partitions) {
      PartitionEntry& entry = topic.partitions[number];
      entry.being_reassigned = replicas.is_being_reassigned();
      entry.assignment = std::move(replicas);
      partitions.push_back({name, number});
    }
  }
  if (!to_write.empty()) CO_TRY(co_await env_.store.write_assignments(std::move(to_write)));
  co_return partitions;
}

runtime::Task<base::Result<void>> TopicChanges::start_partitions(
    std::vector<TopicPartition> partitions) {
  if (partitions.empty()) co_return base::Result<void>();
  LOG_INFO("new partitions count={} first={}", partitions.size(), partitions.front());
  const std::vector<Replica> replicas = env_.context.replicas_of_partitions(partitions);
  machines_.partitions.to_created(partitions);
  machines_.replicas.to_created(replicas);
  CO_TRY(co_await machines_.partitions.to_online(std::move(partitions), ElectionStrategy::offline));
  machines_.replicas.to_online(replicas);
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicChanges::on_topic_modified(std::string name) {
  const std::vector<std::string> names{name};
  CO_TRY_ASSIGN(std::vector<AssignmentRead> reads, co_await env_.store.read_assignments(names));
  TopicEntry* topic = env_.context.find_topic(name);
  if (topic == nullptr) co_return base::Result<void>();
  if (!reads.front()) {
    LOG_ERROR("topic {} is unreadable: {}", name, reads.front().error().to_string());
    co_return base::Result<void>();
  }
  if (!*reads.front()) co_return base::Result<void>();
  cluster::TopicAssignment& found = **reads.front();
  std::vector<TopicPartition> added;
  for (const auto& [number, replicas] : found.partitions) {
    if (!topic->partitions.contains(number)) added.push_back({name, number});
  }
  if (added.empty()) co_return base::Result<void>();
  if (topic->queued_for_deletion) co_return co_await restore_assignment(name, std::move(found));
  for (const TopicPartition& partition : added) {
    PartitionEntry& entry = topic->partitions[partition.partition];
    entry.assignment = std::move(found.partitions[partition.partition]);
    entry.being_reassigned = entry.assignment.is_being_reassigned();
  }
  co_return co_await start_partitions(std::move(added));
}

runtime::Task<base::Result<void>> TopicChanges::restore_assignment(std::string name,
                                                                   cluster::TopicAssignment found) {
  LOG_WARN("topic {} is being deleted: partitions added to it are taken out again", name);
  CO_TRY_ASSIGN(const std::set<std::int32_t> existing,
                co_await env_.store.read_partition_numbers(name));
  const TopicEntry* topic = std::as_const(env_.context).find_topic(name);
  if (topic == nullptr) co_return base::Result<void>();
  cluster::TopicAssignment restored;
  restored.topic_id = topic->id;
  for (const auto& [number, replicas] : found.partitions) {
    const auto known = topic->partitions.find(number);
    if (existing.contains(number) && known != topic->partitions.end()) {
      restored.partitions[number] = known->second.assignment;
    }
  }
  std::map<std::string, cluster::TopicAssignment> to_write;
  to_write.emplace(std::move(name), std::move(restored));
  co_return co_await env_.store.write_assignments(std::move(to_write));
}

runtime::Task<base::Result<void>> TopicChanges::on_deletion_markers_changed() {
  CO_TRY_ASSIGN(std::set<std::string> marked, co_await env_.store.read_deletion_markers());
  co_return co_await machines_.deletion.enqueue(std::move(marked));
}

}  // namespace controller
