// Goal: a znode that makes no sense costs what it describes, never the office: it is left out, and
// looked at again when it changes.
#include <doctest/doctest.h>

#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/topic_assignment.h"
#include "test/sim/controller/sim_cluster.h"

namespace controller_sim {
namespace {

namespace paths = cluster::paths;

struct HostileFixture : SimCluster {
  HostileFixture() : SimCluster(2) {
    create_topic("t", {{1, 2}, {2, 1}});
    REQUIRE(wait_for([&] { return has_converged(); }));
  }
  std::string assignment(const std::vector<cluster::ReplicaList>& partitions) {
    cluster::TopicAssignment assignment;
    for (std::size_t i = 0; i < partitions.size(); ++i) {
      assignment.partitions[static_cast<std::int32_t>(i)] = {partitions[i], {}, {}};
    }
    return cluster::encode_topic_assignment(assignment);
  }
  bool is_served(const std::string& topic, std::int32_t partition = 0) {
    return broker(1).fake.metadata.contains({topic, partition}) &&
           broker(2).fake.metadata.contains({topic, partition});
  }
  // A new controller, which has to read everything.
  void replace_controller() {
    const std::int32_t epoch = controller_epoch();
    remove("/controller");
    REQUIRE(wait_for(
        [&] { return active() != nullptr && active()->controller.status().epoch > epoch; }));
  }
  // Long enough for a controller that steps down, waits a second and is elected again.
  void check_office_is_kept(std::int32_t epoch) {
    world.run_for(10'000);
    CHECK(controller_epoch() == epoch);
    CHECK(active() != nullptr);
  }
};

TEST_CASE_FIXTURE(HostileFixture, "topics that make no sense are left out until they do") {
  const std::vector<std::string> texts = {
      "",
      "nonsense",
      "[]",
      R"({"partitions":7})",
      R"({"partitions":{"-1":[1]}})",
      R"({"partitions":{"4294967296":[1]}})",
      R"({"partitions":{"0":["one"]}})",
      R"({"partitions":{"0":[1]},"topic_id":"?"})",
  };
  for (std::size_t i = 0; i < texts.size(); ++i) {
    put(paths::topic(fmt::format("odd-{}", i)), texts[i]);
  }
  put(paths::topic("not a name"), assignment({{1}}));
  create_topic("good", {{1}});
  REQUIRE(wait_for([&] { return is_served("good"); }));
  check_office_is_kept(1);
  replace_controller();
  create_topic("better", {{2}});
  REQUIRE(wait_for([&] { return is_served("better") && is_served("t"); }));
  check_office_is_kept(2);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string name = fmt::format("odd-{}", i);
    CHECK(!is_served(name));
    put(paths::topic(name), assignment({{1, 2}}));
    REQUIRE(wait_for([&] { return is_served(name); }));
  }
  CHECK(!is_served("not a name"));
  check_office_is_kept(2);
}

TEST_CASE_FIXTURE(HostileFixture, "an unreadable topic that is made again is looked at") {
  put(paths::topic("again"), "nonsense");
  world.run_for(1000);
  remove(paths::topic("again"));
  put(paths::topic("again"), assignment({{1}}));
  REQUIRE(wait_for([&] { return is_served("again"); }));
}

TEST_CASE_FIXTURE(HostileFixture, "a state that makes no sense is left alone until it does") {
  const std::string path = paths::partition_state("t", 0);
  cluster::PartitionState healed = *state("t", 0);
  for (const std::string& text :
       {std::string("nonsense"), std::string(R"({"leader":1,"leader_epoch":2147483647,)"
                                             R"("isr":[1],"controller_epoch":1})")}) {
    put(path, text);
    replace_controller();
    REQUIRE(wait_for([&] { return is_served("t", 1); }));
    const std::int32_t epoch = controller_epoch();
    create_topic(fmt::format("beside-{}", epoch), {{1}});
    REQUIRE(wait_for([&] { return is_served(fmt::format("beside-{}", epoch)); }));
    check_office_is_kept(epoch);
    CHECK(*tree().find(path)->data == text);
    // As if its leader had gone on meanwhile.
    healed.leader_epoch += 10;
    put(path, cluster::encode_partition_state(healed));
    REQUIRE(wait_for([&] { return has_converged(); }));
    check_office_is_kept(epoch);
  }
}

TEST_CASE_FIXTURE(HostileFixture, "a registration that makes no sense is left out until it does") {
  for (const char* text : {"nonsense", R"({"version":5,"jmx_port":-1,"endpoints":)"
                                       R"(["PLAINTEXT://10.0.0.9:70000"]})"}) {
    put(paths::broker_id(9), text);
    put(paths::broker_id(-9), text);
    replace_controller();
    const std::int32_t epoch = controller_epoch();
    create_topic(fmt::format("beside-{}", epoch), {{1}});
    REQUIRE(wait_for([&] { return is_served(fmt::format("beside-{}", epoch)); }));
    check_office_is_kept(epoch);
    CHECK(!broker(1).fake.live_brokers.contains(9));
    put(paths::broker_id(9), R"({"version":5,"jmx_port":-1,"endpoints":)"
                             R"(["PLAINTEXT://10.0.0.9:9092"],"features":{}})");
    REQUIRE(wait_for([&] { return broker(1).fake.live_brokers.contains(9); }));
    CHECK(!broker(1).fake.live_brokers.contains(-9));
    remove(paths::broker_id(9));
    remove(paths::broker_id(-9));
    REQUIRE(wait_for([&] { return has_converged(); }));
  }
}

TEST_CASE_FIXTURE(HostileFixture, "cluster-wide znodes that make no sense cost no office") {
  for (const std::string_view path : {paths::kFeature, paths::kProducerIdBlock,
                                      paths::kPreferredElection, paths::kReassignPartitions}) {
    put(std::string(path), "nonsense");
  }
  put(std::string(paths::kIsrChanges) + "/isr_change_0000000001", "nonsense");
  put(std::string(paths::kLogDirEvents) + "/log_dir_event_0000000001", "nonsense");
  replace_controller();
  REQUIRE(wait_for([&] { return has_converged(); }));
  protocol::AllocateProducerIdsRequest request;
  request.broker_id = 1;
  request.broker_epoch = broker(1).session.broker_epoch()->value();
  const auto response =
      world.block_on(active()->loop, active()->controller.allocate_producer_ids(request));
  CHECK(response.error_code == static_cast<std::int16_t>(protocol::ErrorCode::kUnknownServerError));
  check_office_is_kept(2);
}

TEST_CASE_FIXTURE(HostileFixture, "an office whose znode makes no sense is filled anew, once") {
  put("/controller", "nonsense");
  REQUIRE(wait_for([&] { return controller_epoch() == 2 && has_converged(); }, 5'000));
  check_office_is_kept(2);
}

TEST_CASE_FIXTURE(HostileFixture, "partitions do not wait for partition 0 to have a live replica") {
  create_topic("lame", {{7}, {1}, {7}, {2, 1}});
  REQUIRE(wait_for([&] { return is_served("lame", 1) && is_served("lame", 3); }, 5'000));
  CHECK(!state("lame", 0));
  CHECK(state("lame", 3)->leader == 2);
  // Nothing else went wrong on the way.
  CHECK(controller_epoch() == 1);
}

TEST_CASE_FIXTURE(HostileFixture, "a node that cannot be removed is left alone") {
  put("/log_dir_event_notification/log_dir_event_0000000777",
      R"({"version":1,"broker":1,"event":1})");
  put("/log_dir_event_notification/log_dir_event_0000000777/child", "");
  check_office_is_kept(1);
  put("/admin/preferred_replica_election",
      R"({"version":1,"partitions":[{"topic":"t","partition":0}]})");
  put("/admin/preferred_replica_election/child", "");
  check_office_is_kept(1);
  put("/admin/delete_topics/t", "");
  put("/admin/delete_topics/t/child", "");
  check_office_is_kept(1);
  create_topic("later", {{1, 2}});
  REQUIRE(wait_for([&] { return is_served("later"); }));
  put("/admin/delete_topics/later", "");
  REQUIRE(wait_for([&] { return !is_served("later"); }));
  check_office_is_kept(1);
}

}  // namespace
}  // namespace controller_sim
