#include "test/sim/controller/sim_cluster.h"

#include <fmt/format.h>

#include "broker/cluster/znode_paths.h"

namespace controller_sim {

namespace paths = cluster::paths;
using zookeeper_model::Op;

namespace {

cluster::ZkSessionOptions session_options(std::string zookeeper) {
  cluster::ZkSessionOptions options;
  options.zookeeper.connect = std::move(zookeeper);
  options.zookeeper.session_timeout_ms = 6'000;
  options.log_directories = {"/data"};
  return options;
}

controller::Settings controller_settings(std::int32_t id) {
  controller::Settings settings;
  settings.broker_id = id;
  settings.inter_broker_listener = "PLAINTEXT";
  return settings;
}

cluster::BrokerInfo broker_info(std::int32_t id, const std::string& ip) {
  cluster::BrokerInfo info;
  info.id = id;
  info.endpoints = {{"PLAINTEXT", config::SecurityProtocol::plaintext, ip, kBrokerPort}};
  return info;
}

}  // namespace

SimBroker::SimBroker(runtime::SimWorld& world_in, std::int32_t id_in, std::string zookeeper)
    : world(world_in),
      id(id_in),
      ip(fmt::format("10.0.0.{}", id_in)),
      loop(world, ip),
      pool(world),
      files(world.clock(), static_cast<std::uint64_t>(id_in)),
      session(loop, pool, pool, files, session_options(std::move(zookeeper))),
      controller(loop, pool, controller_settings(id_in)),
      fake(loop, ip, kBrokerPort) {
  world.block_on(loop, start());
}

runtime::Task<void> SimBroker::start() {
  (void)files.create_directories("/data");
  const auto connected = co_await session.connect();
  REQUIRE(connected);
  config::IdentityConfig identity;
  identity.broker_id = id;
  const auto prepared =
      co_await cluster::prepare_cluster(*session.client(), loop.random(), identity, {});
  REQUIRE(prepared);
  const auto registered = co_await session.register_broker(broker_info(id, ip));
  REQUIRE(registered);
  session.add_listener(controller);
  co_await session.start_listeners();
}

void SimBroker::stop() {
  if (!std::exchange(is_running, false)) return;
  world.block_on(loop, end());
}

runtime::Task<void> SimBroker::end() {
  controller.stop();
  co_await session.close();
  co_await controller.close();
  co_await fake.stop();
}

void SimBroker::vanish() {
  world.network().cut_both_ways(ip, kZooKeeperIp);
  for (int other = 1; other < 20; ++other) {
    if (other != id) world.network().cut_both_ways(ip, fmt::format("10.0.0.{}", other));
  }
}

SimCluster::SimCluster(std::int32_t broker_count, std::uint64_t seed, std::size_t server_count)
    : world(seed) {
  base::set_log_level(base::LogLevel::off);
  std::string connect;
  for (std::size_t i = 0; i < server_count; ++i) {
    const auto port = static_cast<std::uint16_t>(2181 + i);
    servers.push_back(std::make_unique<zookeeper_model::Server>(
        ensemble, *runtime::SocketAddress::from_ip(kZooKeeperIp, port)));
    connect += fmt::format("{}{}:{}", connect.empty() ? "" : ",", kZooKeeperIp, port);
  }
  for (std::int32_t id = 1; id <= broker_count; ++id) {
    brokers.push_back(std::make_unique<SimBroker>(world, id, connect));
  }
}

SimCluster::~SimCluster() {
  world.network().heal_all();
  for (auto& server : servers) server->thaw();
  for (auto& broker : brokers) broker->stop();
  world.block_on(server_loop, stop_servers());
}

runtime::Task<void> SimCluster::stop_servers() {
  for (auto& server : servers) co_await server->stop();
  co_await ensemble.stop();
}

SimBroker* SimCluster::active() {
  SimBroker* found = nullptr;
  for (auto& broker : brokers) {
    if (!broker->is_running || !broker->controller.is_active()) continue;
    if (found != nullptr) return nullptr;
    found = broker.get();
  }
  return found;
}

void SimCluster::write(std::vector<Op> ops) {
  for (const auto& result : tree().apply(ops, {.session_id = 0, .wall_ms = 0})) {
    REQUIRE(result.error == zkclient::ZkError::ok);
  }
}

void SimCluster::create_topic(const std::string& name,
                              const std::vector<cluster::ReplicaList>& partitions) {
  cluster::TopicAssignment assignment;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    assignment.partitions[static_cast<std::int32_t>(i)] = {partitions[i], {}, {}};
  }
  std::vector<Op> ops;
  ops.push_back(Op::create(paths::topic_config(name), "{\"version\":1,\"config\":{}}",
                           zkclient::CreateMode::persistent, zkclient::open_acl_unsafe()));
  ops.push_back(Op::create(paths::topic(name), cluster::encode_topic_assignment(assignment),
                           zkclient::CreateMode::persistent, zkclient::open_acl_unsafe()));
  write(std::move(ops));
}

void SimCluster::mark_for_deletion(const std::string& name) {
  std::vector<Op> ops;
  ops.push_back(Op::create(paths::delete_topic(name), std::nullopt,
                           zkclient::CreateMode::persistent, zkclient::open_acl_unsafe()));
  write(std::move(ops));
}

void SimCluster::put(const std::string& path, const std::string& data) {
  std::vector<Op> ops;
  ops.push_back(
      tree().find(path) != nullptr
          ? Op::set(path, data)
          : Op::create(path, data, zkclient::CreateMode::persistent, zkclient::open_acl_unsafe()));
  write(std::move(ops));
}

void SimCluster::remove(const std::string& path) {
  std::vector<Op> ops;
  ops.push_back(Op::remove(path));
  write(std::move(ops));
}

std::optional<cluster::PartitionState> SimCluster::state(const std::string& topic,
                                                         std::int32_t partition) {
  const auto* node = tree().find(paths::partition_state(topic, partition));
  if (node == nullptr) return std::nullopt;
  auto decoded = cluster::decode_partition_state(node->data.value_or(""));
  return decoded ? std::optional(std::move(*decoded)) : std::nullopt;
}

std::int32_t SimCluster::controller_epoch() {
  const auto* node = tree().find(std::string(paths::kControllerEpoch));
  return node == nullptr ? 0 : std::stoi(node->data.value_or("0"));
}

bool SimCluster::has_converged() {
  if (active() == nullptr) return false;
  std::set<std::int32_t> live;
  for (auto& broker : brokers) {
    if (broker->is_running) live.insert(broker->id);
  }
  for (auto& broker : brokers) {
    if (!broker->is_running) continue;
    if (broker->fake.controller_id != active()->id || broker->fake.live_brokers != live)
      return false;
  }
  for (const std::string& name : tree().find(std::string(paths::kTopics))->children) {
    const auto assignment =
        cluster::decode_topic_assignment(tree().find(paths::topic(name))->data.value_or(""));
    if (!assignment) continue;
    for (const auto& [number, replicas] : assignment->partitions) {
      const auto known = state(name, number);
      if (!known || !live.contains(known->leader)) return false;
      for (auto& broker : brokers) {
        if (!broker->is_running) continue;
        const auto told = broker->fake.metadata.find({name, number});
        if (told == broker->fake.metadata.end() || told->second.leader != known->leader ||
            told->second.leader_epoch != known->leader_epoch) {
          return false;
        }
      }
      const auto hosted = broker(known->leader).fake.hosted.find({name, number});
      if (hosted == broker(known->leader).fake.hosted.end() ||
          hosted->second.leader_epoch != known->leader_epoch) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace controller_sim
