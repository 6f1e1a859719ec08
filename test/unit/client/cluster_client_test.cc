// Goal: calls find their broker, follow it when it moves, and end at their deadline.
#include "client/cluster_client.h"

#include <fmt/core.h>

#include "protocol/gen/allocate_producer_ids.h"
#include "protocol/gen/delete_groups.h"
#include "protocol/gen/find_coordinator.h"
#include "test/unit/client/scripted_broker.h"

namespace client {
namespace {

using protocol::AllocateProducerIdsRequest;
using protocol::AllocateProducerIdsResponse;
using protocol::ErrorCode;
using protocol::MetadataResponse;

TEST_CASE("bootstrap lists") {
  const auto two = parse_bootstrap(" a:1, [::1]:2 ");
  REQUIRE(two);
  CHECK((*two)[0] == Endpoint{"a", 1});
  CHECK((*two)[1] == Endpoint{"::1", 2});
  CHECK((*two)[1].to_string() == "[::1]:2");
  for (const char* bad : {"", " , ", "a", "a:", ":1", "a:x", "a:65536", "::1:9092", "a:1,b"}) {
    CAPTURE(bad);
    CHECK(parse_bootstrap(bad).error().is(base::Errc::invalid_argument));
  }
}

// Two brokers on one host; broker 1 is the controller until `controller` says otherwise.
struct TwoBrokers : ClientFixture {
  std::int32_t controller = 1;
  std::int32_t coordinator = 2;
  std::int16_t find_version = 4;
  std::int32_t refusals = 0;  // that many coordinators are not there yet
  ScriptedBroker first{broker_loop, kBrokerIp, 9092,
                       [this](const auto& header, auto&) { return answer(1, header); }};
  ScriptedBroker second{broker_loop, kBrokerIp, 9093,
                        [this](const auto& header, auto&) { return answer(2, header); }};
  ClusterClient cluster{loop,
                        resolver,
                        {.bootstrap = {{"10.0.0.88", 1}, {kBrokerIp, 9092}},
                         .connection = {.client_id = "test", .connect_timeout_ms = 500},
                         .call_timeout_ms = 5'000}};

  ~TwoBrokers() {
    run(cluster.close());
    stop(first);
    stop(second);
  }
  Scripted answer(std::int32_t id, const protocol::RequestHeader& header) {
    Scripted scripted;
    if (header.api_key == protocol::ApiVersionsRequest::kApiKey) {
      auto response = api_versions_of(12, 4);
      response.api_keys.emplace_back().api_key = AllocateProducerIdsRequest::kApiKey;
      for (const auto& [key, max] :
           {std::pair<std::int16_t, std::int16_t>{10, find_version}, {42, 1}}) {
        auto& range = response.api_keys.emplace_back();
        range.api_key = key;
        range.max_version = max;
      }
      scripted.frames.push_back(respond(header, response));
    } else if (header.api_key == protocol::MetadataRequest::kApiKey) {
      MetadataResponse response;
      response.controller_id = controller;
      for (const std::int32_t node : {1, 2}) {
        auto& broker = response.brokers.emplace_back();
        broker.node_id = node;
        broker.host = kBrokerIp;
        broker.port = 9091 + node;
      }
      auto& topic = response.topics.emplace_back();
      topic.name = "t";
      topic.partitions.emplace_back().leader_id = 2;
      scripted.frames.push_back(respond(header, response));
    } else if (header.api_key == protocol::FindCoordinatorRequest::kApiKey) {
      protocol::FindCoordinatorResponse response;
      const auto code = static_cast<std::int16_t>(
          refusals-- > 0 ? ErrorCode::kCoordinatorNotAvailable : ErrorCode::kNone);
      if (header.api_version < 4) {
        response.node_id = coordinator;
        response.error_code = code;
      } else {
        auto& found = response.coordinators.emplace_back();
        found.node_id = coordinator;
        found.error_code = code;
      }
      scripted.frames.push_back(respond(header, response));
    } else if (header.api_key == protocol::DeleteGroupsRequest::kApiKey) {
      protocol::DeleteGroupsResponse response;
      auto& result = response.results.emplace_back();
      result.group_id = fmt::format("by broker {}", id);
      if (id != coordinator) {
        result.error_code = static_cast<std::int16_t>(ErrorCode::kNotCoordinator);
      }
      scripted.frames.push_back(respond(header, response));
    } else {
      AllocateProducerIdsResponse response;
      response.producer_id_start = id;
      if (id != controller) {
        response.error_code = static_cast<std::int16_t>(ErrorCode::kNotController);
      }
      scripted.frames.push_back(respond(header, response));
    }
    return scripted;
  }
  base::Result<std::int64_t> ask_controller() {
    auto reply =
        run(cluster.call_controller<AllocateProducerIdsResponse>(AllocateProducerIdsRequest()));
    if (!reply) return base::fail(reply.error());
    return reply->value.error_code == 0 ? reply->value.producer_id_start : -1;
  }
};

TEST_CASE_FIXTURE(TwoBrokers, "the controller is found, and found again") {
  CHECK(ask_controller().value() == 1);
  controller = 2;
  CHECK(ask_controller().value() == 2);
  CHECK(cluster.controller_id() == base::BrokerId(2));
  CHECK(first.connections == 1);
}

TEST_CASE_FIXTURE(TwoBrokers, "no controller: the call ends at its deadline") {
  controller = -1;
  CHECK(ask_controller().error().is(base::Errc::timed_out));
}

TEST_CASE_FIXTURE(TwoBrokers, "leaders are found by partition") {
  controller = 2;
  const auto reply =
      run(cluster.call_leader<AllocateProducerIdsResponse>({"t", 0}, AllocateProducerIdsRequest()));
  REQUIRE(reply);
  CHECK(reply->value.producer_id_start == 2);
  CHECK(
      run(cluster.call_leader<AllocateProducerIdsResponse>({"t", 7}, AllocateProducerIdsRequest()))
          .error()
          .is(base::Errc::not_found));
}

TEST_CASE_FIXTURE(TwoBrokers, "a group's coordinator is found") {
  refusals = 2;
  const auto reply = run(cluster.call_coordinator<protocol::DeleteGroupsResponse>(
      "g", protocol::DeleteGroupsRequest()));
  REQUIRE(reply);
  CHECK(reply->value.results[0].group_id == "by broker 2");
  CHECK(run(cluster.coordinator_of("g")).value() == base::BrokerId(2));
  coordinator = -1;
  CHECK(run(cluster.call_coordinator<protocol::DeleteGroupsResponse>(
                "g", protocol::DeleteGroupsRequest()))
            .error()
            .is(base::Errc::timed_out));
}

TEST_CASE_FIXTURE(TwoBrokers, "a broker that looks up one coordinator at a time") {
  find_version = 3;
  CHECK(run(cluster.coordinator_of("g")).value() == base::BrokerId(2));
}

TEST_CASE_FIXTURE(TwoBrokers, "a connection that broke is replaced") {
  CHECK(ask_controller().value() == 1);
  world.network().reset_port(9092);
  world.run_for(10);
  CHECK(ask_controller().value() == 1);
  CHECK(first.connections == 2);
}

TEST_CASE_FIXTURE(TwoBrokers, "a request that depends on the version") {
  const auto reply = run(cluster.call_any<protocol::MetadataResponse>([](std::int16_t version) {
    CHECK(version == 12);
    return protocol::MetadataRequest();
  }));
  CHECK(reply.has_value());
}

}  // namespace
}  // namespace client
