#include "broker/controller/controller_context.h"

#include <fmt/format.h>

#include <algorithm>

namespace controller {

namespace {

// Null if there is no topic, or no such partition; const if the topic is.
template <class Topic>
auto find_partition(Topic* topic, std::int32_t number) -> decltype(&topic->partitions.at(number)) {
  if (topic == nullptr) return nullptr;
  const auto found = topic->partitions.find(number);
  return found == topic->partitions.end() ? nullptr : &found->second;
}

}  // namespace

std::string_view to_string(PartitionPhase phase) {
  switch (phase) {
    case PartitionPhase::non_existent: return "NonExistent";
    case PartitionPhase::created: return "New";
    case PartitionPhase::online: return "Online";
    case PartitionPhase::offline: return "Offline";
  }
  return "?";
}

std::string_view to_string(ReplicaPhase phase) {
  switch (phase) {
    case ReplicaPhase::non_existent: return "NonExistent";
    case ReplicaPhase::created: return "New";
    case ReplicaPhase::online: return "Online";
    case ReplicaPhase::offline: return "Offline";
    case ReplicaPhase::deletion_started: return "DeletionStarted";
    case ReplicaPhase::deletion_successful: return "DeletionSuccessful";
    case ReplicaPhase::deletion_ineligible: return "DeletionIneligible";
  }
  return "?";
}

bool is_valid_transition(PartitionPhase from, PartitionPhase to) {
  using enum PartitionPhase;
  switch (to) {
    case created: return from == non_existent;
    case online:
    case offline: return from != non_existent;
    case non_existent: return from == offline;
  }
  return false;
}

bool is_valid_transition(ReplicaPhase from, ReplicaPhase to) {
  using enum ReplicaPhase;
  switch (to) {
    case created: return from == non_existent;
    case online:
    case offline:
      return from == created || from == online || from == offline || from == deletion_ineligible;
    case deletion_started: return from == offline;
    case deletion_successful: return from == deletion_started;
    case deletion_ineligible: return from == offline || from == deletion_started;
    case non_existent: return from == deletion_successful;
  }
  return false;
}

BrokerIds ControllerContext::live_or_shutting_down_ids() const {
  BrokerIds ids;
  ids.reserve(brokers_.size());
  for (const auto& [id, broker] : brokers_) ids.push_back(id);
  return ids;
}

const LiveBroker* ControllerContext::find_broker(std::int32_t id) const {
  const auto found = brokers_.find(id);
  return found == brokers_.end() ? nullptr : &found->second;
}

bool ControllerContext::is_replica_online(std::int32_t broker, const TopicPartition& partition,
                                          bool include_shutting_down) const {
  if (!(include_shutting_down ? is_live_or_shutting_down(broker) : is_live(broker))) return false;
  const auto offline = offline_dir_replicas_.find(broker);
  return offline == offline_dir_replicas_.end() || !offline->second.contains(partition);
}

TopicEntry* ControllerContext::find_topic(std::string_view name) {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}
const TopicEntry* ControllerContext::find_topic(std::string_view name) const {
  const auto found = topics_.find(name);
  return found == topics_.end() ? nullptr : &found->second;
}

void ControllerContext::remove_topic(const std::string& name) {
  const auto found = topics_.find(name);
  if (found == topics_.end()) return;
  if (found->second.id) names_by_id_.erase(*found->second.id);
  topics_.erase(found);
}

void ControllerContext::set_topic_id(const std::string& name, base::TopicId id) {
  TopicEntry& topic = topics_[name];
  if (topic.id) names_by_id_.erase(*topic.id);
  topic.id = id;
  names_by_id_[id] = name;
}

const std::string* ControllerContext::topic_name(const base::TopicId& id) const {
  const auto found = names_by_id_.find(id);
  return found == names_by_id_.end() ? nullptr : &found->second;
}

base::TopicId ControllerContext::topic_id_or_zero(std::string_view name) const {
  const TopicEntry* topic = find_topic(name);
  return topic == nullptr ? base::TopicId{} : topic->id.value_or(base::TopicId{});
}

bool ControllerContext::is_queued_for_deletion(std::string_view name) const {
  const TopicEntry* topic = find_topic(name);
  return topic != nullptr && topic->queued_for_deletion;
}

PartitionEntry* ControllerContext::find(const TopicPartition& partition) {
  return find_partition(find_topic(partition.topic), partition.partition);
}
const PartitionEntry* ControllerContext::find(const TopicPartition& partition) const {
  return find_partition(find_topic(partition.topic), partition.partition);
}

const cluster::ReplicaList& ControllerContext::replicas_of(const TopicPartition& partition) const {
  static const cluster::ReplicaList none;
  const PartitionEntry* entry = find(partition);
  return entry == nullptr ? none : entry->assignment.replicas;
}

const Leadership* ControllerContext::leadership_of(const TopicPartition& partition) const {
  const PartitionEntry* entry = find(partition);
  return entry == nullptr || !entry->leadership ? nullptr : &*entry->leadership;
}

bool ControllerContext::has_any_state(std::string_view name) const {
  const TopicEntry* topic = find_topic(name);
  return topic != nullptr && std::ranges::any_of(topic->partitions, [](const auto& item) {
           return item.second.leadership || item.second.has_unreadable_state;
         });
}

std::int32_t ControllerContext::leader_epoch_for_stop(const TopicPartition& partition) const {
  if (is_queued_for_deletion(partition.topic)) return kEpochDuringDelete;
  const Leadership* leadership = leadership_of(partition);
  return leadership == nullptr ? kNoEpoch : leadership->state.leader_epoch;
}

std::vector<TopicPartition> ControllerContext::all_partitions() const {
  return partitions_where([](auto&, auto&, auto, auto&) { return true; });
}

TopicExtents ControllerContext::topic_extents() const {
  TopicExtents extents;
  for (const auto& [name, topic] : topics_) {
    const auto& partitions = topic.partitions;
    const std::int32_t last = partitions.empty() ? -1 : partitions.rbegin()->first;
    extents.emplace_hint(extents.end(), name, TopicExtent{partitions.size(), last});
  }
  return extents;
}

std::vector<TopicPartition> ControllerContext::partitions_of(std::string_view name) const {
  std::vector<TopicPartition> partitions;
  const TopicEntry* topic = find_topic(name);
  if (topic == nullptr) return partitions;
  for (const auto& [number, partition] : topic->partitions) {
    partitions.push_back({std::string(name), number});
  }
  return partitions;
}

std::vector<TopicPartition> ControllerContext::partitions_with_leaders() const {
  return partitions_where(
      [](auto&, const TopicEntry& topic, auto, const PartitionEntry& partition) {
        return partition.leadership.has_value() && !topic.queued_for_deletion;
      });
}

std::vector<TopicPartition> ControllerContext::partitions_with_offline_leader() const {
  return partitions_where([this](const std::string& name, const TopicEntry& topic,
                                 std::int32_t number, const PartitionEntry& partition) {
    return partition.leadership && !topic.queued_for_deletion &&
           !is_replica_online(partition.leadership->state.leader, {name, number});
  });
}

std::vector<TopicPartition> ControllerContext::partitions_led_by(std::int32_t broker) const {
  return partitions_where([broker](auto&, const TopicEntry& topic, auto,
                                   const PartitionEntry& partition) {
    return partition.leadership && !topic.queued_for_deletion &&
           partition.leadership->state.leader == broker && partition.assignment.replicas.size() > 1;
  });
}

std::vector<TopicPartition> ControllerContext::partitions_on(std::int32_t broker) const {
  return partitions_where([broker](auto&, auto&, auto, const PartitionEntry& partition) {
    return contains(partition.assignment.replicas, broker);
  });
}

std::vector<Replica> ControllerContext::replicas_on(const std::set<std::int32_t>& brokers) const {
  std::vector<Replica> replicas;
  for (const auto& [name, topic] : topics_) {
    for (const auto& [number, partition] : topic.partitions) {
      for (const std::int32_t broker : partition.assignment.replicas) {
        if (brokers.contains(broker)) replicas.push_back({{name, number}, broker});
      }
    }
  }
  return replicas;
}

std::vector<Replica> ControllerContext::replicas_of_topic(std::string_view name) const {
  return replicas_of_partitions(partitions_of(name));
}

std::vector<Replica> ControllerContext::replicas_of_partitions(
    const std::vector<TopicPartition>& partitions) const {
  std::vector<Replica> replicas;
  for (const TopicPartition& partition : partitions) {
    for (const std::int32_t broker : replicas_of(partition))
      replicas.push_back({partition, broker});
  }
  return replicas;
}

std::vector<Replica> ControllerContext::replicas_in_phase(std::string_view topic,
                                                          ReplicaPhase phase) const {
  std::vector<Replica> replicas = replicas_of_topic(topic);
  std::erase_if(replicas, [&](const Replica& replica) { return phase_of(replica) != phase; });
  return replicas;
}

bool ControllerContext::any_replica_in_phase(std::string_view name, ReplicaPhase phase) const {
  const TopicEntry* topic = find_topic(name);
  if (topic == nullptr) return false;
  return std::ranges::any_of(topic->partitions, [phase](const auto& item) {
    const PartitionEntry& partition = item.second;
    return std::ranges::any_of(partition.assignment.replicas, [&](std::int32_t broker) {
      return partition.replica_phase(broker) == phase;
    });
  });
}

bool ControllerContext::all_replicas_in_phase(std::string_view name, ReplicaPhase phase) const {
  const TopicEntry* topic = find_topic(name);
  if (topic == nullptr) return true;
  return std::ranges::all_of(topic->partitions, [phase](const auto& item) {
    const PartitionEntry& partition = item.second;
    return std::ranges::all_of(partition.assignment.replicas, [&](std::int32_t broker) {
      return partition.replica_phase(broker) == phase;
    });
  });
}

ReplicaPhase ControllerContext::phase_of(const Replica& replica) const {
  const PartitionEntry* entry = find(replica.partition);
  return entry == nullptr ? ReplicaPhase::non_existent : entry->replica_phase(replica.broker);
}

void ControllerContext::set_phase(const Replica& replica, ReplicaPhase phase) {
  PartitionEntry* entry = find(replica.partition);
  if (entry == nullptr) return;
  if (phase == ReplicaPhase::non_existent) {
    entry->replicas.erase(replica.broker);
  } else {
    entry->replicas[replica.broker] = phase;
  }
}

bool contains(const std::vector<std::int32_t>& ids, std::int32_t id) {
  return std::ranges::find(ids, id) != ids.end();
}

std::vector<std::int32_t> without(std::vector<std::int32_t> ids, std::int32_t id) {
  std::erase(ids, id);
  return ids;
}

std::string to_string(const std::vector<std::int32_t>& ids) {
  return fmt::format("{}", fmt::join(ids, ","));
}

}  // namespace controller
