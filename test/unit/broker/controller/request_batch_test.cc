// Goal: each broker gets the right requests, in the right order, in the version that the
// inter-broker protocol asks for.
#include "broker/controller/request_batch.h"

#include <doctest/doctest.h>

#include "test/unit/broker/controller/memory_store.h"

namespace controller {
namespace {

using config::InterBrokerProtocol;
using protocol::LeaderAndIsrRequest;
using protocol::StopReplicaRequest;
using protocol::UpdateMetadataRequest;

struct BatchFixture : ControllerFixture {
  BatchFixture() {
    store.add_broker(1, 11);
    store.add_broker(2, 12);
    store.add_broker(3, 13);
    for (const auto& [id, broker] : store.brokers) {
      env.context.put_broker({*broker.info, broker.epoch});
    }
    PartitionEntry& entry = env.context.put_topic("t").partitions[0];
    entry.assignment.replicas = {1, 2};
    entry.leadership = Leadership{
        {.leader = 1, .leader_epoch = 3, .isr = {1, 2}, .controller_epoch = 1, .recovering = false},
        5};
    env.context.set_topic_id("t", *base::Uuid::parse("qCqvWVu9Q6OJ_udtfKYegA"));
  }
  const TopicPartition partition{"t", 0};
};

TEST_CASE_FIXTURE(BatchFixture, "order and recipients") {
  const std::int32_t to[] = {1, 2, -1, 9};  // nobody and a dead broker get nothing
  env.batch.add_stop_replica(2, partition, false);
  env.batch.add_leader_and_isr(to, partition, false);
  env.flush();
  CHECK(sent.summary() == "L1 L2 U1 U2 U3 S2");
  CHECK(env.batch.empty());
  const auto orders = sent.of<LeaderAndIsrRequest>();
  CHECK(orders[0].second.broker_epoch == 11);
  CHECK(orders[0].second.controller_epoch == 1);
  const auto& topic = orders[0].second.topic_states.at(0);
  CHECK(topic.topic_id.to_string() == "qCqvWVu9Q6OJ_udtfKYegA");
  CHECK(topic.partition_states.at(0).partition_epoch == 5);
  CHECK(orders[0].second.live_leaders.at(0).host_name == "host1");
}

TEST_CASE_FIXTURE(BatchFixture, "flags of one partition are or-ed") {
  const std::int32_t to[] = {2};
  env.batch.add_leader_and_isr(to, partition, true);
  env.batch.add_leader_and_isr(to, partition, false);
  env.batch.add_stop_replica(2, partition, true);
  env.batch.add_stop_replica(2, partition, false);
  env.flush();
  CHECK(sent.of<LeaderAndIsrRequest>()[0].second.topic_states[0].partition_states[0].is_new);
  CHECK(
      sent.of<StopReplicaRequest>()[0].second.topic_states[0].partition_states[0].delete_partition);
}

TEST_CASE_FIXTURE(BatchFixture, "a topic in deletion has leader -2 and stop epoch -2") {
  env.context.find_topic("t")->queued_for_deletion = true;
  env.batch.add_stop_replica(1, partition, true);
  env.send_update_metadata({1}, {partition});
  const auto update = sent.of<UpdateMetadataRequest>().at(0).second;
  const auto& state = update.topic_states.at(0).partition_states.at(0);
  CHECK(state.leader == -2);
  CHECK(state.leader_epoch == 0);
  CHECK(state.zk_version == 0);
  CHECK(sent.of<StopReplicaRequest>()[0].second.topic_states[0].partition_states[0].leader_epoch ==
        -2);
}

TEST_CASE_FIXTURE(BatchFixture, "offline replicas are told") {
  env.context.remove_broker(2);
  env.send_update_metadata({1}, {partition});
  const auto update = sent.of<UpdateMetadataRequest>().at(0).second;
  CHECK(update.topic_states[0].partition_states[0].offline_replicas == std::vector<int>{2});
  CHECK(update.live_brokers.size() == 2);
}

TEST_CASE_FIXTURE(BatchFixture, "a partition without leader record is left out") {
  env.context.find(partition)->leadership.reset();
  const std::int32_t to[] = {1};
  env.batch.add_leader_and_isr(to, partition, false);
  env.flush();
  CHECK(sent.all.empty());
  env.send_update_metadata({1}, {partition});
  CHECK(sent.of<UpdateMetadataRequest>().at(0).second.topic_states.empty());
}

// Every version that some inter-broker protocol yields can carry what is put into it (the encoder
// ends the process otherwise), and says the same after decoding.
TEST_CASE_FIXTURE(BatchFixture, "all versions of the requests") {
  using enum InterBrokerProtocol;
  struct Row {
    InterBrokerProtocol protocol;
    int leader_and_isr, update_metadata, stop_replica;
  };
  for (const Row& row : {Row{v0_8_0, 0, 0, 0}, Row{v0_9_0, 0, 1, 0}, Row{v0_10_0_iv1, 0, 2, 0},
                         Row{v0_10_2_iv0, 0, 3, 0}, Row{v1_0_iv0, 1, 4, 0}, Row{v2_2_iv0, 2, 5, 1},
                         Row{v2_4_iv0, 3, 5, 1}, Row{v2_4_iv1, 4, 6, 2}, Row{v2_6_iv0, 4, 6, 3},
                         Row{v2_8_iv1, 5, 7, 3}, Row{v3_2_iv0, 6, 7, 3}, Row{v3_4_iv0, 7, 8, 4},
                         Row{v3_9_iv0, 7, 8, 4}}) {
    CAPTURE(to_string(row.protocol));
    settings.protocol = row.protocol;
    sent.all.clear();
    const std::int32_t to[] = {1, 2};
    env.batch.add_leader_and_isr(to, partition, true);
    env.batch.add_stop_replica(2, partition, true);
    env.flush();
    for (const auto& [broker, request] : sent.all) {
      std::visit(
          [&, version = request.version](const auto& body) {
            using Body = std::decay_t<decltype(body)>;
            protocol::Writer writer;
            if constexpr (std::is_same_v<Body, MetadataOrder>) {
              CHECK(body.size_bytes(version) > 0);
              body.write(writer, version);
              protocol::Reader reader(writer.written());
              const auto decoded = UpdateMetadataRequest::decode(reader, version);
              REQUIRE(decoded.has_value());
              // What is shared says nothing of it.
              CHECK(decoded->broker_epoch == (version >= 5 ? body.broker_epoch : -1));
              CHECK(decoded->live_brokers.size() == 3);
            } else {
              body.encode(writer, version);
              protocol::Reader reader(writer.written());
              CHECK(Body::decode(reader, version).has_value());
            }
          },
          request.body);
    }
    CHECK(sent.all[0].second.version == row.leader_and_isr);
    CHECK(sent.all[2].second.version == row.update_metadata);
    CHECK(sent.all.back().second.version == row.stop_replica);
  }
}

TEST_CASE_FIXTURE(BatchFixture, "below version 3 deletions go in a request of their own, first") {
  settings.protocol = InterBrokerProtocol::v2_4_iv1;
  env.batch.add_stop_replica(2, partition, false);
  env.batch.add_stop_replica(2, {"u", 1}, true);
  env.flush();
  const auto stops = sent.of<StopReplicaRequest>();
  REQUIRE(stops.size() == 2);
  CHECK(stops[0].second.delete_partitions);
  CHECK(stops[0].second.topics[0].name == "u");
  CHECK(!stops[1].second.delete_partitions);
}

MetadataUpdate update_of(const std::string& topic, std::vector<std::int32_t> leaders,
                         std::int32_t broker = 1, const char* id = "qCqvWVu9Q6OJ_udtfKYegA") {
  UpdateMetadataRequest request;
  request.live_brokers.emplace_back().id = broker;
  auto& state = request.topic_states.emplace_back();
  state.topic_name = topic;
  state.topic_id = *base::Uuid::parse(id);
  for (std::size_t i = 0; i < leaders.size(); ++i) {
    auto& partition = state.partition_states.emplace_back();
    partition.partition_index = static_cast<std::int32_t>(i);
    partition.leader = leaders[i];
  }
  return MetadataUpdate(std::move(request), 8);
}

TEST_CASE("updates in a row are one; the later one counts") {
  MergedMetadata merged;
  merged.add(update_of("a", {1, 1}));
  REQUIRE(merged.accepts(update_of("a", {2}, 5)));
  merged.add(update_of("a", {2}, 5));
  merged.add(update_of("b", {3}, 6));
  CHECK(merged.partition_count() == 3);
  const MetadataUpdate update = merged.take();
  REQUIRE(update.request().topic_states.size() == 2);
  CHECK(update.request().live_brokers.at(0).id == 6);
  const auto& a = update.request().topic_states[0];
  CHECK(a.partition_states.at(0).leader == 2);
  CHECK(a.partition_states.at(1).leader == 1);
}

TEST_CASE("a deletion may follow, but nothing of that topic follows a deletion") {
  MergedMetadata merged;
  merged.add(update_of("a", {1}));
  REQUIRE(merged.accepts(update_of("a", {kLeaderDuringDelete})));
  merged.add(update_of("a", {kLeaderDuringDelete}));
  CHECK(!merged.accepts(update_of("a", {1})));
  CHECK(!merged.accepts(update_of("a", {1}, 1, "AAAAAAAAAAAAAAAAAAAABQ")));
  CHECK(merged.accepts(update_of("a", {kLeaderDuringDelete})));
  CHECK(merged.accepts(update_of("b", {1})));
}

}  // namespace
}  // namespace controller
