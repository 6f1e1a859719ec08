// Purpose: the controller of a broker: takes part in elections, and runs the cluster while it holds
// the office. Source: KafkaController.scala, ControllerEventManager.scala (3.9).
//
// Everything happens on the control loop, in one coroutine that takes events from a queue: watches,
// answers of brokers, timers, requests. So the cluster's state needs no lock, and an event sees no
// half-done other one. An event may wait for ZooKeeper; the next one starts when it has ended.
//
//   active      won the election and was not told otherwise
//   resign      forget everything; other brokers go on as they were told last
//   step down   resign and remove /controller, after a fault of our own
//
// When the session expires, what is queued is dropped and the controller resigns; the event under
// way ends at its next call to ZooKeeper. Dropped requests are answered "not controller".
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/cluster/session_listener.h"
#include "broker/controller/alter_partition.h"
#include "broker/controller/broker_changes.h"
#include "broker/controller/broker_channel.h"
#include "broker/controller/controlled_shutdown.h"
#include "broker/controller/election.h"
#include "broker/controller/environment.h"
#include "broker/controller/machines.h"
#include "broker/controller/producer_ids.h"
#include "broker/controller/replica_election.h"
#include "broker/controller/topic_changes.h"
#include "broker/controller/zk_store.h"
#include "zkclient/types.h"

namespace controller {

struct ControllerStatus {
  bool active = false;
  std::int32_t epoch = 0;  // of our last term
};

class Controller final : public cluster::SessionListener {
 public:
  Controller(runtime::Loop& loop, runtime::WorkerPool& resolver, Settings settings);
  ~Controller() override;

  // Any thread.
  ControllerStatus status() const {
    return {active_mirror_.load(std::memory_order_acquire),
            epoch_mirror_.load(std::memory_order_acquire)};
  }
  bool is_active() const { return status().active; }

  // Control loop from here on; from other loops by call_on(scope(), ...).
  runtime::TaskScope& scope() { return scope_; }
  // Requests that wait for a broker.
  std::size_t queued_for(std::int32_t broker) const { return channels_.queued(broker); }

  runtime::Task<protocol::ControlledShutdownResponse> controlled_shutdown(
      protocol::ControlledShutdownRequest request);
  runtime::Task<protocol::AlterPartitionResponse> alter_partition(
      protocol::AlterPartitionRequest request, std::int16_t version);
  runtime::Task<protocol::AllocateProducerIdsResponse> allocate_producer_ids(
      protocol::AllocateProducerIdsRequest request);
  // One code per partition; NOT_CONTROLLER for each if we are not.
  runtime::Task<std::map<TopicPartition, protocol::ErrorCode>> elect_leaders(
      std::vector<TopicPartition> partitions, ElectionType type);
  // unclean.leader.election.enable was switched on, for one topic or (nullopt) as the default.
  void unclean_election_enabled(std::optional<std::string> topic);
  // This broker's defaults have changed.
  void set_topic_defaults(config::TopicConfig defaults) {
    settings_.topic_defaults = std::move(defaults);
  }

  // Takes no more events and lets go of ZooKeeper and the brokers. What is under way ends with its
  // next answer of ZooKeeper, so the session is closed before close() is awaited.
  void stop();
  runtime::Task<void> close();

  runtime::Task<void> on_session(zkclient::Client& client, bool first) override;
  void on_expired() override;
  void on_watch(const zkclient::WatchEvent& event) override;

 private:
  using Work = std::move_only_function<runtime::Task<base::Result<void>>()>;
  struct Event {
    std::string_view name;
    bool only_if_active = true;
    Work work;
  };

  void enqueue(std::string_view name, Work work) { enqueue({name, true, std::move(work)}); }
  void enqueue(Event event);
  runtime::Task<void> run();
  runtime::Task<void> process(Event event);
  runtime::Task<void> recover(std::string_view event, base::Error error);
  // Puts the question on the queue and waits; `refusal` answers if it was dropped.
  template <class Response, class MakeTask>
  runtime::Task<Response> ask(std::string_view name, Response refusal, MakeTask make_task);

  struct Office {
    bool is_held = false;
    bool is_ours = false;
    std::string holder;  // for a line
  };
  // Reads /controller, arming its watch.
  runtime::Task<base::Result<Office>> look_who_is_controller();
  // The same, and resigns if it is not us any more. True if somebody holds the office.
  runtime::Task<base::Result<bool>> resign_if_deposed();
  runtime::Task<base::Result<void>> run_for_office();
  runtime::Task<base::Result<void>> take_office(ElectionWin win);
  void resign();
  runtime::Task<base::Result<void>> resign_task();
  runtime::Task<void> step_down();
  runtime::Task<void> rebalance_leaders(std::int32_t epoch);
  runtime::Task<void> retry_refused(std::int32_t epoch);
  ChannelHandlers channel_handlers();
  void on_response(ControlResponse response);
  runtime::Task<base::Result<void>> process_response(ControlResponse response);
  Work work_of_watch(const zkclient::WatchEvent& event);

  runtime::Loop& loop_;
  Settings settings_;
  SessionSlot session_;
  ZkStore store_;
  BrokerChannels channels_;
  Environment env_;
  Machines machines_;
  TopicChanges topics_;
  BrokerChanges brokers_;
  IsrProposals isr_changes_;
  ReplicaElection elections_;

  std::deque<Event> queue_;
  bool active_ = false;
  bool stopped_ = false;
  std::atomic<bool> active_mirror_{false};
  std::atomic<std::int32_t> epoch_mirror_{0};
  runtime::Notify wake_;
  runtime::TaskScope scope_;
};

}  // namespace controller
