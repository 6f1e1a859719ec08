#include "broker/controller/zk_store.h"

#include <algorithm>

#include "base/log.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "broker/cluster/znodes/notifications.h"

namespace controller {

namespace paths = cluster::paths;
using zkclient::Op;
using zkclient::ZkError;

namespace {

constexpr std::size_t kTopicsAtOnce = 200;  // when they are removed

Op create_op(std::string path, zkclient::Data data) {
  zkclient::AclList acl = cluster::znode_acl(path);
  return Op::create(std::move(path), std::move(data), zkclient::CreateMode::persistent,
                    std::move(acl));
}

StateRead decode_state(const base::Result<zkclient::NodeData>& node) {
  if (!node) {
    if (node.error().is(ZkError::no_node)) return std::optional<Leadership>();
    return base::fail(node.error());
  }
  TRY_ASSIGN(cluster::PartitionState state,
             cluster::decode_partition_state(node->data.value_or("")));
  return std::optional(Leadership{std::move(state), node->stat.version.value()});
}

StateWriteResult write_result(const FencedWriter::Outcome& outcome) {
  using Kind = StateWriteResult::Outcome;
  switch (outcome.error) {
    case ZkError::ok:
      return {Kind::written, outcome.stat.version.value(), base::Error(ZkError::ok)};
    case ZkError::bad_version:
    case ZkError::node_exists: return {Kind::conflict, 0, base::Error(outcome.error)};
    default: return {Kind::failed, 0, base::Error(outcome.error)};
  }
}

}  // namespace

// --- reading

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
      if (!nodes[i].error().is(ZkError::no_node)) brokers.push_back({ids[i], -1, {}});
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
    co_return std::optional(RegisteredBroker{id, -1, {}});
  }
  RegisteredBroker broker{id, nodes.front()->stat.czxid, {}};
  auto info = cluster::decode_broker_info(id, nodes.front()->data.value_or(""));
  if (info) broker.info = std::move(*info);
  co_return std::optional(std::move(broker));
}

StoreTask<std::set<std::string>> ZkStore::read_topics() {
  CO_TRY_ASSIGN(const std::vector<std::string> names,
                co_await list(std::string(paths::kTopics), true));
  co_return std::set<std::string>(names.begin(), names.end());
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

// --- writing

StoreTask<void> ZkStore::remove_controller() {
  std::vector<Op> ops;
  ops.push_back(Op::remove(std::string(paths::kController)));
  co_return co_await writer_.write_all(std::move(ops), ZkError::no_node);
}

StoreTask<void> ZkStore::write_assignments(
    std::map<std::string, cluster::TopicAssignment> assignments) {
  std::vector<Op> ops;
  ops.reserve(assignments.size());
  for (const auto& [topic, assignment] : assignments) {
    ops.push_back(Op::set(paths::topic(topic), cluster::encode_topic_assignment(assignment)));
  }
  // A topic that was removed by hand meanwhile: its parent's watch will tell.
  co_return co_await writer_.write_all(std::move(ops), ZkError::no_node);
}

StoreTask<void> ZkStore::remove_trees(std::vector<std::string> roots) {
  for (;;) {
    // Level by level down, then removed in reverse, children before parents.
    std::vector<std::string> tree = roots;
    for (std::size_t begin = 0; begin < tree.size();) {
      const std::size_t end = tree.size();
      std::vector<std::string> level(tree.begin() + static_cast<std::ptrdiff_t>(begin), tree.end());
      CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
      const auto children = co_await client->children_many(level);
      for (std::size_t i = 0; i < level.size(); ++i) {
        if (!children[i]) {
          const base::Error& error = children[i].error();
          // Not to be read for good: its children would keep it from being removed, round by round.
          if (!error.is(ZkError::no_node) && !is_transient(error)) co_return base::fail(error);
          continue;  // gone, or asked for again in the next round
        }
        for (const std::string& child : *children[i]) tree.push_back(level[i] + "/" + child);
      }
      begin = end;
    }
    std::vector<Op> ops;
    ops.reserve(tree.size());
    for (auto path = tree.rbegin(); path != tree.rend(); ++path) ops.push_back(Op::remove(*path));
    CO_TRY_ASSIGN(const auto outcomes, co_await writer_.write(std::move(ops)));
    const bool somebody_added = std::ranges::any_of(
        outcomes, [](const auto& outcome) { return outcome.error == ZkError::not_empty; });
    if (somebody_added) continue;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].error != ZkError::ok && outcomes[i].error != ZkError::no_node) {
        co_return base::fail(outcomes[i].error, tree[tree.size() - 1 - i]);
      }
    }
    co_return base::Result<void>();
  }
}

StoreTask<void> ZkStore::remove_topics(std::vector<std::string> topics) {
  for (std::size_t begin = 0; begin < topics.size(); begin += kTopicsAtOnce) {
    const std::size_t end = std::min(begin + kTopicsAtOnce, topics.size());
    std::vector<std::string> roots;
    // The markers go last: until then a new controller finishes what this one began.
    std::vector<Op> ops;
    for (std::size_t i = begin; i < end; ++i) {
      roots.push_back(paths::topic(topics[i]));
      ops.push_back(Op::remove(paths::topic_config(topics[i])));
      ops.push_back(Op::remove(paths::delete_topic(topics[i])));
    }
    CO_TRY(co_await remove_trees(std::move(roots)));
    CO_TRY(co_await remove_each(std::move(ops)));
  }
  co_return base::Result<void>();
}

