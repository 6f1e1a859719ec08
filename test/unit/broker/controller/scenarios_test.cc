// Goal: the state machines answer the events of a cluster's life as KafkaController does.
// Method: a store in memory, one event after another, looking at the states written and the
// requests sent.
#include <doctest/doctest.h>

#include <limits>

#include "broker/controller/alter_partition.h"
#include "broker/controller/controlled_shutdown.h"
#include "broker/controller/controller_error.h"
#include "broker/controller/producer_ids.h"
#include "test/unit/broker/controller/cluster_fixture.h"

namespace controller {
namespace {

TEST_CASE_FIXTURE(ClusterFixture, "a new controller finds a new cluster") {
  REQUIRE(take_over());
  CHECK(channels.brokers == std::set<std::int32_t>{1, 2, 3});
  CHECK(store.features->enabled);
  CHECK(store.topics.at("t").topic_id.has_value());
  CHECK(state("t", 0).state.leader == 1);
  CHECK(state("t", 1).state.leader == 2);
  CHECK(state("t", 1).state.isr == BrokerIds{2, 3, 1});
  // First the brokers, then nothing to start (no records yet), then the new leaders.
  CHECK(sent.summary() == "U1 U2 U3 L1 L2 L3 U1 U2 U3");
  const auto first = sent.of<UpdateMetadataRequest>().front().second;
  CHECK(first.live_brokers.size() == 3);
  CHECK(first.topic_states.empty());
  CHECK(sent.of<LeaderAndIsrRequest>()[0].second.topic_states[0].partition_states[0].is_new);
}

TEST_CASE_FIXTURE(ClusterFixture, "a new controller takes dead replicas out of the ISRs") {
  start();
  store.brokers.erase(2);
  env.context.clear();
  env.context.epoch = 2;
  start();
  CHECK(state("t", 0).state.isr == BrokerIds{1, 3});
  CHECK(state("t", 1).state.leader == 3);
  CHECK(state("t", 1).state.isr == BrokerIds{3, 1});
  CHECK(state("t", 1).state.controller_epoch == 2);
}

TEST_CASE_FIXTURE(ClusterFixture, "a topic is created") {
  start();
  create("new", {{3, 1}});
  CHECK(state("new").state.leader == 3);
  CHECK(sent.summary() == "L1 L3 U1 U2 U3");
  CHECK(env.context.phase_of({{"new", 0}, 1}) == ReplicaPhase::online);
}

TEST_CASE_FIXTURE(ClusterFixture, "partitions are added") {
  start();
  store.topics["t"].partitions[2] = {{3, 2}, {}, {}};
  REQUIRE(run(topics.on_topic_modified("t")));
  CHECK(state("t", 2).state.leader == 3);
  CHECK(env.context.partitions_of("t").size() == 3);
}

TEST_CASE_FIXTURE(ClusterFixture, "a partition without live replica waits for a broker") {
  start();
  create("lonely", {{7}});
  CHECK(!store.states.contains({"lonely", 0}));
  revive(7, 70);
  CHECK(state("lonely").state.leader == 7);
}

TEST_CASE_FIXTURE(ClusterFixture, "a broker dies and comes back") {
  start();
  kill(2);
  CHECK(!channels.brokers.contains(2));
  CHECK(state("t", 1).state.leader == 3);
  CHECK(state("t", 1).state.isr == BrokerIds{3, 1});
  CHECK(state("t", 0).state.leader == 1);
  CHECK(state("t", 0).state.isr == BrokerIds{1, 3});
  // Partition 1: one epoch for the election, which drops it from the ISR already.
  CHECK(state("t", 1).state.leader_epoch == 1);
  sent.all.clear();
  revive(2, 21);
  CHECK(state("t", 1).state.leader == 3);
  // Others learn of it, it learns of all partitions, then which are its own.
  CHECK(sent.summary() == "U1 U3 U2 L2 U1 U2 U3");
  CHECK(sent.of<LeaderAndIsrRequest>()[0].second.broker_epoch == 21);
}

TEST_CASE_FIXTURE(ClusterFixture, "the last in-sync replica dies: offline, and back with it") {
  create("solo", {{3}});
  start();
  kill(3);
  CHECK(state("solo").state.leader == kNoLeader);
  CHECK(state("solo").state.isr == BrokerIds{3});
  CHECK(env.context.find({"solo", 0})->phase == PartitionPhase::offline);
  revive(3, 31);
  CHECK(state("solo").state.leader == 3);
}

TEST_CASE_FIXTURE(ClusterFixture, "a bounced broker is a failure and a start") {
  start();
  revive(1, 99);  // same id, larger epoch, never seen away
  CHECK(channels.brokers.contains(1));
  CHECK(state("t", 0).state.leader == 2);
  CHECK(state("t", 0).state.isr == BrokerIds{2, 3});
  CHECK(env.context.find_broker(1)->epoch == 99);
}

TEST_CASE_FIXTURE(ClusterFixture, "unclean election only where the topic allows it") {
  store.add_topic("unclean", {{1, 2}});
  store.add_topic("clean", {{1, 2}});
  store.unclean_topics.insert("unclean");
  start();
  kill(2);
  kill(1);
  revive(2, 22);
  CHECK(state("clean").state.leader == kNoLeader);
  CHECK(state("clean").state.isr == BrokerIds{1});
  CHECK(state("unclean").state.leader == 2);
  CHECK(state("unclean").state.isr == BrokerIds{2});
  CHECK(state("unclean").state.recovering);
}

TEST_CASE_FIXTURE(ClusterFixture, "a leader that changes its ISR meanwhile makes us read again") {
  start();
  int changes = 0;
  store.before_update = [&](const TopicPartition& partition) {
    if (partition.partition != 1 || ++changes > 2) return;
    Leadership& known = store.states.at(partition);
    known.state.isr = {2, 3};
    ++known.partition_epoch;
  };
  kill(2);
  CHECK(changes > 2);
  CHECK(state("t", 1).state.leader == 3);
  CHECK(state("t", 1).state.isr == BrokerIds{3});
}

TEST_CASE_FIXTURE(ClusterFixture, "a state of a later controller is left alone") {
  start();
  store.states.at({"t", 1}).state.controller_epoch = 5;
  kill(2);
  CHECK(state("t", 1).state.leader == 2);
  CHECK(state("t", 0).state.isr == BrokerIds{1, 3});
}

TEST_CASE_FIXTURE(ClusterFixture, "moved ends an event") {
  start();
  store.moved = true;
  store.brokers.erase(2);
  const auto result = run(brokers.on_brokers_changed());
  REQUIRE(!result);
  CHECK(result.error().is(ControllerErrc::moved));
}

TEST_CASE_FIXTURE(ClusterFixture, "a topic is deleted") {
  start();
  mark_for_deletion("t");
  CHECK(env.context.is_queued_for_deletion("t"));
  const auto updates = sent.of<UpdateMetadataRequest>();
  CHECK(updates.at(0).second.topic_states[0].partition_states[0].leader == -2);
  CHECK(store.topics.contains("t"));
  confirm_deletions();
  CHECK(!store.topics.contains("t"));
  CHECK(!store.deletion_markers.contains("t"));
  CHECK(store.states.empty());
  CHECK(env.context.topics().empty());
}

TEST_CASE_FIXTURE(ClusterFixture, "deletion waits for a dead replica") {
  start();
  kill(3);
  mark_for_deletion("t");
  confirm_deletions();
  CHECK(store.topics.contains("t"));
  CHECK(env.context.find_topic("t")->ineligible_for_deletion);
  revive(3, 33);
  confirm_deletions();
  CHECK(!store.topics.contains("t"));
}

TEST_CASE_FIXTURE(ClusterFixture, "a replica that cannot be deleted halts the deletion") {
  start();
  mark_for_deletion("t");
  const auto stops = sent.of<StopReplicaRequest>();
  protocol::StopReplicaResponse response;
  auto& error = response.partition_errors.emplace_back();
  error.topic_name = "t";
  error.error_code = static_cast<std::int16_t>(ErrorCode::kKafkaStorageError);
  const auto last = stops.back();
  REQUIRE(run(machines.deletion.on_stop_replica_response(last.first, last.second, response)));
  CHECK(env.context.phase_of({{"t", 0}, last.first}) == ReplicaPhase::deletion_ineligible);
  CHECK(env.context.find_topic("t")->ineligible_for_deletion);
}

TEST_CASE_FIXTURE(ClusterFixture, "a new controller goes on with a deletion") {
  start();
  mark_for_deletion("t");
  env.context.clear();
  env.context.epoch = 2;
  sent.all.clear();
  REQUIRE(take_over());
  confirm_deletions();
  CHECK(!store.topics.contains("t"));
}

TEST_CASE_FIXTURE(ClusterFixture, "deletion disabled: markers go, topics stay") {
  settings.delete_topic_enable = false;
  start();
  mark_for_deletion("t");
  CHECK(store.deletion_markers.empty());
  CHECK(store.topics.contains("t"));
}

TEST_CASE_FIXTURE(ClusterFixture, "markers without topic go") {
  start();
  mark_for_deletion("unknown");
  CHECK(store.deletion_markers.empty());
}

TEST_CASE_FIXTURE(ClusterFixture, "partitions added during a deletion are taken out again") {
  start();
  mark_for_deletion("t");
  store.topics["t"].partitions[2] = {{1}, {}, {}};
  REQUIRE(run(topics.on_topic_modified("t")));
  CHECK(store.topics.at("t").partitions.size() == 2);
}

TEST_CASE_FIXTURE(ClusterFixture, "a failed log directory counts like a dead replica") {
  start();
  tell_storage_error(2, 1, ErrorCode::kKafkaStorageError);
  CHECK(state("t", 1).state.leader == 3);
  CHECK(state("t", 0).state.isr == BrokerIds{1, 2, 3});
  const auto update = sent.of<UpdateMetadataRequest>().back().second;
  CHECK(update.topic_states[0].partition_states[0].offline_replicas == std::vector<int>{2});
  // Told again, nothing changes; NONE clears the mark.
  const std::int32_t epoch = state("t", 1).state.leader_epoch;
  tell_storage_error(2, 1, ErrorCode::kKafkaStorageError);
  CHECK(state("t", 1).state.leader_epoch == epoch);
  tell_storage_error(2, 1, ErrorCode::kNone);
  CHECK(env.context.is_replica_online(2, {"t", 1}));
}

TEST_CASE_FIXTURE(ClusterFixture, "a log directory event asks the broker about all its replicas") {
  start();
  store.log_dir_events["log_dir_event_0000000000"] = 2;
  REQUIRE(run(brokers.on_log_dir_events()));
  CHECK(sent.summary() == "L2 U1 U2 U3");
  CHECK(store.log_dir_events.empty());
}

TEST_CASE_FIXTURE(ClusterFixture, "changed endpoints are told to all") {
  start();
  store.brokers[2].info->endpoints[0].port = 9999;
  REQUIRE(run(brokers.on_broker_modified(2)));
  CHECK(sent.summary() == "U1 U2 U3");
  REQUIRE(run(brokers.on_broker_modified(2)));
  CHECK(sent.all.size() == 3);
}

TEST_CASE_FIXTURE(ClusterFixture, "controlled shutdown") {
  start();
  auto response = run(shut_down_broker(env, machines, 1, 10));
  REQUIRE(response);
  CHECK(response->error_code == 0);
  CHECK(response->remaining_partitions.empty());
  CHECK(state("t", 0).state.leader == 2);
  CHECK(state("t", 0).state.isr == BrokerIds{2, 3});
  CHECK(state("t", 1).state.isr == BrokerIds{2, 3});
  CHECK(!env.context.is_live(1));
  CHECK(run(shut_down_broker(env, machines, 1, 9))->error_code ==
        static_cast<std::int16_t>(ErrorCode::kStaleBrokerEpoch));
  CHECK(run(shut_down_broker(env, machines, 8, -1))->error_code ==
        static_cast<std::int16_t>(ErrorCode::kBrokerNotAvailable));
  CHECK(run(shut_down_broker(env, machines, 8, 5))->error_code ==
        static_cast<std::int16_t>(ErrorCode::kUnknownServerError));
  // Whatever the numbers are, they are answered as by Kafka.
  const auto code = [&](std::int32_t id, std::int64_t epoch) {
    return static_cast<ErrorCode>(run(shut_down_broker(env, machines, id, epoch))->error_code);
  };
  CHECK(code(-1, -1) == ErrorCode::kBrokerNotAvailable);
  CHECK(code(-1, 0) == ErrorCode::kUnknownServerError);
  CHECK(code(2, -2) == ErrorCode::kStaleBrokerEpoch);
  CHECK(code(2, std::numeric_limits<std::int64_t>::min()) == ErrorCode::kStaleBrokerEpoch);
  CHECK(!env.context.is_shutting_down(2));
  // Nobody is left to take over: the broker keeps what it leads, and is told so.
  CHECK(run(shut_down_broker(env, machines, 2, 20))->remaining_partitions.empty());
  CHECK(run(shut_down_broker(env, machines, 3, 30))->remaining_partitions.size() == 2);
  kill(1);
  CHECK(!env.context.is_shutting_down(1));
}

TEST_CASE_FIXTURE(ClusterFixture, "producer id blocks") {
  start();
  protocol::AllocateProducerIdsRequest request;
  request.broker_id = 2;
  request.broker_epoch = 20;
  CHECK(run(allocate_producer_ids(env, request))->producer_id_start == 0);
  const auto second = run(allocate_producer_ids(env, request));
  CHECK(second->producer_id_start == 1000);
  CHECK(second->producer_id_len == 1000);
  CHECK(store.producer_ids.block->broker == 2);
  request.broker_epoch = 21;
  CHECK(run(allocate_producer_ids(env, request))->error_code ==
        static_cast<std::int16_t>(ErrorCode::kStaleBrokerEpoch));
  request.broker_epoch = -1;
  CHECK(run(allocate_producer_ids(env, request))->error_code ==
        static_cast<std::int16_t>(ErrorCode::kStaleBrokerEpoch));
  for (const std::int32_t id : {8, -1}) {
    request.broker_id = id;
    CHECK(run(allocate_producer_ids(env, request))->error_code ==
          static_cast<std::int16_t>(ErrorCode::kBrokerIdNotRegistered));
  }
}

TEST_CASE_FIXTURE(ClusterFixture, "preferred election by znode") {
  start();
  kill(1);
  revive(1, 15);
  store.states.at({"t", 0}).state.isr = {2, 3, 1};  // it has caught up
  store.preferred_election = {{"t", 0}, {"unknown", 0}};
  REQUIRE(run(elections.on_znode()));
  CHECK(state("t", 0).state.leader == 1);
  CHECK(!store.preferred_election);
}

TEST_CASE_FIXTURE(ClusterFixture, "ElectLeaders tells what came of each partition") {
  start();
  kill(1);
  const auto codes = run(elections.elect({{"t", 0}, {"t", 1}, {"x", 0}}, ElectionType::preferred));
  REQUIRE(codes);
  CHECK(codes->at({"t", 0}) == ErrorCode::kPreferredLeaderNotAvailable);
  CHECK(codes->at({"t", 1}) == ErrorCode::kElectionNotNeeded);
  CHECK(codes->at({"x", 0}) == ErrorCode::kUnknownTopicOrPartition);
}

TEST_CASE_FIXTURE(ClusterFixture, "leaders are rebalanced beyond the percentage") {
  start();
  kill(1);
  revive(1, 15);
  for (auto& [partition, leadership] : store.states) leadership.state.isr = {1, 2, 3};
  store.isr_changes["isr_change_0000000000"] = {{"t", 0}, {"t", 1}};
  IsrProposals isr_changes(env);
  REQUIRE(run(isr_changes.on_notifications()));
  CHECK(store.isr_changes.empty());
  REQUIRE(run(elections.rebalance(100)));
  CHECK(state("t", 0).state.leader == 2);
  REQUIRE(run(elections.rebalance(10)));
  CHECK(state("t", 0).state.leader == 1);
}

}  // namespace
}  // namespace controller
