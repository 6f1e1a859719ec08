#include "broker/api/control_checks.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "broker/cluster/topic_name.h"
#include "config/listeners.h"

namespace api {
namespace {

using protocol::ErrorCode;

constexpr std::int64_t kWarnIntervalMs = 1000;
// Stands for "no leader" and "being deleted" in LeaderAndIsr.scala.
constexpr std::int32_t kLeaderMin = -2;
constexpr std::int32_t kEpochMin = -2;
constexpr std::int8_t kRecoveryStateMax = 1;
constexpr std::int32_t kPortMax = 65535;
// A refusal repeats the name for each partition; a longer one is no topic's.
constexpr std::size_t kNameBytesMax = cluster::kTopicNameBytesMax;

bool are_brokers(const std::vector<std::int32_t>& ids) {
  return std::ranges::all_of(ids, [](std::int32_t id) { return id >= 0; });
}

// NONE or what is wrong with a partition's name.
ErrorCode fault_of(const std::string& topic, std::int32_t partition) {
  if (cluster::invalid_topic_name(topic)) return ErrorCode::kInvalidTopicException;
  return partition < 0 ? ErrorCode::kInvalidRequest : ErrorCode::kNone;
}

bool is_valid_state(const protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState& state) {
  return state.leader >= kLeaderMin && state.leader_epoch >= 0 && are_brokers(state.isr) &&
         are_brokers(state.replicas) && are_brokers(state.adding_replicas) &&
         are_brokers(state.removing_replicas) && state.leader_recovery_state >= 0 &&
         state.leader_recovery_state <= kRecoveryStateMax;
}

bool is_valid_state(const protocol::UpdateMetadataRequest::UpdateMetadataPartitionState& state) {
  return state.leader >= kLeaderMin && state.leader_epoch >= kEpochMin && are_brokers(state.isr) &&
         are_brokers(state.replicas) && are_brokers(state.offline_replicas);
}

// The partitions of one request that were taken out of it.
class Refusals {
 public:
  explicit Refusals(const char* request) : request_(request) {}

  // Erases the entries whose fault_of is not NONE; `name_of` gives topic, id and partition.
  template <class Entry, class Describe>
  void take(std::vector<Entry>& entries, Describe describe) {
    std::erase_if(entries, [&](const Entry& entry) {
      RefusedPartition refused = describe(entry);
      if (refused.error == ErrorCode::kNone) return false;
      LOG_WARN_EVERY(kWarnIntervalMs,
                     "{} names a partition that cannot be topic=\"{}\" partition={} error={}",
                     request_, refused.topic.substr(0, kShownBytesMax), refused.partition,
                     protocol::name(refused.error));
      refused_.push_back(std::move(refused));
      return true;
    });
  }
  std::vector<RefusedPartition> all() && { return std::move(refused_); }

 private:
  static constexpr std::size_t kShownBytesMax = 250;

