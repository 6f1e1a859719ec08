#include "broker/controller/topic_changes.h"

#include <algorithm>

#include "base/log.h"
#include "broker/cluster/topic_name.h"
#include "broker/controller/chunks.h"
#include "broker/controller/session_slot.h"

namespace controller {

runtime::Task<base::Result<void>> TopicChanges::on_topics_changed() {
  CO_TRY_ASSIGN(std::vector<std::string> present, co_await env_.store.read_topics());
  std::erase_if(env_.context.unreadable_topics(), [&](const std::string& name) {
    return !std::ranges::binary_search(present, name);
  });
  std::vector<std::string> appeared;
  std::vector<std::string> vanished;
  // Both are in order of name: one walk over what may be all topics for the sake of one.
  const auto& topics = env_.context.topics();
  auto known = topics.begin();
  for (std::string& name : present) {
    for (; known != topics.end() && known->first < name; ++known) vanished.push_back(known->first);
    if (known != topics.end() && known->first == name) {
      ++known;
    } else if (!env_.context.is_unreadable(name)) {
      appeared.push_back(std::move(name));
    }
  }
  for (; known != topics.end(); ++known) vanished.push_back(known->first);
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
  for (std::size_t begin = 0; begin < names.size(); begin += kChunkPartitions) {
    const std::size_t end = std::min(begin + kChunkPartitions, names.size());
    std::vector<std::string> some(names.begin() + static_cast<std::ptrdiff_t>(begin),
                                  names.begin() + static_cast<std::ptrdiff_t>(end));
    CO_TRY(co_await load_some(std::move(some), partitions));
  }
  co_return partitions;
}

runtime::Task<base::Result<void>> TopicChanges::load_some(std::vector<std::string> names,
                                                          std::vector<TopicPartition>& partitions) {
  std::erase_if(names, [this](const std::string& name) {
    const auto invalid = cluster::invalid_topic_name(name);
    if (invalid) leave_out(name, *invalid);
    return invalid.has_value();
  });
  if (names.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(std::vector<AssignmentRead> reads, co_await env_.store.read_assignments(names));
  std::map<std::string, cluster::TopicAssignment> read;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!reads[i]) {
      leave_out(names[i], reads[i].error().to_string());
    } else if (*reads[i]) {
      read.emplace(names[i], std::move(**reads[i]));
    } else {
      env_.context.unreadable_topics().erase(names[i]);  // gone; its parent's watch will tell
    }
  }
  CO_TRY(co_await assign_ids(read));
  for (auto& [name, assignment] : read) {
    env_.context.unreadable_topics().erase(name);
    TopicEntry& topic = env_.context.put_topic(name);
    if (assignment.topic_id) env_.context.set_topic_id(name, *assignment.topic_id);
    for (auto& [number, replicas] : assignment.partitions) {
      PartitionEntry& entry = topic.partitions[number];
      entry.being_reassigned = replicas.is_being_reassigned();
      entry.assignment = std::move(replicas);
      partitions.push_back({name, number});
    }
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicChanges::assign_ids(
    std::map<std::string, cluster::TopicAssignment>& read) {
  if (!env_.settings.uses_topic_ids()) co_return base::Result<void>();
  std::map<std::string, cluster::TopicAssignment> to_write;
  for (auto& [name, assignment] : read) {
    if (assignment.topic_id) continue;
    assignment.topic_id = env_.random.uuid();
    to_write.emplace(name, assignment);
  }
  if (to_write.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(const RefusedTopics refused, co_await env_.store.write_assignments(to_write));
  // The next controller would give another id to what stands on brokers under this one.
  for (const auto& [name, error] : refused) {
    leave_out(name, error.to_string());
    read.erase(name);
  }
  co_return base::Result<void>();
}

void TopicChanges::leave_out(const std::string& topic, std::string_view reason) {
  if (!env_.context.unreadable_topics().insert(topic).second) return;
  LOG_ERROR("topic {} is left out until its znode changes: {}", topic, reason);
}

runtime::Task<base::Result<void>> TopicChanges::load_states(
    std::vector<TopicPartition> partitions) {
  Chunks<TopicPartition> chunks(std::move(partitions));
  while (!chunks.empty()) CO_TRY(co_await load_some_states(chunks.next()));
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicChanges::load_some_states(
    std::vector<TopicPartition> partitions) {
  CO_TRY_ASSIGN(std::vector<StateRead> states, co_await env_.store.read_states(partitions));
  std::vector<TopicPartition> unreadable;
  std::set<TopicPartition> named;  // before, so not again
  const auto take = [&](const TopicPartition& partition, StateRead& state) {
    PartitionEntry* entry = env_.context.find(partition);
    if (entry == nullptr) return true;
    if (entry->has_unreadable_state) named.insert(partition);
    entry->has_unreadable_state = !state;
    if (state && *state) entry->leadership = std::move(**state);
    return state.has_value();
  };
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (!take(partitions[i], states[i])) unreadable.push_back(std::move(partitions[i]));
  }
  const std::set<TopicPartition> named_before = named;
  if (unreadable.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(states, co_await env_.store.watch_states(unreadable));
  for (std::size_t i = 0; i < unreadable.size(); ++i) {
    if (take(unreadable[i], states[i]) || named_before.contains(unreadable[i])) continue;
    LOG_ERROR("partition {} is left out until its state znode changes: {}", unreadable[i],
              states[i].error().to_string());
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicChanges::adopt(std::vector<TopicPartition> partitions) {
  if (partitions.empty()) co_return base::Result<void>();
  CO_TRY(co_await load_states(partitions));
  co_return co_await start_up(std::move(partitions));
}

runtime::Task<base::Result<void>> TopicChanges::start_up(std::vector<TopicPartition> partitions) {
  if (partitions.empty()) co_return base::Result<void>();
  CO_TRY(co_await machines_.replicas.start_up(partitions));
  co_return co_await machines_.partitions.start_up(std::move(partitions));
}

runtime::Task<base::Result<void>> TopicChanges::on_state_changed(TopicPartition partition) {
  const PartitionEntry* entry = std::as_const(env_.context).find(partition);
  if (entry == nullptr || !entry->has_unreadable_state) co_return base::Result<void>();
  std::vector<TopicPartition> partitions;
  partitions.push_back(std::move(partition));
  co_return co_await adopt(std::move(partitions));
}

runtime::Task<base::Result<void>> TopicChanges::retry_refused() {
  const auto& unreadable = env_.context.unreadable_topics();
  CO_TRY_ASSIGN(std::vector<TopicPartition> partitions,
                co_await load({unreadable.begin(), unreadable.end()}));
  if (!partitions.empty()) {
    CO_TRY(co_await adopt(std::move(partitions)));
    CO_TRY(co_await on_deletion_markers_changed());
  }
  std::vector<TopicPartition> closed = env_.context.partitions_where(
      [](auto&, auto&, auto, const PartitionEntry& entry) { return entry.has_unreadable_state; });
  CO_TRY(co_await load_states(closed));
  std::erase_if(closed, [this](const TopicPartition& partition) {
    const PartitionEntry* entry = std::as_const(env_.context).find(partition);
    return entry == nullptr || entry->has_unreadable_state;
  });
  CO_TRY(co_await start_up(std::move(closed)));
  co_return co_await machines_.deletion.retry_refused();
}

runtime::Task<base::Result<void>> TopicChanges::start_partitions(
    std::vector<TopicPartition> partitions) {
  if (partitions.empty()) co_return base::Result<void>();
  LOG_INFO("new partitions count={} first={}", partitions.size(), partitions.front());
  Chunks<TopicPartition> chunks(std::move(partitions));
  while (!chunks.empty()) {
    std::vector<TopicPartition> some = chunks.next();
    std::vector<Replica> replicas = env_.context.replicas_of_partitions(some);
    machines_.partitions.to_created(some);
    machines_.replicas.to_created(replicas);
    CO_TRY(co_await machines_.partitions.to_online(std::move(some), ElectionStrategy::offline));
    co_await machines_.replicas.to_online(std::move(replicas));
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicChanges::on_topic_modified(std::string name) {
  const std::vector<std::string> names{name};
  if (env_.context.is_unreadable(name)) {
    CO_TRY_ASSIGN(std::vector<TopicPartition> partitions, co_await load(names));
    if (partitions.empty()) co_return base::Result<void>();
    CO_TRY(co_await adopt(std::move(partitions)));
    co_return co_await on_deletion_markers_changed();  // it may have waited to be deleted
  }
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
  const auto existing = co_await env_.store.read_partition_numbers(name);
  if (!existing && is_of_the_node(existing.error())) {
    LOG_ERROR("topic {} keeps them: {}", name, existing.error().to_string());
    co_return base::Result<void>();
  }
  if (!existing) co_return base::fail(existing.error());
  const TopicEntry* topic = std::as_const(env_.context).find_topic(name);
  if (topic == nullptr) co_return base::Result<void>();
  cluster::TopicAssignment restored;
  restored.topic_id = topic->id;
  for (const auto& [number, replicas] : found.partitions) {
    const auto known = topic->partitions.find(number);
    if (existing->contains(number) && known != topic->partitions.end()) {
      restored.partitions[number] = known->second.assignment;
    }
  }
  std::map<std::string, cluster::TopicAssignment> to_write;
  to_write.emplace(std::move(name), std::move(restored));
  CO_TRY_ASSIGN(const RefusedTopics refused,
                co_await env_.store.write_assignments(std::move(to_write)));
  for (const auto& [topic_name, error] : refused) {
    LOG_ERROR("topic {} keeps them: {}", topic_name, error.to_string());
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicChanges::on_deletion_markers_changed() {
  CO_TRY_ASSIGN(std::set<std::string> marked, co_await env_.store.read_deletion_markers());
  co_return co_await machines_.deletion.enqueue(std::move(marked));
}

}  // namespace controller
