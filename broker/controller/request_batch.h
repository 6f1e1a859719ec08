// Purpose: collects what one state change has to tell each broker, and makes requests of it.
//
// Per broker, in this order: one LeaderAndIsr, one UpdateMetadata, one or two StopReplica. A
// partition in LeaderAndIsr is always also in UpdateMetadata to all brokers. The flags "is new" and
// "delete" of one partition in one batch are OR-ed. What is added is what the context says at that
// moment. Source: AbstractControllerBrokerRequestBatch in ControllerChannelManager.scala (3.9).
//
// One at a time: whoever adds also flushes before anything else is added.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <span>
#include <variant>
#include <vector>

#include "broker/controller/controller_context.h"
#include "broker/controller/metadata_update.h"
#include "broker/controller/settings.h"
#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/stop_replica.h"

namespace controller {

struct ControlRequest {
  std::int16_t version = 0;
  std::variant<protocol::LeaderAndIsrRequest, MetadataOrder, protocol::StopReplicaRequest> body;
};

// Where requests go: the channels to the brokers, or a test's list.
class RequestSender {
 public:
  virtual ~RequestSender() = default;
  // Queues it; without a channel to that broker it is dropped.
  virtual void send(std::int32_t broker, ControlRequest request) = 0;
};

class RequestBatch {
 public:
  RequestBatch(const ControllerContext& context, const Settings& settings)
      : context_(context), settings_(settings) {}

  // Nothing is added for a partition that has no leader record. Ids below 0 are skipped.
  void add_leader_and_isr(std::span<const std::int32_t> brokers, const TopicPartition& partition,
                          bool is_new);
  void add_stop_replica(std::int32_t broker, const TopicPartition& partition, bool remove);
  // The list of brokers alone is news too: `partitions` may be empty.
  void add_update_metadata(std::span<const std::int32_t> brokers,
                           std::span<const TopicPartition> partitions);

  // The partitions are gone, whatever the context says of their names.
  void add_deleted_metadata(std::int32_t broker, const std::set<TopicPartition>& partitions);

  // Hands everything to the sender and is empty afterwards. Brokers that are not live get nothing.
  void flush(RequestSender& sender);
  void clear();
  bool empty() const;

 private:
  using LeaderState = protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState;
  using MetadataState = protocol::UpdateMetadataRequest::UpdateMetadataPartitionState;
  struct LeaderEntry {
    std::shared_ptr<const LeaderState> state;  // the same for all brokers
    bool is_new = false;
  };
  struct StopEntry {
    std::int32_t leader_epoch = kNoEpoch;
    bool remove = false;
  };
  using StopEntries = std::map<TopicPartition, StopEntry>;

  void add_metadata_of(const TopicPartition& partition);
  void send_leader_and_isr(RequestSender& sender);
  void send_update_metadata(RequestSender& sender);
  void send_stop_replica(RequestSender& sender);
  std::vector<protocol::LeaderAndIsrRequest::LeaderAndIsrLiveLeader> live_leaders(
      const std::set<std::int32_t>& ids) const;
  std::vector<protocol::UpdateMetadataRequest::UpdateMetadataBroker> live_brokers(
      std::int16_t version) const;
  protocol::StopReplicaRequest stop_replica_request(std::int16_t version, std::int64_t broker_epoch,
                                                    const StopEntries& entries) const;

  const ControllerContext& context_;
  const Settings& settings_;
  std::map<std::int32_t, std::map<TopicPartition, LeaderEntry>> leader_and_isr_;
  std::map<std::int32_t, StopEntries> stop_replica_;
  std::set<std::int32_t> metadata_brokers_;
  std::map<TopicPartition, MetadataState> metadata_;
};

// Versions by inter-broker protocol (contract of mixed clusters).
std::int16_t leader_and_isr_version(config::InterBrokerProtocol protocol);
std::int16_t update_metadata_version(config::InterBrokerProtocol protocol);
std::int16_t stop_replica_version(config::InterBrokerProtocol protocol);

}  // namespace controller
