// Goal: topics get the names and the replica placement that Kafka gives them. Method: the examples
// of AdminUtils.java and its tests, and properties over many sizes.
#include <doctest/doctest.h>

#include <set>

#include "broker/cluster/assignment.h"
#include "broker/cluster/partition_growth.h"
#include "broker/cluster/topic_name.h"

using namespace cluster;

namespace {

std::vector<AssignableBroker> plain_brokers(int count) {
  std::vector<AssignableBroker> brokers;
  for (int id = 0; id < count; ++id) brokers.push_back({id, std::nullopt});
  return brokers;
}

}  // namespace

TEST_CASE("replicas without racks: round robin with a growing shift") {
  const auto placed =
      assign_replicas(plain_brokers(5), {.partitions = 10, .replication_factor = 3});
  REQUIRE(placed.has_value());
  const PartitionReplicas expected = {
      {0, {0, 1, 2}}, {1, {1, 2, 3}}, {2, {2, 3, 4}}, {3, {3, 4, 0}}, {4, {4, 0, 1}},
      {5, {0, 2, 3}}, {6, {1, 3, 4}}, {7, {2, 4, 0}}, {8, {3, 0, 1}}, {9, {4, 1, 2}}};
  CHECK(*placed == expected);
}

TEST_CASE("replicas by rack: the example of the documentation") {
  const std::vector<AssignableBroker> brokers = {{0, "rack1"}, {1, "rack3"}, {2, "rack3"},
                                                 {3, "rack2"}, {4, "rack2"}, {5, "rack1"}};
  CHECK(rack_alternated(brokers) == std::vector<std::int32_t>{0, 3, 1, 5, 4, 2});
  const auto placed = assign_replicas(brokers, {.partitions = 7, .replication_factor = 3});
  REQUIRE(placed.has_value());
  const PartitionReplicas expected = {{0, {0, 3, 1}}, {1, {3, 1, 5}}, {2, {1, 5, 4}},
                                      {3, {5, 4, 2}}, {4, {4, 2, 0}}, {5, {2, 0, 3}},
                                      {6, {0, 4, 2}}};
  CHECK(*placed == expected);
}

TEST_CASE("any size gives distinct replicas, and every rack its share") {
  for (int n = 1; n <= 7; ++n) {
    for (int rf = 1; rf <= n; ++rf) {
      for (const bool by_rack : {false, true}) {
        auto brokers = plain_brokers(n);
        if (by_rack) {
          for (auto& broker : brokers) broker.rack = "r" + std::to_string(broker.id % 3);
        }
        const auto placed = assign_replicas(brokers, {.partitions = 20,
                                                      .replication_factor = rf,
                                                      .start_index = n - 1,
                                                      .shift = 3,
                                                      .first_partition = 5});
        REQUIRE(placed.has_value());
        CHECK(placed->size() == 20);
        CHECK(placed->begin()->first == 5);
        for (const auto& [partition, replicas] : *placed) {
          CHECK(std::set<std::int32_t>(replicas.begin(), replicas.end()).size() ==
                static_cast<std::size_t>(rf));
          std::set<std::int32_t> racks;
          for (const auto id : replicas) racks.insert(id % 3);
          if (by_rack) CHECK(racks.size() == static_cast<std::size_t>(std::min({rf, n, 3})));
        }
      }
    }
  }
}

