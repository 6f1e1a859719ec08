// Purpose: the cluster's metadata in memory, with what the state machines do to it and send.
// Every call of the store ends at once.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "broker/controller/broker_changes.h"
#include "broker/controller/environment.h"
#include "broker/controller/failover.h"
#include "broker/controller/machines.h"
#include "broker/controller/replica_election.h"
#include "broker/controller/topic_changes.h"
#include "runtime/sim/sim_world.h"

namespace controller {

class MemoryStore final : public Store {
 public:
  std::map<std::int32_t, RegisteredBroker> brokers;
  std::map<std::string, cluster::TopicAssignment> topics;
  std::map<TopicPartition, Leadership> states;
  std::set<std::string> unclean_topics;
  std::set<std::string> deletion_markers;
  std::optional<std::vector<TopicPartition>> preferred_election;
  std::optional<cluster::FeatureNode> features;
  VersionedBlock producer_ids;
  std::map<std::string, std::vector<TopicPartition>> isr_changes;
  std::map<std::string, std::int32_t> log_dir_events;
  // Called before each update of a state: a leader that is quicker.
  std::function<void(const TopicPartition&)> before_update;
  std::set<std::string> closed_topics;  // their nodes may not be written or removed
  bool moved = false;                   // every write answers ControllerErrc::moved

  void add_broker(std::int32_t id, std::int64_t epoch);
  void add_topic(const std::string& name, const std::vector<cluster::ReplicaList>& partitions);

  StoreTask<std::vector<RegisteredBroker>> read_brokers() override;
  StoreTask<std::optional<RegisteredBroker>> read_broker(std::int32_t id) override;
  StoreTask<std::vector<std::string>> read_topics() override;
  StoreTask<std::vector<AssignmentRead>> read_assignments(std::vector<std::string> names) override;
  StoreTask<RefusedTopics> write_assignments(
      std::map<std::string, cluster::TopicAssignment> assignments) override;
  StoreTask<std::set<std::int32_t>> read_partition_numbers(std::string topic) override;
  StoreTask<RefusedTopics> remove_topics(std::vector<std::string> names) override;
  StoreTask<std::vector<StateRead>> read_states(std::vector<TopicPartition> partitions) override;
  StoreTask<std::vector<StateRead>> watch_states(std::vector<TopicPartition> partitions) override;
  StoreTask<std::vector<StateWriteResult>> create_states(std::vector<StateWrite> writes) override;
  StoreTask<std::vector<StateWriteResult>> update_states(std::vector<StateWrite> writes) override;
  StoreTask<std::map<std::string, base::Result<bool>>> read_unclean_allowed(
      std::set<std::string> names) override;
  StoreTask<std::set<std::string>> read_deletion_markers() override;
  StoreTask<void> remove_deletion_markers(std::vector<std::string> names) override;
  StoreTask<Notifications> read_isr_changes() override;
  StoreTask<void> remove_isr_changes(std::vector<std::string> children) override;
  StoreTask<Notifications> read_log_dir_events() override;
  StoreTask<void> remove_log_dir_events(std::vector<std::string> children) override;
  StoreTask<std::optional<std::vector<TopicPartition>>> read_preferred_election() override;
  StoreTask<void> remove_preferred_election() override;
  StoreTask<std::optional<cluster::Reassignments>> read_reassignments() override;
  StoreTask<void> write_reassignments(cluster::Reassignments reassignments) override;
  StoreTask<std::optional<cluster::FeatureNode>> read_features() override;
  StoreTask<base::ZkVersion> write_features(cluster::FeatureNode node) override;
  StoreTask<VersionedBlock> read_producer_id_block() override;
  StoreTask<bool> write_producer_id_block(cluster::ProducerIdBlock block,
                                          base::ZkVersion expected) override;
};

class SentRequests final : public RequestSender {
 public:
  std::vector<std::pair<std::int32_t, ControlRequest>> all;
  void send(std::int32_t broker, ControlRequest request) override {
    all.emplace_back(broker, std::move(request));
  }
  // Kind and target in order: "L1 U1 S2".
  std::string summary() const;
  template <class Request>
  std::vector<std::pair<std::int32_t, Request>> of() const {
    std::vector<std::pair<std::int32_t, Request>> found;
    for (const auto& [broker, request] : all) {
      if constexpr (std::is_same_v<Request, protocol::UpdateMetadataRequest>) {
        if (const auto* order = std::get_if<MetadataOrder>(&request.body)) {
          found.emplace_back(broker, order->update->request()).second.broker_epoch =
              order->broker_epoch;
        }
      } else if (const auto* body = std::get_if<Request>(&request.body)) {
        found.emplace_back(broker, *body);
      }
    }
    return found;
  }
};

class OpenChannels final : public ChannelSet {
 public:
  std::set<std::int32_t> brokers;
  void open(const cluster::BrokerInfo& broker) override { brokers.insert(broker.id); }
  void close(std::int32_t broker) override { brokers.erase(broker); }
  std::optional<std::set<TopicPartition>> begin_full_order(std::int32_t broker) override {
    const auto found = dropped.find(broker);
    if (found == dropped.end()) return std::nullopt;
    full_orders.insert(broker);
    return dropped.extract(found).mapped();
  }
  void end_full_order(std::int32_t broker) override { full_orders.erase(broker); }
  // Brokers for which requests were dropped, and what they have to forget.
  std::map<std::int32_t, std::set<TopicPartition>> dropped;
  std::set<std::int32_t> full_orders;  // begun and not ended
};

// A controller without queue, elections and network.
struct ControllerFixture {
  explicit ControllerFixture(std::uint64_t seed = 1) : world(seed), loop(world) {
    settings.broker_id = 1;
    settings.inter_broker_listener = "PLAINTEXT";
    env.context.epoch = 1;
    base::set_log_level(base::LogLevel::off);
  }
  template <class T>
  base::Result<T> run(runtime::Task<base::Result<T>> task) {
    return world.block_on(loop, std::move(task));
  }
  // Everything as a new controller finds it.
  base::Result<void> take_over() {
    return run(controller::take_over({env, machines, topics, elections, channels}));
  }
  const Leadership& state(const std::string& topic, std::int32_t partition = 0) {
    return store.states.at({topic, partition});
  }

  runtime::SimWorld world;
  runtime::SimLoop loop;
  Settings settings;
  MemoryStore store;
  SentRequests sent;
  OpenChannels channels;
  Environment env{store, sent, world.random(), settings};
  Machines machines{env};
  TopicChanges topics{env, machines};
  BrokerChanges brokers{env, machines, channels};
  ReplicaElection elections{env, machines};
};

}  // namespace controller
