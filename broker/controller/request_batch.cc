#include "broker/controller/request_batch.h"

#include "base/log.h"

namespace controller {

namespace {

using config::InterBrokerProtocol;
using protocol::LeaderAndIsrRequest;
using protocol::StopReplicaRequest;
using protocol::UpdateMetadataRequest;

// Appends to the list of the topic that comes last: partitions arrive in order of topic.
template <class TopicState>
TopicState& topic_state_of(std::vector<TopicState>& topics, const std::string& name) {
  if (topics.empty() || topics.back().topic_name != name) {
    topics.emplace_back().topic_name = name;
  }
  return topics.back();
}

}  // namespace

std::int16_t leader_and_isr_version(InterBrokerProtocol protocol) {
  using enum InterBrokerProtocol;
  if (protocol >= v3_4_iv0) return 7;
  if (protocol >= v3_2_iv0) return 6;
  if (protocol >= v2_8_iv1) return 5;
  if (protocol >= v2_4_iv1) return 4;
  if (protocol >= v2_4_iv0) return 3;
  if (protocol >= v2_2_iv0) return 2;
  return protocol >= v1_0_iv0 ? 1 : 0;
}

std::int16_t update_metadata_version(InterBrokerProtocol protocol) {
  using enum InterBrokerProtocol;
  if (protocol >= v3_4_iv0) return 8;
  if (protocol >= v2_8_iv1) return 7;
  if (protocol >= v2_4_iv1) return 6;
  if (protocol >= v2_2_iv0) return 5;
  if (protocol >= v1_0_iv0) return 4;
  if (protocol >= v0_10_2_iv0) return 3;
  if (protocol >= v0_10_0_iv1) return 2;
  return protocol >= v0_9_0 ? 1 : 0;
}

std::int16_t stop_replica_version(InterBrokerProtocol protocol) {
  using enum InterBrokerProtocol;
  if (protocol >= v3_4_iv0) return 4;
  if (protocol >= v2_6_iv0) return 3;
  if (protocol >= v2_4_iv1) return 2;
  return protocol >= v2_2_iv0 ? 1 : 0;
}

void RequestBatch::add_leader_and_isr(std::span<const std::int32_t> brokers,
                                      const TopicPartition& partition, bool is_new) {
  const PartitionEntry* entry = context_.find(partition);
  if (entry == nullptr || !entry->leadership) return;
  const cluster::PartitionState& current = entry->leadership->state;
  auto state = std::make_shared<LeaderState>();
  state->topic_name = partition.topic;
  state->partition_index = partition.partition;
  state->controller_epoch = current.controller_epoch;
  state->leader = current.leader;
  state->leader_epoch = current.leader_epoch;
  state->isr = current.isr;
  state->partition_epoch = entry->leadership->partition_epoch;
  state->replicas = entry->assignment.replicas;
  state->adding_replicas = entry->assignment.adding;
  state->removing_replicas = entry->assignment.removing;
  if (settings_.has_recovery_state()) state->leader_recovery_state = current.recovering ? 1 : 0;
  for (const std::int32_t broker : brokers) {
    if (broker < 0) continue;
    LeaderEntry& slot = leader_and_isr_[broker][partition];
    slot.state = state;
    slot.is_new = slot.is_new || is_new;
  }
  for (const auto& [id, broker] : context_.live_or_shutting_down()) metadata_brokers_.insert(id);
  add_metadata_of(partition);
}

void RequestBatch::add_stop_replica(std::int32_t broker, const TopicPartition& partition,
                                    bool remove) {
  if (broker < 0) return;
  StopEntry& slot = stop_replica_[broker][partition];
  slot.leader_epoch = context_.leader_epoch_for_stop(partition);
  slot.remove = slot.remove || remove;
}

void RequestBatch::add_update_metadata(std::span<const std::int32_t> brokers,
                                       std::span<const TopicPartition> partitions) {
  for (const std::int32_t broker : brokers) {
    if (broker >= 0) metadata_brokers_.insert(broker);
  }
  for (const TopicPartition& partition : partitions) add_metadata_of(partition);
}

void RequestBatch::add_metadata_of(const TopicPartition& partition) {
  const PartitionEntry* entry = context_.find(partition);
  if (entry == nullptr || !entry->leadership) return;
  const cluster::PartitionState& current = entry->leadership->state;
  const bool being_deleted = context_.is_queued_for_deletion(partition.topic);
  MetadataState& state = metadata_[partition];
  state = {};
  state.topic_name = partition.topic;
  state.partition_index = partition.partition;
  state.controller_epoch = current.controller_epoch;
  state.leader = being_deleted ? kLeaderDuringDelete : current.leader;
  state.leader_epoch = being_deleted ? 0 : current.leader_epoch;
  state.isr = current.isr;
  state.zk_version = being_deleted ? 0 : entry->leadership->partition_epoch;
  state.replicas = entry->assignment.replicas;
  for (const std::int32_t broker : entry->assignment.replicas) {
    if (!context_.is_replica_online(broker, partition)) state.offline_replicas.push_back(broker);
  }
}

void RequestBatch::add_deleted_metadata(std::int32_t broker,
                                        const std::set<TopicPartition>& partitions) {
  metadata_brokers_.insert(broker);
  for (const TopicPartition& partition : partitions) {
    MetadataState& state = metadata_[partition];
    state = {};
    state.topic_name = partition.topic;
    state.partition_index = partition.partition;
    state.controller_epoch = context_.epoch;
    state.leader = kLeaderDuringDelete;
  }
}

void RequestBatch::flush(RequestSender& sender) {
  send_leader_and_isr(sender);
  send_update_metadata(sender);
  send_stop_replica(sender);
  clear();
}

void RequestBatch::clear() {
  leader_and_isr_.clear();
  stop_replica_.clear();
  metadata_brokers_.clear();
  metadata_.clear();
}

bool RequestBatch::empty() const {
  return leader_and_isr_.empty() && stop_replica_.empty() && metadata_brokers_.empty();
}

void RequestBatch::send_leader_and_isr(RequestSender& sender) {
  const std::int16_t version = leader_and_isr_version(settings_.protocol);
  for (const auto& [broker_id, partitions] : leader_and_isr_) {
    const LiveBroker* broker = context_.find_broker(broker_id);
    if (broker == nullptr) continue;
    LeaderAndIsrRequest request;
    request.controller_id = settings_.broker_id;
    request.controller_epoch = context_.epoch;
    request.broker_epoch = broker->epoch;
    std::set<std::int32_t> leaders;
    std::size_t led = 0;
    for (const auto& [partition, slot] : partitions) {
      leaders.insert(slot.state->leader);
      if (slot.state->leader == broker_id) ++led;
      auto* states = &request.ungrouped_partition_states;
      if (version >= 2) {
        auto& topic = topic_state_of(request.topic_states, partition.topic);
        if (topic.partition_states.empty() && version >= 5) {
          topic.topic_id = context_.topic_id_or_zero(partition.topic);
        }
        states = &topic.partition_states;
      }
      LeaderState& state = states->emplace_back(*slot.state);
      state.is_new = slot.is_new;
    }
    request.live_leaders = live_leaders(leaders);
    LOG_INFO("controller sends LeaderAndIsr broker={} leader_of={} follower_of={}", broker_id, led,
             partitions.size() - led);
    sender.send(broker_id, {version, std::move(request)});
  }
}

std::vector<LeaderAndIsrRequest::LeaderAndIsrLiveLeader> RequestBatch::live_leaders(
    const std::set<std::int32_t>& ids) const {
  std::vector<LeaderAndIsrRequest::LeaderAndIsrLiveLeader> leaders;
  for (const std::int32_t id : ids) {
    const LiveBroker* broker = context_.find_broker(id);
    if (broker == nullptr) continue;
    const config::Listener* endpoint = broker->info.find_endpoint(settings_.inter_broker_listener);
    if (endpoint == nullptr) continue;
    auto& leader = leaders.emplace_back();
    leader.broker_id = id;
    leader.host_name = endpoint->host;
    leader.port = endpoint->port;
  }
  return leaders;
}

void RequestBatch::send_update_metadata(RequestSender& sender) {
  if (metadata_brokers_.empty()) return;
  const std::int16_t version = update_metadata_version(settings_.protocol);
  UpdateMetadataRequest request;
  request.controller_id = settings_.broker_id;
  request.controller_epoch = context_.epoch;
  request.live_brokers = live_brokers(version);
  for (auto& [partition, state] : metadata_) {
    auto* states = &request.ungrouped_partition_states;
    if (version >= 5) {
      auto& topic = topic_state_of(request.topic_states, partition.topic);
      if (topic.partition_states.empty() && version >= 7) {
        topic.topic_id = context_.topic_id_or_zero(partition.topic);
      }
      states = &topic.partition_states;
    }
    states->push_back(std::move(state));
  }
  LOG_INFO("controller sends UpdateMetadata brokers={} partitions={}", metadata_brokers_.size(),
           metadata_.size());
  const auto update = std::make_shared<const MetadataUpdate>(std::move(request), version);
  for (const std::int32_t broker_id : metadata_brokers_) {
    const LiveBroker* broker = context_.find_broker(broker_id);
    if (broker == nullptr) continue;
    sender.send(broker_id, {version, MetadataOrder{update, broker->epoch}});
  }
}

std::vector<UpdateMetadataRequest::UpdateMetadataBroker> RequestBatch::live_brokers(
    std::int16_t version) const {
  std::vector<UpdateMetadataRequest::UpdateMetadataBroker> brokers;
  for (const auto& [id, live] : context_.live_or_shutting_down()) {
    auto& broker = brokers.emplace_back();
    broker.id = id;
    broker.rack = live.info.rack;
    for (const config::Listener& listener : live.info.endpoints) {
      if (version == 0) {
        // Version 0 knows one endpoint, of plain text.
        if (listener.security_protocol != config::SecurityProtocol::plaintext) continue;
        broker.v0_host = listener.host;
        broker.v0_port = listener.port;
        break;
      }
      auto& endpoint = broker.endpoints.emplace_back();
      endpoint.host = listener.host;
      endpoint.port = listener.port;
      endpoint.listener = listener.name;
      endpoint.security_protocol = static_cast<std::int16_t>(listener.security_protocol);
    }
  }
  return brokers;
}

void RequestBatch::send_stop_replica(RequestSender& sender) {
  const std::int16_t version = stop_replica_version(settings_.protocol);
  for (const auto& [broker_id, entries] : stop_replica_) {
    const LiveBroker* broker = context_.find_broker(broker_id);
    if (broker == nullptr) continue;
    LOG_INFO("controller sends StopReplica broker={} partitions={}", broker_id, entries.size());
    if (version >= 3) {
      sender.send(broker_id, {version, stop_replica_request(version, broker->epoch, entries)});
      continue;
    }
    // Below version 3 the flag belongs to the request: first those to delete.
    for (const bool remove : {true, false}) {
      StopEntries part;
      for (const auto& [partition, entry] : entries) {
        if (entry.remove == remove) part.emplace(partition, entry);
      }
      if (part.empty()) continue;
      StopReplicaRequest request = stop_replica_request(version, broker->epoch, part);
      request.delete_partitions = remove;
      sender.send(broker_id, {version, std::move(request)});
    }
  }
}

StopReplicaRequest RequestBatch::stop_replica_request(std::int16_t version,
                                                      std::int64_t broker_epoch,
                                                      const StopEntries& entries) const {
  StopReplicaRequest request;
  request.controller_id = settings_.broker_id;
  request.controller_epoch = context_.epoch;
  request.broker_epoch = broker_epoch;
  for (const auto& [partition, entry] : entries) {
    if (version == 0) {
      auto& item = request.ungrouped_partitions.emplace_back();
      item.topic_name = partition.topic;
      item.partition_index = partition.partition;
    } else if (version < 3) {
      if (request.topics.empty() || request.topics.back().name != partition.topic) {
        request.topics.emplace_back().name = partition.topic;
      }
      request.topics.back().partition_indexes.push_back(partition.partition);
    } else {
      auto& state =
          topic_state_of(request.topic_states, partition.topic).partition_states.emplace_back();
      state.partition_index = partition.partition;
      state.leader_epoch = entry.leader_epoch;
      state.delete_partition = entry.remove;
    }
  }
  return request;
}

}  // namespace controller
