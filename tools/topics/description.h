// Purpose: the text of `kafka-topics --describe`, in the form of Kafka 2.4 (--zookeeper) or 3.9
// (--bootstrap-server). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "tools/topics/command.h"

namespace topics {

struct PartitionDescription {
  std::int32_t partition = 0;
  std::optional<std::int32_t> leader;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> isr;
};

struct TopicDescription {
  std::string name;
  base::TopicId id;                                          // zero: not known
  std::vector<std::pair<std::string, std::string>> configs;  // overrides, in the order to print
  std::int32_t min_insync_replicas = 1;
  bool is_marked_for_deletion = false;
  std::vector<PartitionDescription> partitions;  // ascending
};

enum class Form : std::uint8_t { kafka_2_4, kafka_3_9 };

// The lines of one topic, each with its line end; empty if the filter leaves nothing.
std::string describe(const TopicDescription& topic, const DescribeFilter& filter,
                     const std::set<std::int32_t>& live_brokers, Form form);

}  // namespace topics
