#include "broker/api/metadata.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "broker/api/error_mapping.h"
#include "broker/api/operations.h"
#include "broker/cluster/topic_name.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using Topic = protocol::MetadataResponse::MetadataResponseTopic;
using Partition = Topic::MetadataResponsePartition;

// Brokers of the listener that the request came in on; others cannot be reached by this client.
void add_brokers(const cluster::MetadataSnapshot& snapshot, const std::string& listener,
                 protocol::MetadataResponse& response) {
  for (const auto& [id, broker] : *snapshot.brokers) {
    const config::Listener* endpoint = broker.find_endpoint(listener);
    if (endpoint == nullptr) continue;
    auto& node = response.brokers.emplace_back();
    node.node_id = id;
    node.host = endpoint->host;
    node.port = endpoint->port;
    node.rack = broker.rack;
  }
}

std::vector<std::int32_t> live_only(const cluster::MetadataSnapshot& snapshot,
                                    const std::string& listener,
                                    const std::vector<std::int32_t>& ids) {
  std::vector<std::int32_t> live;
  for (const std::int32_t id : ids) {
    const auto* broker = snapshot.find_broker(id);
    if (broker != nullptr && broker->find_endpoint(listener) != nullptr) live.push_back(id);
  }
  return live;
}

Partition describe_partition(const cluster::MetadataSnapshot& snapshot,
                             const cluster::PartitionMetadata& known, const std::string& listener,
                             std::int16_t version) {
  Partition partition;
  partition.partition_index = known.partition;
  partition.leader_epoch = known.leader_epoch;
  partition.replica_nodes = known.replicas;
  partition.isr_nodes = known.isr;
  partition.offline_replicas = known.offline_replicas;
  const auto* leader = snapshot.find_broker(known.leader);
  if (leader == nullptr || leader->find_endpoint(listener) == nullptr) {
    const bool lacks_listener = leader != nullptr && version >= 6;
    partition.error_code = protocol::to_wire(lacks_listener ? ErrorCode::kListenerNotFound
                                                            : ErrorCode::kLeaderNotAvailable);
    partition.leader_id = cluster::kNoLeader;
  } else {
    partition.leader_id = known.leader;
  }
  if (version == 0) {
    // The oldest clients take every listed replica for a live one.
    partition.replica_nodes = live_only(snapshot, listener, known.replicas);
    partition.isr_nodes = live_only(snapshot, listener, known.isr);
    const bool some_missing = partition.replica_nodes.size() < known.replicas.size() ||
                              partition.isr_nodes.size() < known.isr.size();
    if (partition.error_code == 0 && some_missing) {
      partition.error_code = protocol::to_wire(ErrorCode::kReplicaNotAvailable);
    }
  }
  return partition;
}

Topic describe_topic(const cluster::MetadataSnapshot& snapshot, const cluster::TopicMetadata& known,
                     const std::string& listener, std::int16_t version, bool with_operations) {
  Topic topic;
  topic.name = known.name;
  topic.topic_id = known.id;
  topic.is_internal = cluster::is_internal_topic(known.name);
  topic.partitions.reserve(known.partitions.size());
  for (const auto& partition : known.partitions) {
    topic.partitions.push_back(describe_partition(snapshot, *partition, listener, version));
  }
  if (with_operations) topic.topic_authorized_operations = kAllTopicOperations;
  return topic;
}

Topic failed_topic(const std::string& name, ErrorCode code) {
  Topic topic;
  topic.name = name;
  topic.is_internal = cluster::is_internal_topic(name);
  topic.error_code = protocol::to_wire(code);
  return topic;
}

bool asks_for_all(const protocol::MetadataRequest& request, std::int16_t version) {
  return version == 0 ? !request.topics || request.topics->empty() : !request.topics;
}

// Versions 10 and 11 have the fields for topic ids, but brokers could not look one up yet.
bool names_topics_wrongly(const protocol::MetadataRequest& request, std::int16_t version) {
  if (version < 10 || !request.topics) return false;
  return std::any_of(request.topics->begin(), request.topics->end(), [&](const auto& topic) {
    return version < 12 ? !topic.topic_id.is_zero() || !topic.name
                        : topic.topic_id.is_zero() && !topic.name;
  });
}

