// Purpose: a cluster of three brokers and one topic for tests that look at one event after another.
#pragma once

#include <doctest/doctest.h>

#include "protocol/error_code.h"
#include "test/unit/broker/controller/memory_store.h"

namespace controller {

using protocol::ErrorCode;
using protocol::LeaderAndIsrRequest;
using protocol::StopReplicaRequest;
using protocol::UpdateMetadataRequest;

struct ClusterFixture : ControllerFixture {
  ClusterFixture() {
    for (const std::int32_t id : {1, 2, 3}) store.add_broker(id, 10 * id);
    store.add_topic("t", {{1, 2, 3}, {2, 3, 1}});
  }
  void start() {
    REQUIRE(take_over());
    sent.all.clear();
  }
  void create(const std::string& name, const std::vector<cluster::ReplicaList>& partitions) {
    store.add_topic(name, partitions);
    REQUIRE(run(topics.on_topics_changed()));
  }
  void kill(std::int32_t id) {
    store.brokers.erase(id);
    REQUIRE(run(brokers.on_brokers_changed()));
  }
  void revive(std::int32_t id, std::int64_t epoch) {
    store.add_broker(id, epoch);
    REQUIRE(run(brokers.on_brokers_changed()));
  }
  void mark_for_deletion(const std::string& name) {
    store.deletion_markers.insert(name);
    REQUIRE(run(topics.on_deletion_markers_changed()));
  }
  // Brokers confirm every deletion they were asked for and that is not confirmed yet.
  void confirm_deletions() {
    const auto stops = sent.of<StopReplicaRequest>();
    sent.all.clear();
    for (const auto& [broker, request] : stops) {
      protocol::StopReplicaResponse response;
      for (const auto& topic : request.topic_states) {
        for (const auto& state : topic.partition_states) {
          auto& error = response.partition_errors.emplace_back();
          error.topic_name = topic.topic_name;
          error.partition_index = state.partition_index;
        }
      }
      REQUIRE(run(machines.deletion.on_stop_replica_response(broker, request, response)));
    }
  }
  void tell_storage_error(std::int32_t broker, std::int32_t partition, ErrorCode code) {
    protocol::LeaderAndIsrResponse response;
    auto& topic = response.topics.emplace_back();
    topic.topic_id = *env.context.find_topic("t")->id;
    auto& error = topic.partition_errors.emplace_back();
    error.partition_index = partition;
    error.error_code = static_cast<std::int16_t>(code);
    REQUIRE(run(brokers.on_leader_and_isr_response(broker, response)));
  }
};

}  // namespace controller
