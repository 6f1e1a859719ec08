#include "broker/controller/zk_store.h"

#include <algorithm>

#include "base/log.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "broker/cluster/znodes/notifications.h"

namespace controller {

namespace paths = cluster::paths;
using zkclient::ZkError;

namespace {

StateRead decode_state(const base::Result<zkclient::NodeData>& node) {
  if (!node) {
    if (node.error().is(ZkError::no_node)) return std::optional<Leadership>();
    return base::fail(node.error());
  }
  TRY_ASSIGN(cluster::PartitionState state,
             cluster::decode_partition_state(node->data.value_or("")));
  return std::optional(Leadership{std::move(state), node->stat.version.value()});
}

}  // namespace

StoreTask<std::vector<ZkStore::NodeRead>> ZkStore::get_all(std::vector<std::string> paths,
                                                           bool watch) {
  CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
  std::vector<NodeRead> nodes = co_await client->get_many(paths, watch);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    while (!nodes[i] && is_transient(nodes[i].error())) {
      CO_TRY_ASSIGN(zkclient::Client * again, session_.client());
      nodes[i] = co_await again->get(paths[i], watch);
    }
    if (!session_.has_session()) co_return base::fail(ZkError::session_expired);
    if (!watch || nodes[i] || !nodes[i].error().is(ZkError::no_auth)) continue;
    // A read that is refused arms no watch; that of exists() asks nobody's leave.
    CO_TRY_ASSIGN(client, session_.client());
    (void)co_await client->exists(paths[i], /*watch=*/true);
  }
  co_return nodes;
}

StoreTask<std::optional<zkclient::NodeData>> ZkStore::get_watched(std::string path) {
  for (;;) {
    CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
    auto node = co_await client->get(path, /*watch=*/true);
    if (node) co_return std::move(*node);
    if (is_transient(node.error())) continue;
    if (!node.error().is(ZkError::no_node)) co_return base::fail(node.error());
    // Only exists() leaves a watch on a znode that is not there.
    CO_TRY_ASSIGN(client, session_.client());
    auto stat = co_await client->exists(path, /*watch=*/true);
    if (!stat && is_transient(stat.error())) continue;
    if (!stat) co_return base::fail(stat.error());
    if (!*stat) co_return std::optional<zkclient::NodeData>();
  }
}

StoreTask<std::vector<std::string>> ZkStore::list(std::string path, bool watch) {
  for (;;) {
    CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
    auto children = co_await client->children(path, watch);
    if (children) {
      std::ranges::sort(*children);
      co_return std::move(*children);
    }
    if (children.error().is(ZkError::no_node)) co_return std::vector<std::string>();
    if (!is_transient(children.error())) co_return base::fail(children.error());
  }
}

StoreTask<std::vector<RegisteredBroker>> ZkStore::read_brokers() {
  CO_TRY_ASSIGN(const std::vector<std::string> names,
                co_await list(std::string(paths::kBrokerIds), true));
  std::vector<std::int32_t> ids;
  std::vector<std::string> nodes_paths;
  for (const std::string& name : names) {
    const auto id = paths::parse_number(name);
    if (id && *id >= 0) {
      ids.push_back(*id);
      nodes_paths.push_back(paths::broker_id(*id));
    }
  }
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(nodes_paths, /*watch=*/true));
  std::vector<RegisteredBroker> brokers;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!nodes[i]) {
      // Gone meanwhile: the watch will tell. Kept from us: it counts as one that makes no sense.
      if (!nodes[i].error().is(ZkError::no_node)) brokers.push_back({.id = ids[i], .info = {}});
      continue;
    }
    RegisteredBroker& broker = brokers.emplace_back();
    broker.id = ids[i];
    broker.epoch = nodes[i]->stat.czxid;
    auto info = cluster::decode_broker_info(ids[i], nodes[i]->data.value_or(""));
    if (info) broker.info = std::move(*info);
  }
  co_return brokers;
}