TEST_CASE("placements that cannot be") {
  const auto fault = [](const auto& placed) { return placed.error().fault; };
  const auto brokers = plain_brokers(2);
  CHECK(fault(assign_replicas(brokers, {.partitions = 0})) == AssignmentFault::partitions);
  CHECK(fault(assign_replicas(brokers, {.partitions = 2'000'000'000})) ==
        AssignmentFault::partitions);
  CHECK(fault(assign_replicas(brokers, {.replication_factor = 0})) ==
        AssignmentFault::replication_factor);
  const auto too_many = assign_replicas(brokers, {.replication_factor = 3});
  CHECK(fault(too_many) == AssignmentFault::replication_factor);
  CHECK(too_many.error().message == "Replication factor: 3 larger than available brokers: 2.");
  CHECK(fault(assign_replicas({{0, "a"}, {1, std::nullopt}}, {})) ==
        AssignmentFault::incomplete_racks);

  CHECK(start_index_for_added({{1, {}}, {4, {}}, {6, {}}}, 3) == 1);
  CHECK(start_index_for_added({{1, {}}, {4, {}}}, 9) == 0);

  CHECK(!invalid_new_assignment({{0, {7, 8}}, {1, {8, 7}}}));
  CHECK(invalid_new_assignment({}));
  CHECK(invalid_new_assignment({{0, {1}}, {1, {1, 2}}}));
  CHECK(invalid_new_assignment({{0, {1, 1}}}));
  CHECK(invalid_new_assignment({{1, {1}}}));
  CHECK(invalid_new_assignment({{0, {1}}, {2, {1}}}));
}

TEST_CASE("topic names") {
  CHECK(!invalid_topic_name("a.B_-9"));
  CHECK(!invalid_topic_name(std::string(249, 'a')));
  CHECK(invalid_topic_name("") == "Topic name is invalid: the empty string is not allowed");
  CHECK(invalid_topic_name("..") == "Topic name is invalid: '..' is not allowed");
  for (const std::string& name : {std::string("."), std::string(250, 'a'), std::string("a/b"),
                                  std::string("ä"), std::string("a b"), std::string("a\0b", 3)}) {
    CHECK(invalid_topic_name(name).has_value());
  }
  CHECK(topic_names_collide("a.b", "a_b"));
  CHECK(!topic_names_collide("a.b", "a_bc"));
  CHECK(has_collision_characters("a.b"));
  CHECK(!has_collision_characters("a-b"));
  CHECK(is_internal_topic("__consumer_offsets"));
  CHECK(!is_internal_topic("__cluster_metadata"));
}

TEST_CASE("more partitions: checks in Kafka's order, then placement behind the old ones") {
  using protocol::ErrorCode;
  const std::vector<AssignableBroker> brokers = {{1, {}}, {2, {}}, {3, {}}};
  TopicAssignment topic;
  topic.partitions[0].replicas = {2, 3};
  topic.partitions[1].replicas = {3, 1};
  const auto grow = [&](MorePartitions request) {
    request.name = "t";
    TopicAssignment copy = topic;
    const TopicOutcome outcome = grow_assignment(request, brokers, copy);
    return std::pair(outcome.error, copy);
  };
  CHECK(grow({.count = 1}).first == ErrorCode::kInvalidPartitions);
  CHECK(grow({.count = 2}).first == ErrorCode::kInvalidPartitions);
  CHECK(grow({.count = 2'000'000'000}).first == ErrorCode::kInvalidPartitions);
  const auto [error, grown] = grow({.count = 4});
  CHECK(error == ErrorCode::kNone);
  // Starts at the index of broker 2, as AdminUtils does: partition p at (p + 1) mod 3.
  CHECK(grown.partitions.at(2).replicas == ReplicaList{1, 3});
  CHECK(grown.partitions.at(3).replicas == ReplicaList{2, 3});
  CHECK(grown.partitions.at(0).replicas == ReplicaList{2, 3});

  const auto manual = [&](std::vector<ReplicaList> added) {
    return grow({.count = 4, .assignment = std::move(added)});
  };
  CHECK(manual({{1, 2}, {2, 1}}).second.partitions.at(3).replicas == ReplicaList{2, 1});
  CHECK(manual({{1, 2}, {2, 9}}).first == ErrorCode::kInvalidReplicaAssignment);
  CHECK(manual({{1, 2}}).first == ErrorCode::kInvalidReplicaAssignment);
  CHECK(manual({{1, 2}, {}}).first == ErrorCode::kInvalidReplicaAssignment);
  CHECK(manual({{1, 2}, {2, 2}}).first == ErrorCode::kInvalidReplicaAssignment);
  CHECK(manual({{1, 2}, {1}}).first == ErrorCode::kInvalidReplicaAssignment);

  topic.partitions[1].adding = {1};
  CHECK(grow({.count = 4}).first == ErrorCode::kReassignmentInProgress);
  topic.partitions.clear();
  topic.partitions[1].replicas = {1};
  CHECK(grow({.count = 4}).first == ErrorCode::kUnknownServerError);
}
