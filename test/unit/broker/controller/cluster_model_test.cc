// Goal: whatever happens to a cluster, its invariants hold, and once all is calm everything works.
// Method: by seed, brokers die, bounce and come back, topics are created, grown and deleted,
// leaders change ISRs, controllers are replaced. After each event: epochs never go back, an ISR is
// never empty, a leader is in its ISR, no broker is told an older leader epoch than before. At the
// end all brokers live: every partition has a live leader and marked topics are gone.
#include <doctest/doctest.h>

#include <algorithm>

#include "broker/controller/alter_partition.h"
#include "broker/controller/controlled_shutdown.h"
#include "test/unit/broker/controller/memory_store.h"

namespace controller {
namespace {

constexpr std::int32_t kBrokers = 5;

class ClusterModel : ControllerFixture {
 public:
  explicit ClusterModel(std::uint64_t seed) : ControllerFixture(seed) {
    for (std::int32_t id = 1; id <= kBrokers; ++id) store.add_broker(id, ++last_zxid_);
    REQUIRE(take_over());
  }

  void run_events(int count) {
    for (int i = 0; i < count; ++i) {
      event();
      deliver();
      check_invariants();
    }
    calm_down();
  }

 private:
  std::int64_t draw(std::int64_t bound) {
    return static_cast<std::int64_t>(world.random().below(static_cast<std::uint64_t>(bound)));
  }
  std::int32_t any_broker() { return static_cast<std::int32_t>(draw(kBrokers)) + 1; }

  void event() {
    switch (draw(10)) {
      case 0: create_topic(); break;
      case 1: delete_topic(); break;
      case 2:
      case 3: kill(any_broker()); break;
      case 4:
      case 5: revive(any_broker()); break;
      case 6: replace_controller(); break;
      case 7: shut_down(any_broker()); break;
      case 8: change_isr(); break;
      case 9: grow_topic(); break;
    }
  }

  cluster::ReplicaList draw_replicas() {
    cluster::ReplicaList ids{1, 2, 3, 4, 5};
    for (std::size_t i = ids.size() - 1; i > 0; --i) {
      std::swap(ids[i], ids[static_cast<std::size_t>(draw(static_cast<std::int64_t>(i) + 1))]);
    }
    ids.resize(static_cast<std::size_t>(draw(3)) + 1);
    return ids;
  }

  void create_topic() {
    if (store.topics.size() > 12) return;
    const std::string name = "topic" + std::to_string(next_topic_++);
    store.add_topic(name, {draw_replicas(), draw_replicas()});
    if (draw(3) == 0) store.unclean_topics.insert(name);
    REQUIRE(run(topics.on_topics_changed()));
  }
  void grow_topic() {
    if (store.topics.empty()) return;
    auto topic = store.topics.begin();
    std::advance(topic, draw(static_cast<std::int64_t>(store.topics.size())));
    const auto number = static_cast<std::int32_t>(topic->second.partitions.size());
    topic->second.partitions[number] = {draw_replicas(), {}, {}};
    REQUIRE(run(topics.on_topic_modified(topic->first)));
  }
  void delete_topic() {
    if (store.topics.empty()) return;
    auto topic = store.topics.begin();
    std::advance(topic, draw(static_cast<std::int64_t>(store.topics.size())));
    store.deletion_markers.insert(topic->first);
    REQUIRE(run(topics.on_deletion_markers_changed()));
  }
  void kill(std::int32_t id) {
    store.brokers.erase(id);
    REQUIRE(run(brokers.on_brokers_changed()));
  }
  void revive(std::int32_t id) {
    store.add_broker(id, ++last_zxid_);  // a bounce if it was there
    forget_told(id);
    REQUIRE(run(brokers.on_brokers_changed()));
  }
  void replace_controller() {
    env.context.clear();
    env.context.epoch = ++controller_epoch_;
    sent.all.clear();
    REQUIRE(take_over());
  }
  void shut_down(std::int32_t id) {
    if (!store.brokers.contains(id)) return;
    const auto response = run(shut_down_broker(env, machines, id, store.brokers.at(id).epoch));
    REQUIRE(response);
    if (draw(2) == 0) kill(id);
  }
  // A leader proposes an ISR of live replicas.
  void change_isr() {
    IsrProposals changes(env);
    for (const auto& [partition, known] : store.states) {
      if (!store.brokers.contains(known.state.leader) || draw(2) == 0) continue;
      const auto replicas = env.context.replicas_of(partition);
      protocol::AlterPartitionRequest request;
      request.broker_id = known.state.leader;
      request.broker_epoch = store.brokers.at(known.state.leader).epoch;
      auto& topic = request.topics.emplace_back();
      topic.topic_id = env.context.topic_id_or_zero(partition.topic);
      auto& entry = topic.partitions.emplace_back();
      entry.partition_index = partition.partition;
      entry.leader_epoch = known.state.leader_epoch;
      entry.partition_epoch = known.partition_epoch;
      for (const std::int32_t id : replicas) {
        if (id == known.state.leader || draw(3) > 0) {
          entry.new_isr_with_epochs.emplace_back().broker_id = id;
        }
      }
      REQUIRE(run(changes.alter_partition(request, 3)));
    }
  }

