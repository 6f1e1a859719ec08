#include "tools/topics/cluster_topics.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "base/result.h"
#include "broker/cluster/topic_name.h"
#include "protocol/gen/create_partitions.h"
#include "protocol/gen/create_topics.h"
#include "protocol/gen/delete_topics.h"
#include "protocol/gen/describe_configs.h"
#include "tools/cluster_session.h"
#include "tools/topic_filter.h"
#include "tools/topics/placement.h"

namespace topics {

using protocol::ErrorCode;
using runtime::Task;
using tools::broker_failure;
using tools::failure;
using tools::Outcome;
using MetadataTopic = protocol::MetadataResponse::MetadataResponseTopic;

namespace {

constexpr std::int32_t kRequestTimeoutMs = 30'000;
constexpr std::int8_t kTopicResource = 2;
constexpr std::string_view kMinInsyncReplicas = "min.insync.replicas";

// The topics that the command means, sorted by name.
Outcome<std::vector<MetadataTopic>> pick_topics(protocol::MetadataResponse& metadata,
                                                const Command& command) {
  TRY_ASSIGN(const auto filter,
             tools::TopicFilter::compile(command.topic, command.exclude_internal));
  std::vector<MetadataTopic> picked;
  for (MetadataTopic& topic : metadata.topics) {
    if (topic.name && filter.matches(*topic.name)) picked.push_back(std::move(topic));
  }
  std::ranges::sort(picked, {}, [](const MetadataTopic& topic) { return *topic.name; });
  const bool must_exist = command.topic && !command.topic->empty() && !command.if_exists &&
                          command.action != Action::list;
  if (picked.empty() && must_exist) {
    return failure(fmt::format("Topic '{}' does not exist as expected", *command.topic));
  }
  return picked;
}

// The same for --topic-id, which wins over --topic.
Outcome<std::vector<MetadataTopic>> pick_topic_by_id(protocol::MetadataResponse& metadata,
                                                     const Command& command) {
  const auto id = base::Uuid::parse(*command.topic_id);
  if (!id) return failure(fmt::format("{} is not a topic id", *command.topic_id));
  if (id->is_zero()) return pick_topics(metadata, command);
  std::vector<MetadataTopic> picked;
  for (MetadataTopic& topic : metadata.topics) {
    if (topic.topic_id == *id) picked.push_back(std::move(topic));
  }
  if (picked.empty() && !command.if_exists) {
    return failure(fmt::format("TopicId '{}' does not exist as expected", *command.topic_id));
  }
  return picked;
}

TopicDescription describe_topic(const MetadataTopic& topic) {
  TopicDescription description;
  description.name = topic.name.value_or("");
  description.id = topic.topic_id;
  for (const auto& partition : topic.partitions) {
    description.partitions.push_back(
        {partition.partition_index,
         partition.leader_id < 0 ? std::nullopt : std::optional(partition.leader_id),
         partition.replica_nodes, partition.isr_nodes});
  }
  std::ranges::sort(description.partitions, {}, &PartitionDescription::partition);
  return description;
}

}  // namespace

Task<Outcome<>> ClusterTopics::run(Command command) {
  switch (command.action) {
    case Action::create: co_return co_await create(std::move(command));
    case Action::list: co_return co_await list(std::move(command));
    case Action::alter: co_return co_await alter(std::move(command));
    case Action::describe: co_return co_await describe(std::move(command));
    case Action::remove: break;
  }
  co_return co_await remove(std::move(command));
}

Task<Outcome<>> ClusterTopics::create(Command command) {
  constexpr std::int32_t kReplicationFactorMax = std::numeric_limits<std::int16_t>::max();
  if (cluster::has_collision_characters(*command.topic)) fmt::print("{}\n", kCollisionWarning);
  const std::int32_t replication_factor = command.replication_factor.value_or(1);
  if (replication_factor < 1 || replication_factor > kReplicationFactorMax) {
    co_return failure(fmt::format("The replication factor must be between 1 and {} inclusive",
                                  kReplicationFactorMax));
  }
  if (command.partitions.value_or(1) < 1) {
    co_return failure("The partitions must be greater than 0");
  }
  protocol::CreateTopicsRequest request;
  request.timeout_ms = kRequestTimeoutMs;
  auto& topic = request.topics.emplace_back();
  topic.name = *command.topic;
  const bool is_placed = !command.assignment.empty();
  topic.num_partitions = command.partitions.value_or(-1);
  topic.replication_factor =
      is_placed ? std::int16_t{-1}
                : static_cast<std::int16_t>(command.replication_factor.value_or(-1));
  for (const auto& [partition, replicas] : command.assignment) {
    topic.assignments.push_back({partition, replicas});
  }
  for (const auto& [key, value] : command.configs) topic.configs.push_back({key, value});
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_.call_controller<protocol::CreateTopicsResponse>(request));
  for (const auto& result : reply.value.topics) {
    const auto code = protocol::error_code_from_wire(result.error_code);
    if (code == ErrorCode::kTopicAlreadyExists && command.if_not_exists) co_return Outcome<>();
    if (code != ErrorCode::kNone) {
      co_return std::unexpected(broker_failure(result.error_code, result.error_message));
    }
  }
  fmt::print("Created topic {}.\n", *command.topic);
  co_return Outcome<>();
}

