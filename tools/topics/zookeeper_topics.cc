#include "tools/topics/zookeeper_topics.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/result.h"
#include "broker/cluster/topic_name.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/broker_info.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "broker/cluster/znodes/partition_state.h"
#include "broker/cluster/znodes/topic_assignment.h"
#include "runtime/random.h"
#include "tools/topic_filter.h"
#include "tools/topics/description.h"
#include "tools/topics/placement.h"
#include "zkclient/recursive.h"

namespace topics {

namespace paths = cluster::paths;
using runtime::Task;
using tools::failure;
using tools::Failure;
using tools::Outcome;
using zkclient::ZkError;

namespace {

zkclient::AclList acl_of(const std::string&) { return zkclient::open_acl_unsafe(); }

// A read of a znode that may be missing.
template <class T>
Outcome<std::optional<T>> if_there(base::Result<T> result) {
  if (result) return std::optional<T>(std::move(*result));
  if (result.error().is(ZkError::no_node)) return std::optional<T>();
  return std::unexpected(Failure(std::move(result).error()));
}

Failure unreadable(std::string_view path, const base::Error& error) {
  return Failure(fmt::format("{} is unreadable: {}", path, error.to_string()));
}

}  // namespace

Task<Outcome<>> ZookeeperTopics::run(Command command) {
  switch (command.action) {
    case Action::create: co_return co_await create(std::move(command));
    case Action::list: co_return co_await list(std::move(command));
    case Action::alter: co_return co_await alter(std::move(command));
    case Action::describe: co_return co_await describe(std::move(command));
    case Action::remove: break;
  }
  co_return co_await remove(std::move(command));
}

// --- reading -----------------------------------------------------------------------------------

Task<Outcome<std::vector<std::string>>> ZookeeperTopics::children(std::string path) {
  CO_TRY_ASSIGN(auto names, if_there(co_await client_.children(std::move(path))));
  if (!names) co_return std::vector<std::string>();
  std::ranges::sort(*names);
  co_return std::move(*names);
}

Task<Outcome<std::vector<std::string>>> ZookeeperTopics::all_topics() {
  co_return co_await children(std::string(paths::kTopics));
}

Task<Outcome<std::vector<std::string>>> ZookeeperTopics::matching_topics(Command command) {
  CO_TRY_ASSIGN(const auto filter,
                tools::TopicFilter::compile(command.topic, command.exclude_internal));
  CO_TRY_ASSIGN(std::vector<std::string> topics, co_await all_topics());
  std::erase_if(topics, [&](const std::string& topic) { return !filter.matches(topic); });
  const bool must_exist = command.topic && !command.if_exists && command.action != Action::list;
  if (topics.empty() && must_exist) {
    co_return failure(fmt::format("Topic '{}' does not exist as expected", *command.topic));
  }
  co_return topics;
}

Task<Outcome<std::vector<cluster::AssignableBroker>>> ZookeeperTopics::brokers(bool ignore_racks) {
  CO_TRY_ASSIGN(const auto names, co_await children(std::string(paths::kBrokerIds)));
  std::vector<std::int32_t> ids;
  std::vector<std::string> id_paths;
  for (const std::string& name : names) {
    const auto id = paths::parse_number(name);
    if (!id) continue;
    ids.push_back(*id);
    id_paths.push_back(paths::broker_id(*id));
  }
  const auto nodes = co_await client_.get_many(id_paths);
  std::vector<cluster::AssignableBroker> brokers;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CO_TRY_ASSIGN(const auto node, if_there(nodes[i]));
    if (!node) continue;  // gone meanwhile
    auto info = cluster::decode_broker_info(ids[i], node->data.value_or(""));
    if (!info) co_return std::unexpected(unreadable(id_paths[i], info.error()));
    brokers.push_back({ids[i], ignore_racks ? std::nullopt : info->rack});
  }
  std::ranges::sort(brokers, {}, &cluster::AssignableBroker::id);
  co_return brokers;
}

Task<Outcome<config::ConfigMap>> ZookeeperTopics::topic_config(std::string topic) {
  const std::string path = paths::topic_config(topic);
  CO_TRY_ASSIGN(const auto node, if_there(co_await client_.get(path)));
  if (!node) co_return config::ConfigMap();
  auto configs = cluster::decode_config(node->data.value_or(""));
  if (!configs) co_return std::unexpected(unreadable(path, configs.error()));
  co_return std::move(*configs);
}

Task<Outcome<>> ZookeeperTopics::list(Command command) {
  auto marked_task = children(std::string(paths::kDeleteTopics));
  CO_TRY_ASSIGN(const auto topics, co_await matching_topics(std::move(command)));
  CO_TRY_ASSIGN(const auto marked, co_await marked_task);
  for (const std::string& topic : topics) {
    const bool is_marked = std::ranges::binary_search(marked, topic);
    fmt::print("{}{}\n", topic, is_marked ? " - marked for deletion" : "");
  }
  co_return Outcome<>();
}

