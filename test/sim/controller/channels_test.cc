// Goal: what the controller sends to a broker that is slow stays bounded and still says the same; a
// broker that tells of a failed log directory loses the leaders that stood in it.
#include <doctest/doctest.h>

#include "broker/cluster/znode_paths.h"
#include "test/sim/controller/sim_cluster.h"

namespace controller_sim {
namespace {

namespace paths = cluster::paths;

struct SlowBrokerFixture : SimCluster {
  SlowBrokerFixture() : SimCluster(3) {
    REQUIRE(wait_for([&] { return has_converged(); }));
    slow = active()->id == 3 ? 2 : 3;
    host = 6 - slow - active()->id;
  }
  FakeBroker& fake() { return broker(slow).fake; }
  // On a broker that answers; the slow one only hears of it.
  void create(const std::string& name, int partitions) {
    create_topic(name, std::vector<cluster::ReplicaList>(static_cast<std::size_t>(partitions),
                                                         cluster::ReplicaList{host}));
    REQUIRE(wait_for([&] { return broker(host).fake.metadata.contains({name, partitions - 1}); }));
  }
  void erase(const std::string& name) {
    mark_for_deletion(name);
    // The marker is the last to go.
    REQUIRE(wait_for([&] { return tree().find(paths::delete_topic(name)) == nullptr; }));
  }
  std::int32_t slow = 0;
  std::int32_t host = 0;
};

TEST_CASE_FIXTURE(SlowBrokerFixture,
                  "updates that wait for a slow broker are one when it answers") {
  fake().is_muted = true;
  create("first", 1);  // in flight from now on, and sent again as it is
  const int before = fake().requests;
  for (int i = 0; i < 40; ++i) create(fmt::format("topic-{}", i), 2);
  const int while_muted = fake().requests;
  fake().is_muted = false;
  REQUIRE(wait_for([&] { return has_converged(); }));
  // The one that was in flight, once more, and all the others.
  CHECK(fake().requests - while_muted <= 3);
  CHECK(fake().metadata.size() == 81);
  CHECK(while_muted >= before);
  CHECK(fake().faults == 0);
}

TEST_CASE_FIXTURE(SlowBrokerFixture, "a topic made again while a broker is slow is told as such") {
  create("again", 3);
  REQUIRE(wait_for([&] { return fake().metadata.contains({"again", 2}); }));
  fake().is_muted = true;
  create("first", 1);
  create("before", 1);
  erase("again");
  create("again", 1);
  create("behind", 1);
  fake().is_muted = false;
  REQUIRE(wait_for([&] { return has_converged(); }));
  // It forgets what belonged to the former topic, such as committed offsets.
  CHECK(fake().told_deleted.contains({"again", 0}));
  CHECK(fake().metadata.contains({"again", 0}));
  CHECK(!fake().metadata.contains({"again", 1}));
  CHECK(!fake().metadata.contains({"again", 2}));
}

TEST_CASE_FIXTURE(SlowBrokerFixture, "a broker that hangs through many events is told everything") {
  const auto shared = [&](int partitions) {
    return std::vector<cluster::ReplicaList>(static_cast<std::size_t>(partitions), {host, slow, 9});
  };
  create_topic("kept", shared(100));
  create("former", 2);
  create("again", 3);
  create_topic("deleted", {{host, slow}, {slow, host}});
  REQUIRE(wait_for([&] { return fake().metadata.size() == 107 && fake().hosted.size() == 102; }));
  fake().is_muted = true;
  create("first", 1);
  const auto queued = [&] { return active()->controller.queued_for(slow); };
  // Broker 9, of whom only the registration is there, comes and goes. Each time the slow one would
  // have to hear about all that they share.
  std::size_t largest = 0;
  for (int i = 0; i < 60; ++i) {
    put(paths::broker_id(9), R"({"version":5,"jmx_port":-1,"endpoints":)"
                             R"(["PLAINTEXT://10.0.0.9:9092"],"features":{}})");
    REQUIRE(wait_for([&] { return broker(host).fake.live_brokers.contains(9); }));
    remove(paths::broker_id(9));
    REQUIRE(wait_for([&] { return !broker(host).fake.live_brokers.contains(9); }));
    largest = std::max(largest, queued());
  }
  CHECK(queued() == 1);
  CHECK(largest < 100);
  erase("former");
  erase("again");
  create("again", 1);
  mark_for_deletion("deleted");
  create("late", 2);
  create_topic("late_too", {{host, slow}});
  erase("first");
  const int while_muted = fake().requests;
  fake().is_muted = false;
  REQUIRE(wait_for([&] { return has_converged(); }));
  REQUIRE(wait_for([&] { return tree().find(paths::topic("deleted")) == nullptr; }));
  CHECK(fake().requests - while_muted < 12);
  CHECK(fake().metadata.size() == broker(host).fake.metadata.size());
  CHECK(!fake().metadata.contains({"former", 0}));
  CHECK(!fake().metadata.contains({"first", 0}));
  CHECK(!fake().metadata.contains({"again", 2}));
  CHECK(fake().told_deleted.contains({"again", 0}));
  CHECK(fake().hosted.size() == 101);
  CHECK(fake().hosted[{"late_too", 0}].leader == host);
  for (int i = 0; i < 100; ++i) {
    CHECK(fake().hosted[{"kept", i}].leader_epoch == state("kept", i)->leader_epoch);
  }
  CHECK(fake().faults == 0);
  // And from here on event by event, as before.
  create("after", 1);
  REQUIRE(wait_for([&] { return fake().metadata.contains({"after", 0}); }));
}

TEST_CASE("a failed log directory: others lead, and the notification is taken away") {
  SimCluster cluster(3);
  cluster.create_topic("t", {{2, 3}, {2, 3}, {3, 2}, {2}});
  REQUIRE(cluster.wait_for([&] { return cluster.has_converged(); }));
  cluster.broker(2).fake.failed = {{"t", 0}, {"t", 2}};
  const std::string event = std::string(paths::kLogDirEventPrefix) + "0000000007";
  cluster.put(event, R"({"version":1,"broker":2,"event":1})");
  REQUIRE(cluster.wait_for([&] {
    return cluster.tree().find(event) == nullptr && cluster.state("t", 0)->leader == 3 &&
           cluster.state("t", 2)->isr == std::vector<std::int32_t>{3};
  }));
  CHECK(cluster.state("t", 0)->isr == std::vector<std::int32_t>{3});
  CHECK(cluster.state("t", 2)->leader == 3);
  // What stands in its other directory stays as it is.
  CHECK(cluster.state("t", 1)->leader == 2);
  CHECK(cluster.state("t", 1)->leader_epoch == 0);
  CHECK(cluster.state("t", 3)->leader == 2);
  // Everybody knows, also of a second event.
  REQUIRE(cluster.wait_for([&] { return cluster.broker(1).fake.metadata[{"t", 0}].leader == 3; }));
  cluster.broker(2).fake.failed.insert({"t", 1});
  cluster.put(event, R"({"version":1,"broker":2,"event":1})");
  REQUIRE(cluster.wait_for(
      [&] { return cluster.tree().find(event) == nullptr && cluster.state("t", 1)->leader == 3; }));
}

}  // namespace
}  // namespace controller_sim
