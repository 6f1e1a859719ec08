// Purpose: what happens when brokers appear, vanish, come back, change their endpoints, lose a log
// directory, or answer again after a long silence. Source: KafkaController.scala (3.9):
// processBrokerChange, onBrokerStartup, onBrokerFailure, onReplicasBecomeOffline,
// processLeaderAndIsrResponseReceived.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "broker/controller/environment.h"
#include "broker/controller/machines.h"

namespace controller {

// Opens and closes channels to brokers.
class ChannelSet {
 public:
  virtual ~ChannelSet() = default;
  virtual void open(const cluster::BrokerInfo& broker) = 0;
  virtual void close(std::int32_t broker) = 0;
  // What is sent to the broker until end_full_order() tells it everything, in place of requests
  // that were dropped. Answers the partitions that it may know and that are gone; nullopt: nothing
  // was dropped, or there is no channel.
  virtual std::optional<std::set<TopicPartition>> begin_full_order(std::int32_t broker) = 0;
  virtual void end_full_order(std::int32_t broker) = 0;
};

// How the registrations differ from what is known. A broker that re-registered between two looks
// has the same id and a larger epoch: it died and started. Pure.
struct BrokerDifference {
  std::vector<LiveBroker> appeared;
  std::vector<LiveBroker> bounced;
  std::set<std::int32_t> vanished;
  std::vector<std::int32_t> unreadable;  // new, but with a registration that makes no sense

  bool empty() const { return appeared.empty() && bounced.empty() && vanished.empty(); }
};
BrokerDifference compare_brokers(const std::map<std::int32_t, LiveBroker>& known,
                                 std::vector<RegisteredBroker> registered);

class BrokerChanges {
 public:
  BrokerChanges(Environment& environment, Machines& machines, ChannelSet& channels)
      : env_(environment), machines_(machines), channels_(channels) {}

  // /brokers/ids changed.
  runtime::Task<base::Result<void>> on_brokers_changed();
  // /brokers/ids/N changed: endpoints or features.
  runtime::Task<base::Result<void>> on_broker_modified(std::int32_t id);
  // A broker for which requests were dropped answers again: it is told everything.
  runtime::Task<base::Result<void>> on_answering_again(std::int32_t broker);
  // A broker told of a failed log directory: ask it about all its replicas.
  runtime::Task<base::Result<void>> on_log_dir_events();
  // KAFKA_STORAGE_ERROR marks a replica as standing in a failed directory, NONE clears the mark.
  runtime::Task<base::Result<void>> on_leader_and_isr_response(
      std::int32_t broker, protocol::LeaderAndIsrResponse response);

 private:
  // All partitions that have a leader record.
  runtime::Task<void> send_all_metadata(BrokerIds brokers);
  // What the phases of its replicas say that it was told.
  void add_orders(const Replica& replica);
  runtime::Task<base::Result<void>> start_up(std::set<std::int32_t> brokers);
  runtime::Task<base::Result<void>> fail(std::set<std::int32_t> brokers);
  runtime::Task<base::Result<void>> take_offline(std::vector<Replica> replicas);

  Environment& env_;
  Machines& machines_;
  ChannelSet& channels_;
};

}  // namespace controller