StoreTask<std::vector<StateWriteResult>> ZkStore::create_states(std::vector<StateWrite> writes) {
  std::vector<Op> ops;
  std::vector<std::size_t> state_ops;  // which op makes the state of writes[i]
  ops.reserve(3 * writes.size());
  for (const StateWrite& write : writes) {
    const TopicPartition& partition = write.partition;
    if (write.is_first_of_topic) {
      ops.push_back(create_op(paths::partitions(partition.topic), std::nullopt));
    }
    ops.push_back(create_op(paths::partition(partition.topic, partition.partition), std::nullopt));
    state_ops.push_back(ops.size());
    ops.push_back(create_op(paths::partition_state(partition.topic, partition.partition),
                            cluster::encode_partition_state(write.state)));
  }
  CO_TRY_ASSIGN(const auto outcomes, co_await writer_.write(std::move(ops)));
  std::vector<StateWriteResult> results;
  results.reserve(writes.size());
  for (const std::size_t i : state_ops) results.push_back(write_result(outcomes[i]));
  co_return results;
}

StoreTask<std::vector<StateWriteResult>> ZkStore::update_states(std::vector<StateWrite> writes) {
  std::vector<Op> ops;
  ops.reserve(writes.size());
  for (const StateWrite& write : writes) {
    ops.push_back(Op::set(paths::partition_state(write.partition.topic, write.partition.partition),
                          cluster::encode_partition_state(write.state),
                          base::ZkVersion(write.expected_partition_epoch)));
  }
  CO_TRY_ASSIGN(const auto outcomes, co_await writer_.write(std::move(ops)));
  std::vector<StateWriteResult> results;
  results.reserve(outcomes.size());
  for (const auto& outcome : outcomes) results.push_back(write_result(outcome));
  co_return results;
}

StoreTask<void> ZkStore::remove_deletion_markers(std::vector<std::string> topics) {
  return remove_children(std::string(paths::kDeleteTopics), std::move(topics));
}
StoreTask<void> ZkStore::remove_isr_changes(std::vector<std::string> children) {
  return remove_children(std::string(paths::kIsrChanges), std::move(children));
}
StoreTask<void> ZkStore::remove_log_dir_events(std::vector<std::string> children) {
  return remove_children(std::string(paths::kLogDirEvents), std::move(children));
}

StoreTask<void> ZkStore::remove_children(std::string parent, std::vector<std::string> children) {
  std::vector<Op> ops;
  for (const std::string& child : children) ops.push_back(Op::remove(parent + "/" + child));
  co_return co_await remove_each(std::move(ops));
}

StoreTask<void> ZkStore::remove_each(std::vector<Op> ops) {
  std::vector<std::string> node_paths;
  for (const Op& op : ops) node_paths.push_back(op.path);
  CO_TRY_ASSIGN(const auto outcomes, co_await writer_.write(std::move(ops)));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const ZkError error = outcomes[i].error;
    if (error == ZkError::ok || error == ZkError::no_node) continue;
    LOG_ERROR("{} cannot be removed and is left alone: {}", node_paths[i],
              base::Error(error).to_string());
  }
  co_return base::Result<void>();
}

StoreTask<void> ZkStore::remove_preferred_election() {
  std::vector<Op> ops;
  ops.push_back(Op::remove(std::string(paths::kPreferredElection)));
  co_return co_await remove_each(std::move(ops));
}

StoreTask<void> ZkStore::write_reassignments(cluster::Reassignments reassignments) {
  std::vector<Op> ops;
  ops.push_back(reassignments.empty() ? Op::remove(std::string(paths::kReassignPartitions))
                                      : Op::set(std::string(paths::kReassignPartitions),
                                                cluster::encode_reassignments(reassignments)));
  co_return co_await writer_.write_all(std::move(ops), ZkError::no_node);
}

StoreTask<base::ZkVersion> ZkStore::write_features(cluster::FeatureNode features) {
  const std::string path(paths::kFeature);
  const std::string json = cluster::encode_feature_node(features);
  for (;;) {
    CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
    auto stat = co_await client->set(path, json);
    if (stat) co_return stat->version;
    if (is_transient(stat.error())) continue;
    if (!stat.error().is(ZkError::no_node)) co_return base::fail(stat.error());
    CO_TRY_ASSIGN(client, session_.client());
    auto created = co_await client->create(path, json, zkclient::CreateMode::persistent,
                                           cluster::znode_acl(path));
    if (created) co_return base::ZkVersion(0);
    if (!created.error().is(ZkError::node_exists) && !is_transient(created.error())) {
      co_return base::fail(created.error());
    }
  }
}

StoreTask<bool> ZkStore::write_producer_id_block(cluster::ProducerIdBlock block,
                                                 base::ZkVersion expected) {
  CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
  auto stat = co_await client->set(std::string(paths::kProducerIdBlock),
                                   cluster::encode_producer_id_block(block), expected);
  if (stat) co_return true;
  // Unknown outcome: the next block is taken instead, and this one is lost at worst.
  if (stat.error().is(ZkError::bad_version) || is_transient(stat.error())) co_return false;
  co_return base::fail(stat.error());
}

}  // namespace controller
