#include "test/unit/broker/controller/memory_store.h"

#include <fmt/format.h>

#include "broker/controller/controller_error.h"
#include "zkclient/zk_error.h"

namespace controller {

void MemoryStore::add_broker(std::int32_t id, std::int64_t epoch) {
  cluster::BrokerInfo info;
  info.id = id;
  info.endpoints = {{"PLAINTEXT", config::SecurityProtocol::plaintext, fmt::format("host{}", id),
                     static_cast<std::int32_t>(9092)}};
  brokers[id] = {id, epoch, std::move(info)};
}

void MemoryStore::add_topic(const std::string& name,
                            const std::vector<cluster::ReplicaList>& partitions) {
  cluster::TopicAssignment& topic = topics[name];
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    topic.partitions[static_cast<std::int32_t>(i)] = {partitions[i], {}, {}};
  }
}

StoreTask<std::vector<RegisteredBroker>> MemoryStore::read_brokers() {
  std::vector<RegisteredBroker> all;
  for (const auto& [id, broker] : brokers) all.push_back(broker);
  co_return all;
}

StoreTask<std::optional<RegisteredBroker>> MemoryStore::read_broker(std::int32_t id) {
  const auto found = brokers.find(id);
  if (found == brokers.end()) co_return std::optional<RegisteredBroker>();
  co_return std::optional(found->second);
}

StoreTask<std::vector<std::string>> MemoryStore::read_topics() {
  std::vector<std::string> names;
  for (const auto& [name, assignment] : topics) names.push_back(name);
  co_return names;
}

StoreTask<std::vector<AssignmentRead>> MemoryStore::read_assignments(
    std::vector<std::string> names) {
  std::vector<AssignmentRead> reads;
  for (const std::string& name : names) {
    const auto found = topics.find(name);
    reads.emplace_back(found == topics.end() ? std::optional<cluster::TopicAssignment>()
                                             : std::optional(found->second));
  }
  co_return reads;
}

StoreTask<RefusedTopics> MemoryStore::write_assignments(
    std::map<std::string, cluster::TopicAssignment> assignments) {
  if (moved) co_return base::fail(ControllerErrc::moved);
  RefusedTopics refused;
  for (auto& [name, assignment] : assignments) {
    if (closed_topics.contains(name)) {
      refused.emplace(name, base::Error(zkclient::ZkError::no_auth));
    } else {
      topics[name] = std::move(assignment);
    }
  }
  co_return refused;
}

StoreTask<std::set<std::int32_t>> MemoryStore::read_partition_numbers(std::string topic) {
  std::set<std::int32_t> numbers;
  for (const auto& [partition, state] : states) {
    if (partition.topic == topic) numbers.insert(partition.partition);
  }
  co_return numbers;
}

StoreTask<RefusedTopics> MemoryStore::remove_topics(std::vector<std::string> names) {
  if (moved) co_return base::fail(ControllerErrc::moved);
  RefusedTopics refused;
  for (const std::string& topic : names) {
    if (closed_topics.contains(topic)) {
      refused.emplace(topic, base::Error(zkclient::ZkError::no_auth));
      continue;
    }
    topics.erase(topic);
    deletion_markers.erase(topic);
    std::erase_if(states, [&](const auto& item) { return item.first.topic == topic; });
  }
  co_return refused;
}

StoreTask<std::vector<StateRead>> MemoryStore::read_states(std::vector<TopicPartition> partitions) {
  std::vector<StateRead> reads;
  for (const TopicPartition& partition : partitions) {
    const auto found = states.find(partition);
    reads.emplace_back(found == states.end() ? std::optional<Leadership>()
                                             : std::optional(found->second));
  }
  co_return reads;
}

StoreTask<std::vector<StateRead>> MemoryStore::watch_states(
    std::vector<TopicPartition> partitions) {
  return read_states(std::move(partitions));
}
StoreTask<std::vector<StateWriteResult>> MemoryStore::create_states(
    std::vector<StateWrite> writes) {
  if (moved) co_return base::fail(ControllerErrc::moved);
  std::vector<StateWriteResult> results;
  for (StateWrite& write : writes) {
    const bool is_new = states.try_emplace(write.partition, Leadership{write.state, 0}).second;
    results.push_back(
        {is_new ? StateWriteResult::Outcome::written : StateWriteResult::Outcome::conflict, 0,
         base::Error(base::Errc::already_exists)});
  }
  co_return results;
}

