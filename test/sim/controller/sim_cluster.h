// Purpose: brokers made of a real ZooKeeper session, a real controller and a fake rest, with model
// ZooKeeper servers, in one simulated world.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "broker/cluster/startup.h"
#include "broker/cluster/zk_session.h"
#include "broker/controller/controller.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "test/sim/controller/fake_broker.h"
#include "test/sim/zookeeper/model_server.h"

namespace controller_sim {

inline constexpr const char* kZooKeeperIp = "10.0.1.1";
inline constexpr std::uint16_t kBrokerPort = 9092;

class SimBroker {
 public:
  SimBroker(runtime::SimWorld& world, std::int32_t id, std::string zookeeper);
  ~SimBroker() { stop(); }

  void stop();  // cleanly: the session is closed
  // The host is cut off from everything, for ever.
  void vanish();

  runtime::SimWorld& world;
  const std::int32_t id;
  const std::string ip;
  runtime::SimLoop loop;
  runtime::SimWorkerPool pool;
  runtime::SimFileSystem files;
  cluster::ZkSession session;
  controller::Controller controller;
  FakeBroker fake;
  bool is_running = true;

 private:
  runtime::Task<void> start();
  runtime::Task<void> end();
};

class SimCluster {
 public:
  explicit SimCluster(std::int32_t broker_count, std::uint64_t seed = 1, std::size_t servers = 3);
  ~SimCluster();

  SimBroker& broker(std::int32_t id) { return *brokers.at(static_cast<std::size_t>(id - 1)); }
  // The one that holds the office and says so; null if none or more than one does.
  SimBroker* active();
  bool wait_for(const std::function<bool()>& done, std::int64_t limit_ms = 120'000) {
    return world.run_until(done, limit_ms);
  }
  zookeeper_model::ModelTree& tree() { return ensemble.tree(); }

  // As TopicAdmin would write it.
  void create_topic(const std::string& name, const std::vector<cluster::ReplicaList>& partitions);
  void mark_for_deletion(const std::string& name);
  // As somebody with a shell would.
  void put(const std::string& path, const std::string& data);
  void remove(const std::string& path);
  // nullopt: no state znode, or one that makes no sense.
  std::optional<cluster::PartitionState> state(const std::string& topic, std::int32_t partition);
  // Every running broker knows the state znode's leader of each partition of each topic that makes
  // sense, and every leader is a running broker that knows that it leads.
  bool has_converged();
  std::int32_t controller_epoch();

  runtime::SimWorld world;
  runtime::SimLoop server_loop{world, kZooKeeperIp};
  zookeeper_model::Ensemble ensemble{server_loop};
  std::vector<std::unique_ptr<zookeeper_model::Server>> servers;
  std::vector<std::unique_ptr<SimBroker>> brokers;

 private:
  runtime::Task<void> stop_servers();
  void write(std::vector<zookeeper_model::Op> ops);
};

}  // namespace controller_sim