Task<Outcome<>> ZookeeperTopics::describe(Command command) {
  const DescribeFilter filter = command.filter;
  CO_TRY_ASSIGN(const auto topics, co_await matching_topics(std::move(command)));
  CO_TRY_ASSIGN(const auto marked, co_await children(std::string(paths::kDeleteTopics)));
  std::set<std::int32_t> live_brokers;
  CO_TRY_ASSIGN(const auto broker_names, co_await children(std::string(paths::kBrokerIds)));
  for (const std::string& name : broker_names) {
    if (const auto id = paths::parse_number(name)) live_brokers.insert(*id);
  }
  for (const std::string& name : topics) {
    CO_TRY_ASSIGN(const auto node, if_there(co_await client_.get(paths::topic(name))));
    if (!node) {
      fmt::print("Topic {} doesn't exist!\n", name);
      continue;
    }
    const auto assignment = cluster::decode_topic_assignment(node->data.value_or(""));
    if (!assignment) co_return std::unexpected(unreadable(paths::topic(name), assignment.error()));
    TopicDescription topic;
    topic.name = name;
    topic.is_marked_for_deletion = std::ranges::binary_search(marked, name);
    CO_TRY_ASSIGN(const auto configs, co_await topic_config(name));
    topic.configs.assign(configs.begin(), configs.end());
    std::vector<std::string> state_paths;
    for (const auto& [partition, replicas] : assignment->partitions) {
      state_paths.push_back(paths::partition_state(name, partition));
    }
    const auto states = co_await client_.get_many(state_paths);
    std::size_t next = 0;
    for (const auto& [partition, replicas] : assignment->partitions) {
      PartitionDescription description{partition, std::nullopt, replicas.replicas, {}};
      CO_TRY_ASSIGN(const auto state_node, if_there(states[next++]));
      if (state_node) {
        const auto state = cluster::decode_partition_state(state_node->data.value_or(""));
        if (!state) {
          co_return std::unexpected(
              unreadable(paths::partition_state(name, partition), state.error()));
        }
        if (state->leader >= 0) description.leader = state->leader;
        description.isr = state->isr;
      }
      topic.partitions.push_back(std::move(description));
    }
    fmt::print("{}", topics::describe(topic, filter, live_brokers, Form::kafka_2_4));
  }
  co_return Outcome<>();
}

// --- writing -----------------------------------------------------------------------------------

Task<Outcome<ZookeeperTopics::Created>> ZookeeperTopics::create_znode(std::string path,
                                                                      zkclient::Data data) {
  auto created = co_await zkclient::create_recursive(client_, path, data, acl_of);
  if (created) co_return Created::by_us;
  if (created.error().is(ZkError::node_exists)) co_return Created::already_exists;
  if (!zkclient::is_outcome_unknown(created.error())) {
    co_return std::unexpected(Failure(std::move(created).error()));
  }
  // The connection broke. If the znode is there with our data, we made it (or it makes no
  // difference).
  CO_TRY_ASSIGN(const auto node, if_there(co_await client_.get(path)));
  if (node) co_return node->data == data ? Created::by_us : Created::already_exists;
  CO_TRY(co_await zkclient::create_recursive(client_, path, data, acl_of));
  co_return Created::by_us;
}

Task<Outcome<>> ZookeeperTopics::write_topic_config(std::string topic, config::ConfigMap configs) {
  const std::string path = paths::topic_config(topic);
  const std::string json = cluster::encode_config(configs);
  CO_TRY_ASSIGN(const auto stat, if_there(co_await client_.set(path, json)));
  if (stat) co_return Outcome<>();
  CO_TRY_ASSIGN(const Created created, co_await create_znode(path, json));
  if (created == Created::already_exists) CO_TRY(co_await client_.set(path, json));
  co_return Outcome<>();
}

Task<Outcome<>> ZookeeperTopics::create(Command command) {
  const std::string name = *command.topic;
  if (cluster::has_collision_characters(name)) fmt::print("{}\n", kCollisionWarning);
  CO_TRY_ASSIGN(const auto live, co_await brokers(command.ignore_racks));
  cluster::PartitionReplicas replicas = command.assignment;
  if (replicas.empty()) {
    CO_TRY_ASSIGN(replicas,
                  place_new_topic(live, *command.partitions, *command.replication_factor, random_));
  }
  if (auto message = cluster::invalid_topic_name(name)) co_return failure(std::move(*message));
  CO_TRY_ASSIGN(const auto existing, co_await all_topics());
  CO_TRY_ASSIGN(const auto marked, co_await children(std::string(paths::kDeleteTopics)));
  const auto already_exists = [&]() -> Outcome<> {
    if (command.if_not_exists) return {};
    return failure(fmt::format("Topic '{}' already exists.", name));
  };
  if (std::ranges::binary_search(marked, name)) {
    co_return failure(fmt::format("Topic '{}' is marked for deletion.", name));
  }
  if (std::ranges::binary_search(existing, name)) co_return already_exists();
  CO_TRY(check_collision(name, existing));
  if (auto message = cluster::invalid_new_assignment(replicas)) {
    co_return failure(std::move(*message));
  }
  // The config first: brokers read it as soon as the topic appears.
  CO_TRY(co_await write_topic_config(name, command.configs));
  cluster::TopicAssignment assignment;  // the controller gives it an id
  for (auto& [partition, list] : replicas) assignment.partitions[partition].replicas = list;
  CO_TRY_ASSIGN(
      const Created created,
      co_await create_znode(paths::topic(name), cluster::encode_topic_assignment(assignment)));
  if (created == Created::already_exists) co_return already_exists();
  fmt::print("Created topic {}.\n", name);
  co_return Outcome<>();
}

