// Goal: what another broker sends cannot leave the log directory or trip the broker. Method:
// requests with one entry of each fault between good ones.
#include "broker/api/control_checks.h"

#include <doctest/doctest.h>

#include <limits>

#include "broker/cluster/metadata_cache.h"

namespace api {
namespace {

using protocol::ErrorCode;

const char* const kBadNames[] = {"", ".", "..", "../../etc", "a/b", "/abs", "a b", "nul\1", "ä"};
constexpr std::int32_t kMin = std::numeric_limits<std::int32_t>::min();

protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState leader_state(std::int32_t partition) {
  protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState state;
  state.partition_index = partition;
  state.leader = 1;
  state.isr = state.replicas = {1, 2};
  return state;
}

TEST_CASE("LeaderAndIsr: impossible partitions are taken out and answered") {
  protocol::LeaderAndIsrRequest request;
  for (const char* name : kBadNames) {
    auto& topic = request.topic_states.emplace_back();
    topic.topic_name = name;
    topic.partition_states.push_back(leader_state(0));
  }
  auto& good = request.topic_states.emplace_back();
  good.topic_name = "good";
  for (const std::int32_t partition : {0, -1, kMin, 1}) {
    good.partition_states.push_back(leader_state(partition));
  }
  const auto spoil = [&](auto change) {
    good.partition_states.push_back(leader_state(7));
    change(good.partition_states.back());
  };
  spoil([](auto& state) { state.leader = -3; });
  spoil([](auto& state) { state.leader_epoch = -1; });
  spoil([](auto& state) { state.isr = {1, -1}; });
  spoil([](auto& state) { state.replicas = {kMin}; });
  spoil([](auto& state) { state.adding_replicas = {-1}; });
  spoil([](auto& state) { state.removing_replicas = {-1}; });
  spoil([](auto& state) { state.leader_recovery_state = 2; });
  auto flat = leader_state(-5);
  flat.topic_name = "good";
  request.ungrouped_partition_states.push_back(flat);

  const auto refused = take_invalid(request);
  CHECK(refused.size() == std::size(kBadNames) + 2 + 7 + 1);
  REQUIRE(request.topic_states.size() == 1);
  CHECK(request.ungrouped_partition_states.empty());
  const auto& left = request.topic_states[0].partition_states;
  REQUIRE(left.size() == 2);
  CHECK(left[0].partition_index == 0);
  CHECK(left[1].partition_index == 1);
  protocol::LeaderAndIsrResponse response;
  add_refused(refused, response);
  CHECK(response.partition_errors.size() == refused.size());
  for (const auto& error : response.partition_errors) CHECK(error.error_code != 0);
  CHECK(take_invalid(request).empty());
}

TEST_CASE("StopReplica: no name leaves the log directory in any version's form") {
  protocol::StopReplicaRequest request;
  for (const char* name : kBadNames) {
    request.ungrouped_partitions.push_back({name, 0});
    auto& topic = request.topics.emplace_back();
    topic.name = name;
    topic.partition_indexes = {0};
    auto& state = request.topic_states.emplace_back();
    state.topic_name = name;
    state.partition_states.emplace_back();
  }
  auto& good = request.topic_states.emplace_back();
  good.topic_name = "good";
  good.partition_states.resize(2);
  good.partition_states[0].leader_epoch = -2;  // being deleted
  good.partition_states[1].partition_index = -1;
  CHECK(take_invalid(request).size() == 3 * std::size(kBadNames) + 1);
  CHECK(request.ungrouped_partitions.empty());
  for (const auto& topic : request.topics) CHECK(topic.partition_indexes.empty());
  REQUIRE(request.topic_states.back().partition_states.size() == 1);
}

TEST_CASE("UpdateMetadata: endpoints and partitions that cannot be do not reach the cache") {
  protocol::UpdateMetadataRequest request;
  auto& broker = request.live_brokers.emplace_back();
  broker.id = 7;
  for (const std::int16_t security : {0, 3, 4, -1, 32767, -32768}) {
    auto& endpoint = broker.endpoints.emplace_back();
    endpoint.host = "h";
    endpoint.port = 1;
    endpoint.security_protocol = security;
  }
  broker.endpoints.push_back(broker.endpoints[0]);
  broker.endpoints.back().port = 65536;
  request.live_brokers.emplace_back().id = -1;
  for (const char* name : kBadNames) request.topic_states.emplace_back().topic_name = name;
  auto& good = request.topic_states.emplace_back();
  good.topic_name = "good";
  good.partition_states.resize(3);
  good.partition_states[1].partition_index = -1;
  good.partition_states[2].leader = -9;

  drop_invalid(request);
  REQUIRE(request.live_brokers.size() == 1);
  CHECK(request.live_brokers[0].endpoints.size() == 2);
  REQUIRE(request.topic_states.size() == 1);
  CHECK(request.topic_states[0].partition_states.size() == 1);
  cluster::MetadataCache cache;
  CHECK(cache.apply(request).empty());
  CHECK(cache.snapshot()->is_alive(7));
}

TEST_CASE("AlterPartition: numbers below zero and unknown recovery states are refused") {
  protocol::AlterPartitionRequest request;
  auto& partition = request.topics.emplace_back().partitions.emplace_back();
  CHECK(is_valid(request));
  const auto refuses = [&](auto change) {
    protocol::AlterPartitionRequest changed = request;
    change(changed, changed.topics[0].partitions[0]);
    return !is_valid(changed);
  };
  partition.new_isr = {1, 2};
  CHECK(is_valid(request));
  CHECK(refuses([](auto& all, auto&) { all.broker_id = -1; }));
  CHECK(refuses([](auto&, auto& one) { one.partition_index = -1; }));
  CHECK(refuses([](auto&, auto& one) { one.new_isr = {-1}; }));
  CHECK(refuses([](auto&, auto& one) { one.new_isr_with_epochs.emplace_back().broker_id = -1; }));
  CHECK(refuses([](auto&, auto& one) { one.leader_recovery_state = 2; }));
  CHECK(refuses([](auto&, auto& one) { one.leader_epoch = -1; }));
}

TEST_CASE("AlterPartition by name: what no topic can be called is unknown, the others are asked") {
  protocol::AlterPartitionRequest request;
  for (const std::string& name : {std::string("good"), std::string("../etc"), std::string("a\nb"),
                                  std::string(40'000, 'x')}) {
    auto& topic = request.topics.emplace_back();
    topic.topic_name = name;
    topic.partitions.resize(2);
    topic.partitions[1].partition_index = 1;
  }
  protocol::AlterPartitionRequest by_id = request;
  CHECK(take_invalid(by_id, 2).empty());
  const auto refused = take_invalid(request, 1);
  REQUIRE(request.topics.size() == 1);
  CHECK(request.topics[0].topic_name == "good");
  CHECK(refused.size() == 6);
  protocol::AlterPartitionResponse response;
  response.topics.emplace_back().topic_name = "good";
  add_refused(refused, response);
  REQUIRE(response.topics.size() == 4);
  CHECK(response.topics[1].topic_name == "../etc");
  REQUIRE(response.topics[1].partitions.size() == 2);
  CHECK(response.topics[1].partitions[1].partition_index == 1);
  CHECK(response.topics[1].partitions[1].error_code ==
        static_cast<std::int16_t>(protocol::ErrorCode::kUnknownTopicOrPartition));
  CHECK(response.topics[3].topic_name.size() < 1'000);
}

}  // namespace
}  // namespace api
