// Goal: whole controllers over the wire: elections, failover, channels, session loss, also while
// ZooKeeper's servers drop connections and lose replies.
#include <doctest/doctest.h>

#include <chrono>

#include "broker/cluster/znode_paths.h"
#include "test/sim/controller/sim_cluster.h"

namespace controller_sim {
namespace {

TEST_CASE("one broker becomes controller and serves a topic's whole life") {
  SimCluster cluster(1);
  REQUIRE(cluster.wait_for([&] { return cluster.active() != nullptr; }));
  CHECK(cluster.controller_epoch() == 1);
  CHECK(cluster.broker(1).controller.status().epoch == 1);
  cluster.create_topic("t", {{1}, {1}});
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged() && cluster.state("t", 1); }));
  CHECK(cluster.state("t", 0)->leader == 1);
  CHECK(cluster.broker(1).fake.hosted.size() == 2);
  cluster.mark_for_deletion("t");
  REQUIRE(cluster.wait_for([&] { return cluster.tree().find("/brokers/topics/t") == nullptr; }));
  REQUIRE(
      cluster.wait_for([&] { return cluster.tree().find("/admin/delete_topics/t") == nullptr; }));
  CHECK(cluster.tree().find("/config/topics/t") == nullptr);
  CHECK(cluster.broker(1).fake.hosted.empty());
  CHECK(cluster.broker(1).fake.metadata.empty());
  CHECK(cluster.broker(1).fake.faults == 0);
}

TEST_CASE("the controller's broker vanishes: another one takes over and moves its leaders") {
  SimCluster cluster(3);
  cluster.create_topic("t", {{1, 2, 3}, {2, 3, 1}, {3, 1, 2}});
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  SimBroker& first = *cluster.active();
  first.vanish();
  first.is_running = false;  // as far as the others are concerned
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  CHECK(cluster.active()->id != first.id);
  CHECK(cluster.controller_epoch() == 2);
  for (int partition = 0; partition < 3; ++partition) {
    CHECK(cluster.state("t", partition)->leader != first.id);
    CHECK(cluster.state("t", partition)->isr.size() == 2);
  }
  // Cut off, it cannot know; once it hears from ZooKeeper it does.
  cluster.world.network().heal_all();
  first.is_running = true;
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  CHECK(!first.controller.is_active());
  for (auto& broker : cluster.brokers) CHECK(broker->fake.faults == 0);
}

TEST_CASE("a session that expires costs the office; the broker runs again") {
  SimCluster cluster(1);
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  cluster.ensemble.expire_session(cluster.broker(1).session.client()->session_id());
  REQUIRE(
      cluster.wait_for([&] { return cluster.controller_epoch() == 2 && cluster.has_converged(); }));
}