StoreTask<std::optional<RegisteredBroker>> ZkStore::read_broker(std::int32_t id) {
  const std::vector<std::string> path{paths::broker_id(id)};
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(path, /*watch=*/true));
  if (!nodes.front()) {
    if (nodes.front().error().is(ZkError::no_node)) co_return std::optional<RegisteredBroker>();
    co_return std::optional(RegisteredBroker{.id = id, .info = {}});
  }
  RegisteredBroker broker{id, nodes.front()->stat.czxid, {}};
  auto info = cluster::decode_broker_info(id, nodes.front()->data.value_or(""));
  if (info) broker.info = std::move(*info);
  co_return std::optional(std::move(broker));
}

StoreTask<std::vector<std::string>> ZkStore::read_topics() {
  return list(std::string(paths::kTopics), /*watch=*/true);
}

StoreTask<std::vector<AssignmentRead>> ZkStore::read_assignments(std::vector<std::string> topics) {
  std::vector<std::string> node_paths;
  for (const std::string& topic : topics) node_paths.push_back(paths::topic(topic));
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(node_paths, /*watch=*/true));
  std::vector<AssignmentRead> reads;
  reads.reserve(nodes.size());
  for (const NodeRead& node : nodes) {
    if (node) {
      auto assignment = cluster::decode_topic_assignment(node->data.value_or(""));
      if (assignment) {
        reads.emplace_back(std::optional(std::move(*assignment)));
      } else {
        reads.emplace_back(base::fail(std::move(assignment).error()));
      }
    } else if (node.error().is(ZkError::no_node)) {
      reads.emplace_back(std::optional<cluster::TopicAssignment>());
    } else {
      reads.emplace_back(base::fail(node.error()));
    }
  }
  co_return reads;
}

StoreTask<std::set<std::int32_t>> ZkStore::read_partition_numbers(std::string topic) {
  CO_TRY_ASSIGN(const std::vector<std::string> names,
                co_await list(paths::partitions(topic), false));
  std::set<std::int32_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = paths::parse_number(name)) numbers.insert(*number);
  }
  co_return numbers;
}

StoreTask<std::vector<StateRead>> ZkStore::read_states(std::vector<TopicPartition> partitions) {
  return get_states(std::move(partitions), /*watch=*/false);
}
StoreTask<std::vector<StateRead>> ZkStore::watch_states(std::vector<TopicPartition> partitions) {
  return get_states(std::move(partitions), /*watch=*/true);
}

StoreTask<std::vector<StateRead>> ZkStore::get_states(std::vector<TopicPartition> partitions,
                                                      bool watch) {
  std::vector<std::string> node_paths;
  node_paths.reserve(partitions.size());
  for (const TopicPartition& partition : partitions) {
    node_paths.push_back(paths::partition_state(partition.topic, partition.partition));
  }
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(std::move(node_paths), watch));
  std::vector<StateRead> reads;
  reads.reserve(nodes.size());
  for (const NodeRead& node : nodes) reads.push_back(decode_state(node));
  co_return reads;
}

StoreTask<std::map<std::string, base::Result<bool>>> ZkStore::read_unclean_allowed(
    std::set<std::string> topics) {
  const std::vector<std::string> names(topics.begin(), topics.end());
  std::vector<std::string> node_paths;
  for (const std::string& name : names) node_paths.push_back(paths::topic_config(name));
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(std::move(node_paths), false));
  std::map<std::string, base::Result<bool>> allowed;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!nodes[i] && !nodes[i].error().is(ZkError::no_node)) {
      allowed.emplace(names[i], base::fail(nodes[i].error()));
      continue;
    }
    auto overrides = cluster::decode_config(nodes[i] ? nodes[i]->data.value_or("") : "");
    if (!overrides) {
      allowed.emplace(names[i], base::fail(std::move(overrides).error()));
    } else {
      allowed.emplace(names[i], config::make_topic_config(settings_.topic_defaults, *overrides)
                                    .unclean_leader_election_enable);
    }
  }
  co_return allowed;
}

