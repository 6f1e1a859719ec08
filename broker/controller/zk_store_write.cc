// What ZkStore writes and removes.
#include <algorithm>

#include "base/log.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/controller/zk_store.h"

namespace controller {

namespace paths = cluster::paths;
using zkclient::Op;
using zkclient::ZkError;

namespace {

constexpr std::size_t kTopicsAtOnce = 200;  // when they are removed
constexpr int kTreeRoundsMax = 100;         // while somebody adds nodes to what is removed

Op create_op(std::string path, zkclient::Data data) {
  zkclient::AclList acl = cluster::znode_acl(path);
  return Op::create(std::move(path), std::move(data), zkclient::CreateMode::persistent,
                    std::move(acl));
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

StoreTask<void> ZkStore::remove_controller() {
  std::vector<Op> ops;
  ops.push_back(Op::remove(std::string(paths::kController)));
  co_return co_await writer_.write_all(std::move(ops), ZkError::no_node);
}

StoreTask<RefusedTopics> ZkStore::write_assignments(
    std::map<std::string, cluster::TopicAssignment> assignments) {
  std::vector<Op> ops;
  ops.reserve(assignments.size());
  for (const auto& [topic, assignment] : assignments) {
    ops.push_back(Op::set(paths::topic(topic), cluster::encode_topic_assignment(assignment)));
  }
  CO_TRY_ASSIGN(const auto outcomes, co_await writer_.write(std::move(ops)));
  RefusedTopics refused;
  auto outcome = outcomes.begin();
  for (const auto& [topic, assignment] : assignments) {
    const ZkError error = (outcome++)->error;
    // A topic that was removed by hand meanwhile: its parent's watch will tell.
    if (error == ZkError::ok || error == ZkError::no_node) continue;
    refused.emplace(topic, base::Error(error));
  }
  co_return refused;
}

StoreTask<std::vector<ZkStore::TreeNode>> ZkStore::list_trees(
    std::vector<std::string> roots, std::map<std::size_t, base::Error>& refusals) {
  std::vector<TreeNode> tree;
  for (std::size_t i = 0; i < roots.size(); ++i) tree.push_back({std::move(roots[i]), i});
  for (std::size_t begin = 0; begin < tree.size();) {
    const std::size_t end = tree.size();
    std::vector<std::string> level;
    for (std::size_t i = begin; i < end; ++i) level.push_back(tree[i].path);
    CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
    const auto children = co_await client->children_many(level);
    for (std::size_t i = 0; i < level.size(); ++i) {
      const std::size_t root = tree[begin + i].root;
      if (children[i]) {
        for (const std::string& child : *children[i]) {
          tree.push_back({level[i] + "/" + child, root});
        }
        continue;
      }
      const base::Error& error = children[i].error();
      // Gone, or asked for again in the next round: it will not be empty when it is removed.
      if (error.is(ZkError::no_node) || is_transient(error)) continue;
      if (!is_of_the_node(error)) co_return base::fail(error);
      refusals.emplace(root, error);
    }
    begin = end;
  }
  co_return tree;
}

StoreTask<RefusedTopics> ZkStore::remove_trees(std::vector<std::string> topics) {
  RefusedTopics refused;
  for (int round = 0; !topics.empty(); ++round) {
    std::vector<std::string> roots;
    for (const std::string& topic : topics) roots.push_back(paths::topic(topic));
    std::map<std::size_t, base::Error> refusals;
    CO_TRY_ASSIGN(std::vector<TreeNode> tree, co_await list_trees(std::move(roots), refusals));
    // Children before parents.
    std::ranges::reverse(tree);
    std::erase_if(tree, [&](const TreeNode& node) { return refusals.contains(node.root); });
    std::vector<Op> ops;
    ops.reserve(tree.size());
    for (const TreeNode& node : tree) ops.push_back(Op::remove(node.path));
    CO_TRY_ASSIGN(const auto outcomes, co_await writer_.write(std::move(ops)));
    std::set<std::size_t> unfinished;  // somebody has added a node, or a list was not answered
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const ZkError error = outcomes[i].error;
      if (error == ZkError::ok || error == ZkError::no_node) continue;
      if (error == ZkError::not_empty && round < kTreeRoundsMax) {
        unfinished.insert(tree[i].root);
      } else {
        refusals.emplace(tree[i].root, base::Error(error).with_context(tree[i].path));
      }
    }
    for (const auto& [root, error] : refusals) {
      refused.emplace(topics[root], error);
      unfinished.erase(root);
    }
    std::vector<std::string> again;
    for (const std::size_t root : unfinished) again.push_back(std::move(topics[root]));
    topics = std::move(again);
  }
  co_return refused;
}

StoreTask<RefusedTopics> ZkStore::remove_topics(std::vector<std::string> topics) {
  RefusedTopics all_refused;
  for (std::size_t begin = 0; begin < topics.size(); begin += kTopicsAtOnce) {
    const std::size_t end = std::min(begin + kTopicsAtOnce, topics.size());
    const std::vector<std::string> some(topics.begin() + static_cast<std::ptrdiff_t>(begin),
                                        topics.begin() + static_cast<std::ptrdiff_t>(end));
    CO_TRY_ASSIGN(RefusedTopics refused, co_await remove_trees(some));
    // The markers go last: until then a new controller finishes what this one began.
    std::vector<Op> ops;
    for (const std::string& topic : some) {
      if (refused.contains(topic)) continue;
      ops.push_back(Op::remove(paths::topic_config(topic)));
      ops.push_back(Op::remove(paths::delete_topic(topic)));
    }
    CO_TRY(co_await remove_each(std::move(ops)));
    all_refused.merge(refused);
  }
  co_return all_refused;
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