  // Brokers take what was sent, and confirm deletions.
  void deliver() {
    while (!sent.all.empty()) {
      const auto all = std::exchange(sent.all, {});
      for (const auto& [broker, request] : all) {
        if (!store.brokers.contains(broker)) continue;  // it died with its channel
        if (const auto* order = std::get_if<protocol::LeaderAndIsrRequest>(&request.body)) {
          for (const auto& topic : order->topic_states) {
            for (const auto& state : topic.partition_states) take(broker, topic.topic_id, state);
          }
        } else if (const auto* stop = std::get_if<protocol::StopReplicaRequest>(&request.body)) {
          confirm(broker, *stop);
        }
      }
    }
  }
  void take(std::int32_t broker, const base::Uuid& topic,
            const protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState& state) {
    std::int32_t& told = told_[{broker, topic, state.partition_index}];
    CHECK(state.leader_epoch >= told);
    told = state.leader_epoch;
    CHECK(!state.isr.empty());
    CHECK((state.leader == kNoLeader || contains(state.isr, state.leader)));
  }
  void forget_told(std::int32_t broker) {
    std::erase_if(told_, [&](const auto& item) { return std::get<0>(item.first) == broker; });
  }
  void confirm(std::int32_t broker, const protocol::StopReplicaRequest& stop) {
    protocol::StopReplicaResponse response;
    for (const auto& topic : stop.topic_states) {
      for (const auto& state : topic.partition_states) {
        auto& error = response.partition_errors.emplace_back();
        error.topic_name = topic.topic_name;
        error.partition_index = state.partition_index;
      }
    }
    REQUIRE(run(machines.deletion.on_stop_replica_response(broker, stop, response)));
  }

  void check_invariants() {
    CHECK(env.batch.empty());
    for (const auto& [partition, known] : store.states) {
      CAPTURE(partition.to_string());
      const cluster::PartitionState& state = known.state;
      CHECK(!state.isr.empty());
      CHECK((state.leader == kNoLeader || contains(state.isr, state.leader)));
      if (!env.context.is_queued_for_deletion(partition.topic)) {
        const auto& assignment =
            store.topics.at(partition.topic).partitions.at(partition.partition);
        for (const std::int32_t id : state.isr) CHECK(contains(assignment.replicas, id));
      }
      const auto before = last_seen_.find(partition);
      if (before != last_seen_.end() &&
          env.context.topic_id_or_zero(partition.topic) == before->second.first) {
        CHECK(state.leader_epoch >= before->second.second.state.leader_epoch);
        CHECK(known.partition_epoch >= before->second.second.partition_epoch);
        CHECK(state.controller_epoch >= before->second.second.state.controller_epoch);
      }
      last_seen_[partition] = {env.context.topic_id_or_zero(partition.topic), known};
      const Leadership* believed = env.context.leadership_of(partition);
      REQUIRE(believed != nullptr);
      CHECK(believed->partition_epoch == known.partition_epoch);
      CHECK(believed->state.leader == state.leader);
      CHECK(believed->state.isr == state.isr);
      const PartitionEntry& entry = *env.context.find(partition);
      if (entry.phase == PartitionPhase::online) CHECK(state.leader != kNoLeader);
    }
  }

  void calm_down() {
    // Bounced too, so that none is shutting down any more.
    for (std::int32_t id = 1; id <= kBrokers; ++id) {
      revive(id);
      deliver();
      check_invariants();
    }
    CHECK(store.deletion_markers.empty());
    for (const auto& [name, topic] : store.topics) {
      for (const auto& [number, assignment] : topic.partitions) {
        CAPTURE(name);
        CAPTURE(number);
        const auto found = store.states.find({name, number});
        REQUIRE(found != store.states.end());
        CHECK(store.brokers.contains(found->second.state.leader));
        CHECK(env.context.find({name, number})->phase == PartitionPhase::online);
      }
    }
  }

  std::int64_t last_zxid_ = 100;
  std::int32_t controller_epoch_ = 1;
  int next_topic_ = 0;
  std::map<std::tuple<std::int32_t, base::Uuid, std::int32_t>, std::int32_t> told_;
  std::map<TopicPartition, std::pair<base::Uuid, Leadership>> last_seen_;
};

TEST_CASE("a cluster's life") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    ClusterModel model(seed);
    model.run_events(60);
  }
}

}  // namespace
}  // namespace controller