network::Reply refuse(const network::RequestContext& context,
                      const protocol::MetadataRequest& request, ErrorCode code,
                      std::int16_t version) {
  protocol::MetadataResponse response;
  for (const auto& wanted : *request.topics) {
    auto& topic = response.topics.emplace_back();
    topic.name = wanted.name;
    if (version < 12 && !topic.name) topic.name = "";
    topic.topic_id = wanted.topic_id;
    topic.error_code = protocol::to_wire(code);
  }
  return network::reply(context, response);
}

}  // namespace

runtime::Task<Topic> MetadataApi::missing_topic(std::string name, bool may_create,
                                                bool* is_answered) {
  if (cluster::invalid_topic_name(name)) {
    co_return failed_topic(name, ErrorCode::kInvalidTopicException);
  }
  // A broker that has just started knows no topic until the controller has told it, and no live
  // broker to place a new one on: Kafka then answers INVALID_REPLICATION_FACTOR, which clients
  // take for final.
  if (metadata_.snapshot()->brokers->empty()) {
    co_return failed_topic(name, ErrorCode::kLeaderNotAvailable);
  }
  if (may_create && auto_create_.enabled()) {
    co_return failed_topic(name, auto_create_.create(name));
  }
  if (!metadata_.snapshot()->knows_topics()) {
    // Once ZooKeeper has not answered, the other names are not asked for.
    std::optional<bool> exists;
    if (*is_answered) exists = co_await auto_create_.exists(name);
    *is_answered = exists.has_value();
    if (exists.value_or(true)) co_return failed_topic(name, ErrorCode::kLeaderNotAvailable);
  }
  co_return failed_topic(name, ErrorCode::kUnknownTopicOrPartition);
}

runtime::Task<network::Reply> MetadataApi::handle(network::RequestContext& context,
                                                  std::int16_t version) {
  const auto decoded = decode_request<protocol::MetadataRequest>(context);
  if (!decoded) co_return network::close_reply();
  const protocol::MetadataRequest& request = *decoded;
  if (names_topics_wrongly(request, version)) {
    co_return refuse(context, request, ErrorCode::kInvalidRequest, version);
  }
  const auto snapshot = metadata_.snapshot();
  const std::string& listener = context.listener->name;

  protocol::MetadataResponse response;
  add_brokers(*snapshot, listener, response);
  response.cluster_id = cluster_id_;
  response.controller_id = snapshot->controller_id.value_or(-1);
  if (version >= 8 && version <= 10 && request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kAllClusterOperations;
  }
  const bool with_operations = version >= 8 && request.include_topic_authorized_operations;
  runtime::TurnBudget turn;
  if (asks_for_all(request, version)) {
    snapshot->topics.for_each([&](const cluster::TopicMetadata& known) {
      response.topics.push_back(
          describe_topic(*snapshot, known, listener, version, with_operations));
    });
    std::sort(response.topics.begin(), response.topics.end(),
              [](const Topic& a, const Topic& b) { return a.name < b.name; });
    co_return network::reply(context, response);
  }
  const bool may_create = version < 4 || request.allow_auto_topic_creation;
  // A topic that is named twice is described once, as in Kafka: no answer is larger than the one
  // about all topics.
  std::unordered_set<std::string_view> named;
  std::set<base::Uuid> named_ids;
  bool is_answered = true;  // by ZooKeeper, where it has to be asked
  for (const auto& wanted : *request.topics) {
    if (turn.is_spent()) co_await turn.yield();
    const bool by_id = !wanted.topic_id.is_zero();
    if (by_id ? !named_ids.insert(wanted.topic_id).second : !named.insert(*wanted.name).second) {
      continue;
    }
    const auto* known =
        by_id ? snapshot->find_topic(wanted.topic_id) : snapshot->find_topic(*wanted.name);
    if (known != nullptr) {
      response.topics.push_back(
          describe_topic(*snapshot, *known, listener, version, with_operations));
    } else if (by_id) {
      auto& topic = response.topics.emplace_back();
      topic.name.reset();
      topic.topic_id = wanted.topic_id;
      topic.error_code = protocol::to_wire(ErrorCode::kUnknownTopicId);
    } else {
      response.topics.push_back(co_await missing_topic(*wanted.name, may_create, &is_answered));
      // Whoever asks by name is told what it may do with such a topic.
      if (with_operations) response.topics.back().topic_authorized_operations = kAllTopicOperations;
    }
  }
  co_return network::reply(context, response);
}

}  // namespace api