  const char* const request_;
  std::vector<RefusedPartition> refused_;
};

template <class State>
RefusedPartition describe(const std::string& topic, const base::Uuid& id, const State& state) {
  ErrorCode fault = fault_of(topic, state.partition_index);
  if (fault == ErrorCode::kNone && !is_valid_state(state)) fault = ErrorCode::kInvalidRequest;
  return {topic.substr(0, kNameBytesMax), id, state.partition_index, fault};
}

bool is_security_protocol(std::int16_t value) {
  return value >= static_cast<std::int16_t>(config::SecurityProtocol::plaintext) &&
         value <= static_cast<std::int16_t>(config::SecurityProtocol::sasl_ssl);
}

bool is_port(std::int32_t port) { return port >= 0 && port <= kPortMax; }

void drop_invalid_brokers(protocol::UpdateMetadataRequest& request) {
  for (auto& broker : request.live_brokers) {
    std::erase_if(broker.endpoints, [&](const auto& endpoint) {
      if (is_security_protocol(endpoint.security_protocol) && is_port(endpoint.port)) return false;
      LOG_WARN_EVERY(kWarnIntervalMs,
                     "UpdateMetadata names an endpoint that cannot be broker={} port={} "
                     "security_protocol={}",
                     broker.id, endpoint.port, endpoint.security_protocol);
      return true;
    });
  }
  std::erase_if(request.live_brokers, [](const auto& broker) {
    if (broker.id >= 0 && is_port(broker.v0_port)) return false;
    LOG_WARN_EVERY(kWarnIntervalMs, "UpdateMetadata names a broker that cannot be broker={}",
                   broker.id);
    return true;
  });
}

}  // namespace

std::vector<RefusedPartition> take_invalid(protocol::LeaderAndIsrRequest& request) {
  Refusals refusals("LeaderAndIsr");
  refusals.take(request.ungrouped_partition_states,
                [](const auto& state) { return describe(state.topic_name, {}, state); });
  for (auto& topic : request.topic_states) {
    refusals.take(topic.partition_states, [&](const auto& state) {
      return describe(topic.topic_name, topic.topic_id, state);
    });
  }
  std::erase_if(request.topic_states,
                [](const auto& topic) { return topic.partition_states.empty(); });
  return std::move(refusals).all();
}

std::vector<RefusedPartition> take_invalid(protocol::StopReplicaRequest& request) {
  Refusals refusals("StopReplica");
  const auto named = [](const std::string& topic, std::int32_t partition) {
    return RefusedPartition{
        topic.substr(0, kNameBytesMax), {}, partition, fault_of(topic, partition)};
  };
  refusals.take(request.ungrouped_partitions, [&](const auto& partition) {
    return named(partition.topic_name, partition.partition_index);
  });
  for (auto& topic : request.topics) {
    refusals.take(topic.partition_indexes,
                  [&](std::int32_t partition) { return named(topic.name, partition); });
  }
  for (auto& topic : request.topic_states) {
    refusals.take(topic.partition_states, [&](const auto& state) {
      RefusedPartition refused = named(topic.topic_name, state.partition_index);
      const bool is_wrong = refused.error == ErrorCode::kNone && state.leader_epoch < kEpochMin;
      if (is_wrong) refused.error = ErrorCode::kInvalidRequest;
      return refused;
    });
  }
  return std::move(refusals).all();
}

std::vector<RefusedPartition> take_invalid(protocol::AlterPartitionRequest& request,
                                           std::int16_t version) {
  if (version >= 2) return {};
  Refusals refusals("AlterPartition");
  for (auto& topic : request.topics) {
    if (!cluster::invalid_topic_name(topic.topic_name)) continue;
    refusals.take(topic.partitions, [&](const auto& partition) {
      return RefusedPartition{topic.topic_name.substr(0, kNameBytesMax),
                              {},
                              partition.partition_index,
                              ErrorCode::kUnknownTopicOrPartition};
    });
  }
  std::erase_if(request.topics, [](const auto& topic) { return topic.partitions.empty(); });
  return std::move(refusals).all();
}

void drop_invalid(protocol::UpdateMetadataRequest& request) {
  Refusals refusals("UpdateMetadata");
  refusals.take(request.ungrouped_partition_states,
                [](const auto& state) { return describe(state.topic_name, {}, state); });
  for (auto& topic : request.topic_states) {
    refusals.take(topic.partition_states, [&](const auto& state) {
      return describe(topic.topic_name, topic.topic_id, state);
    });
  }
  std::erase_if(request.topic_states, [](const auto& topic) {
    return cluster::invalid_topic_name(topic.topic_name).has_value();
  });
  drop_invalid_brokers(request);
}

bool is_valid(const protocol::AlterPartitionRequest& request) {
  if (request.broker_id < 0) return false;
  return std::ranges::all_of(request.topics, [](const auto& topic) {
    return std::ranges::all_of(topic.partitions, [](const auto& partition) {
      const bool are_members =
          are_brokers(partition.new_isr) &&
          std::ranges::all_of(partition.new_isr_with_epochs,
                              [](const auto& member) { return member.broker_id >= 0; });
      return are_members && partition.partition_index >= 0 && partition.leader_epoch >= 0 &&
             partition.leader_recovery_state >= 0 &&
             partition.leader_recovery_state <= kRecoveryStateMax;
    });
  });
}

void add_refused(const std::vector<RefusedPartition>& refused,
                 protocol::LeaderAndIsrResponse& response) {
  for (const RefusedPartition& partition : refused) {
    auto& flat = response.partition_errors.emplace_back();
    flat.topic_name = partition.topic;
    flat.partition_index = partition.partition;
    flat.error_code = protocol::to_wire(partition.error);
    if (response.topics.empty() || response.topics.back().topic_id != partition.topic_id) {
      response.topics.emplace_back().topic_id = partition.topic_id;
    }
    auto& grouped = response.topics.back().partition_errors.emplace_back();
    grouped.partition_index = partition.partition;
    grouped.error_code = protocol::to_wire(partition.error);
  }
}

void add_refused(const std::vector<RefusedPartition>& refused,
                 protocol::StopReplicaResponse& response) {
  for (const RefusedPartition& partition : refused) {
    auto& error = response.partition_errors.emplace_back();
    error.topic_name = partition.topic;
    error.partition_index = partition.partition;
    error.error_code = protocol::to_wire(partition.error);
  }
}

void add_refused(const std::vector<RefusedPartition>& refused,
                 protocol::AlterPartitionResponse& response) {
  for (const RefusedPartition& partition : refused) {
    if (response.topics.empty() || response.topics.back().topic_name != partition.topic) {
      response.topics.emplace_back().topic_name = partition.topic;
    }
    auto& error = response.topics.back().partitions.emplace_back();
    error.partition_index = partition.partition;
    error.error_code = protocol::to_wire(partition.error);
  }
}

}  // namespace api
