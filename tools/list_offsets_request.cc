#include "tools/list_offsets_request.h"

#include <map>
#include <string>
#include <utility>

namespace tools {

protocol::ListOffsetsRequest list_offsets_request(
    const std::vector<base::TopicPartition>& partitions, std::int64_t timestamp) {
  std::map<std::string, protocol::ListOffsetsRequest::ListOffsetsTopic> topics;
  for (const base::TopicPartition& partition : partitions) {
    auto& topic = topics[partition.topic];
    topic.name = partition.topic;
    auto& entry = topic.partitions.emplace_back();
    entry.partition_index = partition.partition;
    entry.timestamp = timestamp;
  }
  protocol::ListOffsetsRequest request;
  request.replica_id = -1;
  for (auto& [name, topic] : topics) request.topics.push_back(std::move(topic));
  return request;
}

}  // namespace tools
