#include "tools/topics/description.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

namespace topics {

namespace {

bool is_picked(const TopicDescription& topic, const PartitionDescription& partition,
               const DescribeFilter& filter, const std::set<std::int32_t>& live_brokers) {
  if (!filter.picks_partitions()) return true;
  const auto in_sync = static_cast<std::int32_t>(partition.isr.size());
  const bool has_leader = partition.leader.has_value();
  return (filter.under_replicated && partition.isr.size() < partition.replicas.size()) ||
         (filter.unavailable && (!has_leader || !live_brokers.contains(*partition.leader))) ||
         (filter.under_min_isr && (!has_leader || in_sync < topic.min_insync_replicas)) ||
         (filter.at_min_isr && in_sync == topic.min_insync_replicas);
}

std::string topic_line(const TopicDescription& topic, Form form) {
  std::vector<std::string> configs;
  for (const auto& [key, value] : topic.configs)
    configs.push_back(fmt::format("{}={}", key, value));
  std::string line = fmt::format("Topic: {}", topic.name);
  if (form == Form::kafka_3_9 && !topic.id.is_zero())
    line += fmt::format("\tTopicId: {}", topic.id);
  line += fmt::format("\tPartitionCount: {}\tReplicationFactor: {}\tConfigs: {}",
                      topic.partitions.size(),
                      topic.partitions.empty() ? 0 : topic.partitions.front().replicas.size(),
                      fmt::join(configs, ","));
  if (topic.is_marked_for_deletion) line += "\tMarkedForDeletion: true";
  return line + "\n";
}

std::string partition_line(const TopicDescription& topic, const PartitionDescription& partition,
                           Form form) {
  std::string line = fmt::format("\tTopic: {}\tPartition: {}\tLeader: {}\tReplicas: {}\tIsr: {}",
                                 topic.name, partition.partition,
                                 partition.leader ? fmt::to_string(*partition.leader) : "none",
                                 fmt::join(partition.replicas, ","), fmt::join(partition.isr, ","));
  // Eligible leader replicas exist only in KRaft clusters.
  if (form == Form::kafka_3_9) line += "\tElr: N/A\tLastKnownElr: N/A";
  if (topic.is_marked_for_deletion) line += "\tMarkedForDeletion: true";
  return line + "\n";
}

}  // namespace

std::string describe(const TopicDescription& topic, const DescribeFilter& filter,
                     const std::set<std::int32_t>& live_brokers, Form form) {
  std::string text;
  if (!filter.picks_partitions() && (!filter.overridden_only || !topic.configs.empty())) {
    text += topic_line(topic, form);
  }
  if (filter.overridden_only) return text;
  for (const PartitionDescription& partition : topic.partitions) {
    if (is_picked(topic, partition, filter, live_brokers)) {
      text += partition_line(topic, partition, form);
    }
  }
  return text;
}

}  // namespace topics
