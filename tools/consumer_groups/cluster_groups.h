// Purpose: what kafka-consumer-groups asks the brokers, one function per question. Failures are
// worded as Kafka's admin client words them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "client/cluster_client.h"
#include "protocol/error_code.h"
#include "tools/tool.h"

namespace consumer_groups {

using base::TopicPartition;
using Offsets = std::map<TopicPartition, std::int64_t>;

struct GroupListing {
  std::string group;
  std::string state;  // "Unknown" from a broker that does not tell
  std::string type;
};

struct MemberDescription {
  std::string id;
  std::string instance_id;  // empty: not a static member
  std::string client_id;
  std::string host;
  std::vector<TopicPartition> partitions;  // sorted
};

struct DescribedGroup {
  std::string group;
  std::string state;  // Kafka's name; "Dead" if there is no such group
  std::string assignor;
  std::vector<MemberDescription> members;
  std::string rebalance_history;  // JSON, if asked for; empty from other brokers than Barnabas
};

struct Coordinator {
  base::BrokerId id;
  client::Endpoint endpoint;
};

// What came of an OffsetDelete: one code for all, or one per partition.
struct DeletedOffsets {
  protocol::ErrorCode group_error = protocol::ErrorCode::kNone;
  std::map<TopicPartition, protocol::ErrorCode> partitions;
};

inline constexpr std::int64_t kEarliestTimestamp = -2;
inline constexpr std::int64_t kLatestTimestamp = -1;
inline constexpr std::int64_t kUnknownOffset = -1;

// Kafka wraps what fails in a future into this; scripts look for the class behind it.
std::string in_execution_exception(std::string_view message);

class ClusterGroups {
 public:
  explicit ClusterGroups(client::ClusterClient& cluster) : cluster_(cluster) {}

  // Consumer groups of all brokers, sorted by name. Empty filters let everything through.
  runtime::Task<tools::Outcome<std::vector<GroupListing>>> list(std::vector<std::string> states,
                                                                std::vector<std::string> types);
  runtime::Task<tools::Outcome<DescribedGroup>> describe(std::string group,
                                                         bool with_history = false);
  runtime::Task<tools::Outcome<Coordinator>> coordinator(std::string group);
  // All that the group has committed.
  runtime::Task<tools::Outcome<Offsets>> committed(std::string group);
  // By timestamp or kEarliestTimestamp or kLatestTimestamp; kUnknownOffset where no record is that
  // young. Fails if one partition fails.
  runtime::Task<tools::Outcome<Offsets>> log_offsets(std::vector<TopicPartition> partitions,
                                                     std::int64_t timestamp);
  // Fails for a topic that is not there.
  runtime::Task<tools::Outcome<std::vector<TopicPartition>>> partitions_of(std::string topic);
  // As the group without members does.
  runtime::Task<tools::Outcome<>> commit(std::string group, Offsets offsets);
  runtime::Task<tools::Outcome<protocol::ErrorCode>> remove(std::string group);
  runtime::Task<tools::Outcome<DeletedOffsets>> delete_offsets(
      std::string group, std::vector<TopicPartition> partitions);

 private:
  client::ClusterClient& cluster_;
};

}  // namespace consumer_groups
