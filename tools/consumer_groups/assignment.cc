#include "tools/consumer_groups/assignment.h"

#include <algorithm>

#include "protocol/reader.h"

namespace consumer_groups {

base::Result<std::vector<base::TopicPartition>> decode_assignment(std::string_view bytes) {
  constexpr std::size_t kTopicBytesMin = 6;  // an empty name, no partitions
  std::vector<base::TopicPartition> partitions;
  if (bytes.empty()) return partitions;
  protocol::Reader reader(std::as_bytes(std::span(bytes)));
  static_cast<void>(reader.read_int16());  // version
  const std::size_t topic_count = reader.read_count(false, kTopicBytesMin);
  for (std::size_t i = 0; i < topic_count && reader.ok(); ++i) {
    const std::string topic = reader.read_string(false);
    const std::size_t count = reader.read_count(false, sizeof(std::int32_t));
    for (std::size_t j = 0; j < count && reader.ok(); ++j) {
      partitions.push_back({topic, reader.read_int32()});
    }
  }
  TRY(reader.status());
  std::ranges::sort(partitions);
  return partitions;
}

}  // namespace consumer_groups