Task<Outcome<>> ClusterTopics::list(Command command) {
  CO_TRY_ASSIGN(auto metadata, co_await tools::fetch_metadata(cluster_));
  CO_TRY_ASSIGN(const auto topics, pick_topics(metadata, command));
  std::vector<std::string_view> names;
  for (const MetadataTopic& topic : topics) names.push_back(*topic.name);
  fmt::print("{}\n", fmt::join(names, "\n"));
  co_return Outcome<>();
}

Task<Outcome<>> ClusterTopics::alter(Command command) {
  CO_TRY_ASSIGN(auto metadata, co_await tools::fetch_metadata(cluster_));
  CO_TRY_ASSIGN(const auto topics, pick_topics(metadata, command));
  if (topics.empty()) co_return Outcome<>();
  protocol::CreatePartitionsRequest request;
  request.timeout_ms = kRequestTimeoutMs;
  for (const MetadataTopic& topic : topics) {
    auto& change = request.topics.emplace_back();
    change.name = *topic.name;
    change.count = *command.partitions;
    change.assignments.reset();
    if (command.assignment.empty()) continue;
    // The assignment lists all partitions; those that exist are not sent.
    change.assignments.emplace();
    const auto existing = static_cast<std::int32_t>(topic.partitions.size());
    for (const auto& [partition, replicas] : command.assignment) {
      if (partition >= existing) change.assignments->push_back({replicas});
    }
  }
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_.call_controller<protocol::CreatePartitionsResponse>(request));
  for (const auto& result : reply.value.results) {
    if (result.error_code == 0) continue;
    co_return std::unexpected(broker_failure(result.error_code, result.error_message));
  }
  co_return Outcome<>();
}

Task<Outcome<>> ClusterTopics::add_configs(std::vector<TopicDescription>& topics) {
  if (topics.empty()) co_return Outcome<>();
  protocol::DescribeConfigsRequest request;
  for (const TopicDescription& topic : topics) {
    auto& resource = request.resources.emplace_back();
    resource.resource_type = kTopicResource;
    resource.resource_name = topic.name;
    resource.configuration_keys.reset();
  }
  auto reply = co_await cluster_.call_any<protocol::DescribeConfigsResponse>(request);
  // A broker that does not describe configs has no overrides to show.
  if (!reply && reply.error().is(base::Errc::unsupported)) co_return Outcome<>();
  if (!reply) co_return std::unexpected(tools::Failure(std::move(reply).error()));
  for (const auto& result : reply->value.results) {
    if (result.error_code != 0) {
      co_return std::unexpected(broker_failure(result.error_code, result.error_message));
    }
    const auto topic = std::ranges::find_if(
        topics, [&](const TopicDescription& other) { return other.name == result.resource_name; });
    if (topic == topics.end()) continue;
    for (const auto& config : result.configs) {
      constexpr std::int8_t kDefaultSource = 5;
      constexpr std::int8_t kUnknownSource = -1;  // version 0 says only whether it is a default
      const std::string value = config.value.value_or("null");
      const bool is_default = config.config_source == kUnknownSource
                                  ? config.is_default
                                  : config.config_source == kDefaultSource;
      if (!is_default) topic->configs.emplace_back(config.name, value);
      if (config.name == kMinInsyncReplicas) {
        std::from_chars(value.data(), value.data() + value.size(), topic->min_insync_replicas);
      }
    }
  }
  co_return Outcome<>();
}

Task<Outcome<>> ClusterTopics::describe(Command command) {
  CO_TRY_ASSIGN(auto metadata, co_await tools::fetch_metadata(cluster_));
  CO_TRY_ASSIGN(const auto picked, command.topic_id ? pick_topic_by_id(metadata, command)
                                                    : pick_topics(metadata, command));
  std::set<std::int32_t> live_brokers;
  for (const auto& broker : metadata.brokers) live_brokers.insert(broker.node_id);
  std::vector<TopicDescription> topics;
  for (const MetadataTopic& topic : picked) topics.push_back(describe_topic(topic));
  CO_TRY(co_await add_configs(topics));
  for (const TopicDescription& topic : topics) {
    fmt::print("{}", topics::describe(topic, command.filter, live_brokers, Form::kafka_3_9));
  }
  co_return Outcome<>();
}

Task<Outcome<>> ClusterTopics::remove(Command command) {
  CO_TRY_ASSIGN(auto metadata, co_await tools::fetch_metadata(cluster_));
  CO_TRY_ASSIGN(const auto topics, pick_topics(metadata, command));
  if (topics.empty()) co_return Outcome<>();
  protocol::DeleteTopicsRequest request;
  request.timeout_ms = kRequestTimeoutMs;
  for (const MetadataTopic& topic : topics) {
    request.topic_names.push_back(*topic.name);
    request.topics.emplace_back().name = *topic.name;
  }
  // One of the two lists goes onto the wire, by version.
  const auto by_version = [request](std::int16_t version) mutable {
    if (version >= 6) request.topic_names.clear();
    if (version < 6) request.topics.clear();
    return request;
  };
  CO_TRY_ASSIGN(const auto reply,
                co_await cluster_.call_controller<protocol::DeleteTopicsResponse>(by_version));
  for (const auto& result : reply.value.responses) {
    if (result.error_code == 0) continue;
    co_return std::unexpected(broker_failure(result.error_code, result.error_message));
  }
  co_return Outcome<>();
}

}  // namespace topics
