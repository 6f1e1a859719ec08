#include "broker/replication/partition_table.h"

namespace replication {

std::shared_ptr<Partition> PartitionTable::find(std::string_view topic,
                                                std::int32_t partition) const {
  Shard& shard = shard_of(topic);
  base::LockGuard guard(shard.mutex);
  const auto of_topic = shard.topics.find(topic);
  if (of_topic == shard.topics.end()) return nullptr;
  const auto place = of_topic->second.find(partition);
  return place == of_topic->second.end() ? nullptr : place->second;
}

std::shared_ptr<Partition> PartitionTable::put(std::shared_ptr<Partition> partition) {
  const base::TopicPartition& id = partition->id();
  Shard& shard = shard_of(id.topic);
  base::LockGuard guard(shard.mutex);
  auto& slot = shard.topics[id.topic][id.partition];
  slot.swap(partition);
  return partition;
}

std::shared_ptr<Partition> PartitionTable::erase(const base::TopicPartition& id) {
  Shard& shard = shard_of(id.topic);
  base::LockGuard guard(shard.mutex);
  const auto of_topic = shard.topics.find(id.topic);
  if (of_topic == shard.topics.end()) return nullptr;
  const auto place = of_topic->second.find(id.partition);
  if (place == of_topic->second.end()) return nullptr;
  auto removed = std::move(place->second);
  of_topic->second.erase(place);
  if (of_topic->second.empty()) shard.topics.erase(of_topic);
  return removed;
}

std::vector<std::shared_ptr<Partition>> PartitionTable::all() const {
  std::vector<std::shared_ptr<Partition>> partitions;
  for (Shard& shard : shards_) {
    base::LockGuard guard(shard.mutex);
    for (const auto& [topic, numbers] : shard.topics) {
      for (const auto& [number, partition] : numbers) partitions.push_back(partition);
    }
  }
  return partitions;
}

std::vector<std::shared_ptr<Partition>> PartitionTable::of_shard(std::size_t number) const {
  std::vector<std::shared_ptr<Partition>> partitions;
  Shard& shard = shards_[number];
  base::LockGuard guard(shard.mutex);
  for (const auto& [topic, numbers] : shard.topics) {
    for (const auto& [number_of_topic, partition] : numbers) partitions.push_back(partition);
  }
  return partitions;
}

std::vector<std::shared_ptr<Partition>> PartitionTable::of_topic(std::string_view topic) const {
  std::vector<std::shared_ptr<Partition>> partitions;
  Shard& shard = shard_of(topic);
  base::LockGuard guard(shard.mutex);
  const auto place = shard.topics.find(topic);
  if (place == shard.topics.end()) return partitions;
  for (const auto& [number, partition] : place->second) partitions.push_back(partition);
  return partitions;
}

std::size_t PartitionTable::size() const {
  std::size_t count = 0;
  for (Shard& shard : shards_) {
    base::LockGuard guard(shard.mutex);
    for (const auto& [topic, numbers] : shard.topics) count += numbers.size();
  }
  return count;
}

}  // namespace replication