TEST_CASE("somebody deletes /controller: the office is filled again at once") {
  SimCluster cluster(2);
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  std::vector<zookeeper_model::Op> ops;
  ops.push_back(zookeeper_model::Op::remove("/controller"));
  cluster.tree().apply(ops, {});
  REQUIRE(cluster.wait_for(
      [&] { return cluster.controller_epoch() == 2 && cluster.has_converged(); }, 5'000));
}

// Story: the event that tells of our own election was handled when the znode was gone again; the
// look at it armed a watch on nothing but a creation, and nobody ran for the office any more.
TEST_CASE("somebody deletes /controller right after the election") {
  SimCluster cluster(1);
  REQUIRE(cluster.wait_for([&] { return cluster.active() != nullptr; }));
  std::vector<zookeeper_model::Op> ops;
  ops.push_back(zookeeper_model::Op::remove("/controller"));
  cluster.tree().apply(ops, {});
  REQUIRE(cluster.wait_for(
      [&] { return cluster.controller_epoch() == 2 && cluster.has_converged(); }, 5'000));
}

TEST_CASE("a broker that does not answer holds up nobody else") {
  SimCluster cluster(3);
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  const std::int32_t mute = cluster.active()->id == 2 ? 3 : 2;
  cluster.broker(mute).fake.is_muted = true;
  cluster.create_topic("t", {{1}});
  REQUIRE(
      cluster.wait_for([&] { return cluster.broker(1).fake.metadata.contains({"t", 0}); }, 5'000));
  // The same request again, once it answers.
  cluster.broker(mute).fake.is_muted = false;
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
}

TEST_CASE("controlled shutdown through the queue") {
  SimCluster cluster(3);
  cluster.create_topic("t", {{1, 2, 3}});
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  SimBroker& active = *cluster.active();
  protocol::ControlledShutdownRequest request;
  request.broker_id = 1;
  request.broker_epoch = cluster.broker(1).session.broker_epoch()->value();
  const auto response =
      cluster.world.block_on(active.loop, active.controller.controlled_shutdown(request));
  CHECK(response.error_code == 0);
  CHECK(response.remaining_partitions.empty());
  CHECK(cluster.state("t", 0)->leader == 2);
  SimBroker& other = cluster.broker(active.id == 2 ? 3 : 2);
  CHECK(cluster.world.block_on(other.loop, other.controller.controlled_shutdown(request))
            .error_code == static_cast<std::int16_t>(protocol::ErrorCode::kStaleControllerEpoch));
}

// Safety phase with faults, then calm: all must be well in bounded time.
TEST_CASE("faults of ZooKeeper, by seed") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    SimCluster cluster(3, seed);
    auto& random = cluster.world.random();
    int topics = 0;
    for (int i = 0; i < 30; ++i) {
      cluster.world.run_for(static_cast<std::int64_t>(random.below(400)));
      auto& server = *cluster.servers[random.below(cluster.servers.size())];
      switch (random.below(8)) {
        case 0: server.drop_connections(); break;
        case 1: server.writes_until_lost_reply = static_cast<int>(random.below(4)) + 1; break;
        case 2: server.freeze(); break;
        case 3:
          for (auto& one : cluster.servers) one->thaw();
          break;
        case 4: {
          auto* client =
              cluster.broker(static_cast<std::int32_t>(random.below(3)) + 1).session.client();
          if (client != nullptr && random.below(3) == 0) {
            cluster.ensemble.expire_session(client->session_id());
          }
          break;
        }
        default:
          if (topics < 10) {
            cluster.create_topic("t" + std::to_string(topics++), {{1, 2, 3}, {2, 3}, {3}});
          } else if (random.below(2) == 0) {
            const std::string name = "t" + std::to_string(random.below(10));
            if (cluster.tree().find("/admin/delete_topics/" + name) == nullptr &&
                cluster.tree().find("/brokers/topics/" + name) != nullptr) {
              cluster.mark_for_deletion(name);
            }
          }
      }
    }
    for (auto& server : cluster.servers) {
      server->thaw();
      server->writes_until_lost_reply.reset();
    }
    CHECK(cluster.wait_for([&] { return cluster.has_converged(); }));
    CHECK(cluster.wait_for(
        [&] { return cluster.tree().find("/admin/delete_topics")->children.empty(); }));
    for (auto& broker : cluster.brokers) CHECK(broker->fake.faults == 0);
  }
}

TEST_CASE("ten thousand partitions") {
  SimCluster cluster(3);
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  std::vector<cluster::ReplicaList> partitions;
  for (int i = 0; i < 100; ++i) partitions.push_back({i % 3 + 1, (i + 1) % 3 + 1});
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) cluster.create_topic("topic" + std::to_string(i), partitions);
  REQUIRE(cluster.wait_for([&] { return cluster.broker(1).fake.metadata.size() == 10'000; }));
  const auto created = std::chrono::steady_clock::now();
  // Two failovers: one by hand, one with a dead broker.
  std::vector<zookeeper_model::Op> ops;
  ops.push_back(zookeeper_model::Op::remove("/controller"));
  cluster.tree().apply(ops, {});
  const std::int64_t failover_ms = cluster.world.clock().monotonic_ms();
  REQUIRE(cluster.wait_for([&] {
    SimBroker* active = cluster.active();
    return active != nullptr && active->controller.status().epoch == 2 &&
           active->fake.controller_epoch == 2 && active->fake.requests > 0 &&
           cluster.broker(1).fake.controller_epoch == 2;
  }));
  MESSAGE("failover, virtual ms: " << cluster.world.clock().monotonic_ms() - failover_ms);
  const auto ms = [](auto from, auto to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
  };
  MESSAGE("created in ms: " << ms(begin, created) << ", failover in ms: "
                            << ms(created, std::chrono::steady_clock::now()));
}

}  // namespace
}  // namespace controller_sim