Task<Outcome<>> ZookeeperTopics::alter(Command command) {
  CO_TRY_ASSIGN(const auto topics, co_await matching_topics(command));
  for (const std::string& topic : topics) {
    if (!command.configs.empty() || !command.deleted_configs.empty()) {
      CO_TRY(co_await alter_config(topic, command));
    }
    if (command.partitions) CO_TRY(co_await add_partitions(topic, command));
  }
  co_return Outcome<>();
}

Task<Outcome<>> ZookeeperTopics::alter_config(std::string topic, Command command) {
  fmt::print(
      "WARNING: Altering topic configuration from this script has been deprecated and may be "
      "removed in future releases.\n"
      "         Going forward, please use kafka-configs.sh for this functionality\n");
  CO_TRY_ASSIGN(config::ConfigMap configs, co_await topic_config(topic));
  for (const auto& [key, value] : command.configs) configs[key] = value;
  for (const std::string& key : command.deleted_configs) configs.erase(key);
  CO_TRY(co_await write_topic_config(topic, std::move(configs)));
  CO_TRY(co_await client_.create(std::string(paths::kConfigChangePrefix),
                                 cluster::encode_config_notification({"topics/" + topic}),
                                 zkclient::CreateMode::persistent_sequential,
                                 zkclient::open_acl_unsafe()));
  fmt::print("Updated config for topic {}.\n", topic);
  co_return Outcome<>();
}

Task<Outcome<>> ZookeeperTopics::add_partitions(std::string topic, Command command) {
  if (cluster::is_internal_topic(topic)) {
    co_return failure(fmt::format(
        "The number of partitions for the internal topic {} cannot be changed.", topic));
  }
  fmt::print(
      "WARNING: If partitions are increased for a topic that has a key, the partition logic or "
      "ordering of the messages will be affected\n");
  const std::string path = paths::topic(topic);
  CO_TRY_ASSIGN(const auto node, if_there(co_await client_.get(path)));
  if (!node) co_return failure(fmt::format("The topic {} does not exist", topic));
  auto assignment = cluster::decode_topic_assignment(node->data.value_or(""));
  if (!assignment) co_return std::unexpected(unreadable(path, assignment.error()));
  CO_TRY_ASSIGN(const auto live, co_await brokers(command.ignore_racks));
  CO_TRY_ASSIGN(const auto added, place_more_partitions(topic, *assignment, live,
                                                        *command.partitions, command.assignment));
  for (const auto& [partition, replicas] : added) {
    assignment->partitions[partition].replicas = replicas;
  }
  // The version read guards against a reassignment that moved on meanwhile.
  auto written =
      co_await client_.set(path, cluster::encode_topic_assignment(*assignment), node->stat.version);
  if (!written && written.error().is(ZkError::bad_version)) {
    co_return failure(fmt::format("Topic {} was changed at the same time: try again.", topic));
  }
  if (!written) co_return std::unexpected(Failure(std::move(written).error()));
  fmt::print("Adding partitions succeeded!\n");
  co_return Outcome<>();
}

Task<Outcome<>> ZookeeperTopics::remove(Command command) {
  CO_TRY_ASSIGN(const auto topics, co_await matching_topics(std::move(command)));
  for (const std::string& topic : topics) {
    if (cluster::is_internal_topic(topic)) {
      co_return failure(fmt::format(
          "Topic {} is a kafka internal topic and is not allowed to be marked for deletion.",
          topic));
    }
    CO_TRY_ASSIGN(const Created created,
                  co_await create_znode(paths::delete_topic(topic), std::nullopt));
    if (created == Created::already_exists) {
      fmt::print("Topic {} is already marked for deletion.\n", topic);
      continue;
    }
    fmt::print(
        "Topic {} is marked for deletion.\n"
        "Note: This will have no impact if delete.topic.enable is not set to true.\n",
        topic);
  }
  co_return Outcome<>();
}

}  // namespace topics