StoreTask<std::vector<StateWriteResult>> MemoryStore::update_states(
    std::vector<StateWrite> writes) {
  if (moved) co_return base::fail(ControllerErrc::moved);
  std::vector<StateWriteResult> results;
  for (StateWrite& write : writes) {
    if (before_update) before_update(write.partition);
    Leadership& known = states.at(write.partition);
    if (known.partition_epoch != write.expected_partition_epoch) {
      results.push_back(
          {StateWriteResult::Outcome::conflict, 0, base::Error(base::Errc::internal)});
      continue;
    }
    known = {std::move(write.state), known.partition_epoch + 1};
    results.push_back({StateWriteResult::Outcome::written, known.partition_epoch,
                       base::Error(base::Errc::internal)});
  }
  co_return results;
}

StoreTask<std::map<std::string, base::Result<bool>>> MemoryStore::read_unclean_allowed(
    std::set<std::string> names) {
  std::map<std::string, base::Result<bool>> allowed;
  for (const std::string& name : names) allowed.emplace(name, unclean_topics.contains(name));
  co_return allowed;
}

StoreTask<std::set<std::string>> MemoryStore::read_deletion_markers() {
  co_return deletion_markers;
}
StoreTask<void> MemoryStore::remove_deletion_markers(std::vector<std::string> names) {
  for (const std::string& name : names) deletion_markers.erase(name);
  co_return base::Result<void>();
}

StoreTask<Notifications> MemoryStore::read_isr_changes() {
  Notifications result;
  for (const auto& [child, partitions] : isr_changes) {
    result.children.push_back(child);
    result.partitions.insert(result.partitions.end(), partitions.begin(), partitions.end());
  }
  co_return result;
}
StoreTask<void> MemoryStore::remove_isr_changes(std::vector<std::string> children) {
  for (const std::string& child : children) isr_changes.erase(child);
  co_return base::Result<void>();
}
StoreTask<Notifications> MemoryStore::read_log_dir_events() {
  Notifications result;
  for (const auto& [child, broker] : log_dir_events) {
    result.children.push_back(child);
    result.brokers.insert(broker);
  }
  co_return result;
}
StoreTask<void> MemoryStore::remove_log_dir_events(std::vector<std::string> children) {
  for (const std::string& child : children) log_dir_events.erase(child);
  co_return base::Result<void>();
}

StoreTask<std::optional<std::vector<TopicPartition>>> MemoryStore::read_preferred_election() {
  co_return preferred_election;
}
StoreTask<void> MemoryStore::remove_preferred_election() {
  preferred_election.reset();
  co_return base::Result<void>();
}
StoreTask<std::optional<cluster::Reassignments>> MemoryStore::read_reassignments() {
  co_return std::optional<cluster::Reassignments>();
}
StoreTask<void> MemoryStore::write_reassignments(cluster::Reassignments) {
  co_return base::Result<void>();
}
StoreTask<std::optional<cluster::FeatureNode>> MemoryStore::read_features() { co_return features; }
StoreTask<base::ZkVersion> MemoryStore::write_features(cluster::FeatureNode node) {
  features = std::move(node);
  co_return base::ZkVersion(0);
}
StoreTask<VersionedBlock> MemoryStore::read_producer_id_block() { co_return producer_ids; }
StoreTask<bool> MemoryStore::write_producer_id_block(cluster::ProducerIdBlock block,
                                                     base::ZkVersion expected) {
  if (producer_ids.version != expected) co_return false;
  producer_ids = {block, expected + 1};
  co_return true;
}

std::string SentRequests::summary() const {
  std::string text;
  for (const auto& [broker, request] : all) {
    text += fmt::format("{}{}{}", text.empty() ? "" : " ", "LUS"[request.body.index()], broker);
  }
  return text;
}

}  // namespace controller
