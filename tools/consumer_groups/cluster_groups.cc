#include "tools/consumer_groups/cluster_groups.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/result.h"
#include "protocol/gen/delete_groups.h"
#include "protocol/gen/describe_groups.h"
#include "protocol/gen/list_groups.h"
#include "protocol/gen/list_offsets.h"
#include "protocol/gen/metadata.h"
#include "protocol/gen/offset_commit.h"
#include "protocol/gen/offset_delete.h"
#include "protocol/gen/offset_fetch.h"
#include "tools/consumer_groups/assignment.h"
#include "tools/java_exception.h"
#include "tools/list_offsets_request.h"

namespace consumer_groups {

using protocol::ErrorCode;
using runtime::Task;
using tools::failure;
using tools::java_exception;
using tools::Outcome;

namespace {

constexpr std::string_view kConsumerProtocol = "consumer";
constexpr std::int32_t kNoGeneration = -1;

std::unexpected<tools::Failure> refused(std::int16_t wire_code) {
  return failure(java_exception(protocol::error_code_from_wire(wire_code)));
}

std::unexpected<tools::Failure> failed(const base::Error& error) {
  return failure(java_exception(error));
}

protocol::ListGroupsRequest list_request(const std::vector<std::string>& states,
                                         const std::vector<std::string>& types) {
  protocol::ListGroupsRequest request;
  request.states_filter = states;
  request.types_filter = types;
  return request;
}

// The version that must be spoken for a filter to count.
std::optional<std::string> unsupported_filter(std::int16_t version, bool has_states,
                                              bool has_types) {
  const auto message = [&](std::int16_t needed, std::string_view what) {
    return fmt::format(
        "{}: The broker only supports ListGroups v{}, but v{} or newer is needed to "
        "list groups by {}.",
        tools::java_exception_class(ErrorCode::kUnsupportedVersion), version, needed, what);
  };
  if (has_types && version < 5) return message(5, "type");
  if (has_states && version < 4) return message(4, "state");
  return std::nullopt;
}

Outcome<DescribedGroup> to_description(
    const protocol::DescribeGroupsResponse::DescribedGroup& group) {
  if (group.error_code != 0) return refused(group.error_code);
  if (!group.protocol_type.empty() && group.protocol_type != kConsumerProtocol) {
    return failure(
        fmt::format("java.lang.IllegalArgumentException: GroupId {} is not a consumer group ({}).",
                    group.group_id, group.protocol_type));
  }
  DescribedGroup description{
      group.group_id, group.group_state, group.protocol_data, {}, group.rebalance_history};
  for (const auto& member : group.members) {
    auto partitions = decode_assignment(member.member_assignment);
    if (!partitions) return failed(partitions.error());
    description.members.push_back({member.member_id, member.group_instance_id.value_or(""),
                                   member.client_id, member.client_host, std::move(*partitions)});
  }
  return description;
}

protocol::OffsetFetchRequest fetch_all_request(const std::string& group, std::int16_t version) {
  constexpr std::int16_t kFirstWithSeveralGroups = 8;
  protocol::OffsetFetchRequest request;
  if (version >= kFirstWithSeveralGroups) {
    auto& entry = request.groups.emplace_back();
    entry.group_id = group;
    entry.topics.reset();
  } else {
    request.group_id = group;
    request.topics.reset();
  }
  return request;
}

template <class Topics>
void collect_committed(const Topics& topics, Offsets& offsets) {
  for (const auto& topic : topics) {
    for (const auto& partition : topic.partitions) {
      // A partition with an error is left out, as in Kafka; a negative offset is none.
      if (partition.error_code != 0 || partition.committed_offset < 0) continue;
      offsets[{topic.name, partition.partition_index}] = partition.committed_offset;
    }
  }
}

Task<Outcome<protocol::MetadataResponse>> metadata_of(client::ClusterClient& cluster,
                                                      std::set<std::string> topics) {
  protocol::MetadataRequest request;
  request.topics.emplace();
  for (const std::string& topic : topics) request.topics->emplace_back().name = topic;
  const auto by_version = [request](std::int16_t version) mutable {
    if (version >= 4) request.allow_auto_topic_creation = false;
    return request;
  };
  auto reply = co_await cluster.call_any<protocol::MetadataResponse>(by_version);
  if (!reply) co_return failed(reply.error());
  co_return std::move(reply->value);
}

// Asks one leader for its partitions. One whose leadership moved is asked for alone, which finds
// its leader.
Task<Outcome<>> ask_leader(client::ClusterClient& cluster, std::vector<TopicPartition> partitions,
                           std::int64_t timestamp, Offsets& offsets) {
  const TopicPartition first = partitions.front();
  const auto reply = co_await cluster.call_leader<protocol::ListOffsetsResponse>(
      first, tools::list_offsets_request(partitions, timestamp));
  if (!reply) co_return failed(reply.error());
  for (const auto& topic : reply->value.topics) {
    for (const auto& result : topic.partitions) {
      const TopicPartition partition{topic.name, result.partition_index};
      const auto code = protocol::error_code_from_wire(result.error_code);
      if (client::is_wrong_leader(code) && partitions.size() > 1) {
        CO_TRY(co_await ask_leader(cluster, {partition}, timestamp, offsets));
      } else if (code != ErrorCode::kNone) {
        co_return failure(java_exception(code));
      } else {
        offsets[partition] = result.offset;
      }
    }
  }
  co_return Outcome<>();
}

}  // namespace

std::string in_execution_exception(std::string_view message) {
  return fmt::format("java.util.concurrent.ExecutionException: {}", message);
}

Task<Outcome<std::vector<GroupListing>>> ClusterGroups::list(std::vector<std::string> states,
                                                             std::vector<std::string> types) {
  auto refreshed = co_await cluster_.refresh();
  if (!refreshed) co_return failed(refreshed.error());
  std::vector<GroupListing> listings;
  const auto brokers = cluster_.brokers();
  for (const auto& [id, endpoint] : brokers) {
    std::optional<std::string> unsupported;
    const auto by_version = [&](std::int16_t version) {
      unsupported = unsupported_filter(version, !states.empty(), !types.empty());
      return unsupported ? protocol::ListGroupsRequest() : list_request(states, types);
    };
    const auto reply = co_await cluster_.call_broker<protocol::ListGroupsResponse>(id, by_version);
    if (unsupported) co_return failure(*unsupported);
    if (!reply) co_return failed(reply.error());
    if (reply->value.error_code != 0) co_return refused(reply->value.error_code);
    for (const auto& group : reply->value.groups) {
      if (!group.protocol_type.empty() && group.protocol_type != kConsumerProtocol) continue;
      const auto told = [](const std::string& text) { return text.empty() ? "Unknown" : text; };
      listings.push_back({group.group_id, told(group.group_state), told(group.group_type)});
      // Brokers write types in small letters.
      if (listings.back().type == "classic") listings.back().type = "Classic";
      if (listings.back().type == "consumer") listings.back().type = "Consumer";
    }
  }
  std::ranges::sort(listings, {}, &GroupListing::group);
  co_return listings;
}

Task<Outcome<DescribedGroup>> ClusterGroups::describe(std::string group, bool with_history) {
  protocol::DescribeGroupsRequest request;
  request.include_rebalance_history = with_history;
  request.groups.push_back(group);
  const auto reply =
      co_await cluster_.call_coordinator<protocol::DescribeGroupsResponse>(group, request);
  if (!reply) co_return failed(reply.error());
  if (reply->value.groups.size() != 1) {
    co_return failure("the coordinator described another number of groups than asked for");
  }
  co_return to_description(reply->value.groups[0]);
}

Task<Outcome<Coordinator>> ClusterGroups::coordinator(std::string group) {
  const auto id = co_await cluster_.coordinator_of(group);
  if (!id) co_return failed(id.error());
  const auto broker = cluster_.brokers().find(*id);
  if (broker == cluster_.brokers().end()) co_return Coordinator{*id, {}};
  co_return Coordinator{*id, broker->second};
}

Task<Outcome<Offsets>> ClusterGroups::committed(std::string group) {
  const auto by_version = [group](std::int16_t version) {
    return fetch_all_request(group, version);
  };
  const auto reply =
      co_await cluster_.call_coordinator<protocol::OffsetFetchResponse>(group, by_version);
  if (!reply) co_return failure(in_execution_exception(java_exception(reply.error())));
  std::int16_t code = reply->value.error_code;
  Offsets offsets;
  collect_committed(reply->value.topics, offsets);
  for (const auto& entry : reply->value.groups) {
    if (entry.group_id != group) continue;
    code = entry.error_code;
    collect_committed(entry.topics, offsets);
  }
  if (code == 0) co_return offsets;
  co_return failure(in_execution_exception(java_exception(protocol::error_code_from_wire(code))));
}

Task<Outcome<Offsets>> ClusterGroups::log_offsets(std::vector<TopicPartition> partitions,
                                                  std::int64_t timestamp) {
  Offsets offsets;
  if (partitions.empty()) co_return offsets;
  std::set<std::string> topics;
  for (const TopicPartition& partition : partitions) topics.insert(partition.topic);
  CO_TRY_ASSIGN(const auto metadata, co_await metadata_of(cluster_, std::move(topics)));
  std::map<TopicPartition, std::int32_t> leaders;
  for (const auto& topic : metadata.topics) {
    for (const auto& partition : topic.partitions) {
      leaders[{topic.name.value_or(""), partition.partition_index}] = partition.leader_id;
    }
  }
  std::map<std::int32_t, std::vector<TopicPartition>> by_leader;
  for (TopicPartition& partition : partitions) {
    const auto leader = leaders.find(partition);
    if (leader == leaders.end()) {
      co_return failure(in_execution_exception(
          fmt::format("{} ({})", java_exception(ErrorCode::kUnknownTopicOrPartition), partition)));
    }
    by_leader[leader->second].push_back(std::move(partition));
  }
  for (auto& [leader, of_leader] : by_leader) {
    const auto asked = co_await ask_leader(cluster_, std::move(of_leader), timestamp, offsets);
    if (!asked) co_return failure(in_execution_exception(asked.error().message));
  }
  co_return offsets;
}

Task<Outcome<std::vector<TopicPartition>>> ClusterGroups::partitions_of(std::string topic) {
  CO_TRY_ASSIGN(const auto metadata, co_await metadata_of(cluster_, {topic}));
  std::vector<TopicPartition> partitions;
  for (const auto& entry : metadata.topics) {
    if (entry.name != topic) continue;
    if (entry.error_code != 0 && entry.partitions.empty()) co_return refused(entry.error_code);
    for (const auto& partition : entry.partitions) {
      partitions.push_back({topic, partition.partition_index});
    }
  }
  std::ranges::sort(partitions);
  co_return partitions;
}

Task<Outcome<>> ClusterGroups::commit(std::string group, Offsets offsets) {
  protocol::OffsetCommitRequest request;
  request.group_id = group;
  request.generation_id_or_member_epoch = kNoGeneration;
  for (const auto& [partition, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != partition.topic) {
      request.topics.emplace_back().name = partition.topic;
    }
    auto& entry = request.topics.back().partitions.emplace_back();
    entry.partition_index = partition.partition;
    entry.committed_offset = offset;
    entry.committed_metadata = "";
  }
  const auto reply =
      co_await cluster_.call_coordinator<protocol::OffsetCommitResponse>(group, request);
  if (!reply) co_return failed(reply.error());
  std::vector<std::string> refused_partitions;
  ErrorCode first = ErrorCode::kNone;
  for (const auto& topic : reply->value.topics) {
    for (const auto& partition : topic.partitions) {
      if (partition.error_code == 0) continue;
      if (first == ErrorCode::kNone) first = protocol::error_code_from_wire(partition.error_code);
      refused_partitions.push_back(fmt::format("{}-{}", topic.name, partition.partition_index));
    }
  }
  if (refused_partitions.empty()) co_return Outcome<>();
  co_return failure(
      fmt::format("{}: Failed altering group offsets for the following partitions: [{}]",
                  tools::java_exception_class(first), fmt::join(refused_partitions, ", ")));
}

Task<Outcome<ErrorCode>> ClusterGroups::remove(std::string group) {
  protocol::DeleteGroupsRequest request;
  request.groups_names.push_back(group);
  const auto reply =
      co_await cluster_.call_coordinator<protocol::DeleteGroupsResponse>(group, request);
  if (!reply) co_return failed(reply.error());
  for (const auto& result : reply->value.results) {
    if (result.group_id == group) co_return protocol::error_code_from_wire(result.error_code);
  }
  co_return failure("the coordinator did not tell whether it deleted the group");
}

Task<Outcome<DeletedOffsets>> ClusterGroups::delete_offsets(
    std::string group, std::vector<TopicPartition> partitions) {
  std::map<std::string, protocol::OffsetDeleteRequest::OffsetDeleteRequestTopic> topics;
  for (const TopicPartition& partition : partitions) {
    auto& topic = topics[partition.topic];
    topic.name = partition.topic;
    topic.partitions.emplace_back().partition_index = partition.partition;
  }
  protocol::OffsetDeleteRequest request;
  request.group_id = group;
  for (auto& [name, topic] : topics) request.topics.push_back(std::move(topic));
  const auto reply =
      co_await cluster_.call_coordinator<protocol::OffsetDeleteResponse>(group, request);
  if (!reply) co_return failed(reply.error());
  DeletedOffsets deleted;
  deleted.group_error = protocol::error_code_from_wire(reply->value.error_code);
  for (const auto& topic : reply->value.topics) {
    for (const auto& partition : topic.partitions) {
      deleted.partitions[{topic.name, partition.partition_index}] =
          protocol::error_code_from_wire(partition.error_code);
    }
  }
  co_return deleted;
}

}  // namespace consumer_groups