StoreTask<std::set<std::string>> ZkStore::read_deletion_markers() {
  CO_TRY_ASSIGN(const std::vector<std::string> names,
                co_await list(std::string(paths::kDeleteTopics), true));
  co_return std::set<std::string>(names.begin(), names.end());
}

StoreTask<Notifications> ZkStore::read_isr_changes() {
  return read_notifications(std::string(paths::kIsrChanges), "isr_change_", true);
}
StoreTask<Notifications> ZkStore::read_log_dir_events() {
  return read_notifications(std::string(paths::kLogDirEvents), "log_dir_event_", false);
}

StoreTask<Notifications> ZkStore::read_notifications(std::string parent, std::string prefix,
                                                     bool is_isr_change) {
  Notifications result;
  CO_TRY_ASSIGN(std::vector<std::string> names, co_await list(parent, true));
  std::erase_if(names, [&](const std::string& name) {
    return !paths::parse_sequence(name, prefix).has_value();
  });
  std::vector<std::string> node_paths;
  for (const std::string& name : names) node_paths.push_back(parent + "/" + name);
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(std::move(node_paths), false));
  result.children = std::move(names);
  for (const NodeRead& node : nodes) {
    if (!node) continue;
    const std::string& json = node->data ? *node->data : std::string();
    if (is_isr_change) {
      auto partitions = cluster::decode_isr_change(json);
      if (!partitions) continue;
      result.partitions.insert(result.partitions.end(), partitions->begin(), partitions->end());
    } else if (const auto broker = cluster::decode_log_dir_event(json)) {
      result.brokers.insert(*broker);
    }
  }
  co_return result;
}

StoreTask<std::optional<std::vector<TopicPartition>>> ZkStore::read_preferred_election() {
  CO_TRY_ASSIGN(const auto node, co_await get_watched(std::string(paths::kPreferredElection)));
  if (!node) co_return std::optional<std::vector<TopicPartition>>();
  auto partitions = cluster::decode_preferred_election(node->data.value_or(""));
  if (!partitions) {
    LOG_WARN("{} makes no sense and is removed: {}", paths::kPreferredElection,
             partitions.error().to_string());
  }
  co_return std::optional(partitions.value_or(std::vector<TopicPartition>()));
}

StoreTask<std::optional<cluster::Reassignments>> ZkStore::read_reassignments() {
  CO_TRY_ASSIGN(const auto node, co_await get_watched(std::string(paths::kReassignPartitions)));
  if (!node) co_return std::optional<cluster::Reassignments>();
  auto reassignments = cluster::decode_reassignments(node->data.value_or(""));
  if (!reassignments) {
    LOG_WARN("{} makes no sense, nothing is reassigned: {}", paths::kReassignPartitions,
             reassignments.error().to_string());
    co_return std::optional<cluster::Reassignments>();
  }
  co_return std::optional(std::move(*reassignments));
}

StoreTask<std::optional<cluster::FeatureNode>> ZkStore::read_features() {
  const std::vector<std::string> path{std::string(paths::kFeature)};
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(path, /*watch=*/false));
  if (!nodes.front()) {
    if (nodes.front().error().is(ZkError::no_node)) co_return std::optional<cluster::FeatureNode>();
    co_return base::fail(nodes.front().error());
  }
  CO_TRY_ASSIGN(cluster::FeatureNode features,
                cluster::decode_feature_node(nodes.front()->data.value_or("")));
  co_return std::optional(std::move(features));
}

StoreTask<VersionedBlock> ZkStore::read_producer_id_block() {
  const std::vector<std::string> path{std::string(paths::kProducerIdBlock)};
  CO_TRY_ASSIGN(const std::vector<NodeRead> nodes, co_await get_all(path, /*watch=*/false));
  if (!nodes.front()) co_return base::fail(nodes.front().error());
  CO_TRY_ASSIGN(auto block, cluster::decode_producer_id_block(nodes.front()->data.value_or("")));
  co_return VersionedBlock{std::move(block), nodes.front()->stat.version};
}

}  // namespace controller
