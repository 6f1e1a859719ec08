#include "broker/replication/replica_control.h"

#include <algorithm>

#include "base/log.h"

namespace replication {
namespace {

using protocol::ErrorCode;

// Leader epochs of StopReplica that skip the check (cluster contract: topic deletion, unknown).
constexpr std::int32_t kEpochDuringDelete = -2;
constexpr std::int32_t kNoEpoch = -1;

std::vector<base::BrokerId> broker_ids(const std::vector<std::int32_t>& ids) {
  std::vector<base::BrokerId> typed;
  typed.reserve(ids.size());
  for (const std::int32_t id : ids) typed.emplace_back(id);
  return typed;
}

LeaderState state_of(const protocol::LeaderAndIsrRequest::LeaderAndIsrPartitionState& partition) {
  LeaderState state;
  state.leader = base::BrokerId(partition.leader);
  state.leader_epoch = base::LeaderEpoch(partition.leader_epoch);
  state.controller_epoch = base::ControllerEpoch(partition.controller_epoch);
  state.partition_epoch = base::ZkVersion(partition.partition_epoch);
  state.isr = broker_ids(partition.isr);
  state.replicas = broker_ids(partition.replicas);
  return state;
}

ErrorCode storage_code(const base::Error& error) {
  if (error.is(storage::LogError::inconsistent_topic_id)) return ErrorCode::kInconsistentTopicId;
  return ErrorCode::kKafkaStorageError;
}

}  // namespace

ReplicaControl::ReplicaControl(Options options, PartitionTable& partitions,
                               storage::LogManager& logs, runtime::Clock& clock,
                               runtime::WorkerPool& worker)
    : options_(std::move(options)),
      partitions_(partitions),
      logs_(logs),
      clock_(clock),
      worker_(worker) {}

runtime::Task<protocol::LeaderAndIsrResponse> ReplicaControl::apply(
    std::shared_ptr<const protocol::LeaderAndIsrRequest> request) {
  co_return co_await runtime::run_on(worker_, [this, request] { return apply_now(*request); });
}

runtime::Task<protocol::StopReplicaResponse> ReplicaControl::apply(
    std::shared_ptr<const protocol::StopReplicaRequest> request) {
  co_return co_await runtime::run_on(worker_, [this, request] { return apply_now(*request); });
}

protocol::LeaderAndIsrResponse ReplicaControl::apply_now(
    const protocol::LeaderAndIsrRequest& request) {
  protocol::LeaderAndIsrResponse response;
  if (!controller_epoch_.accept(request.controller_epoch)) {
    response.error_code = static_cast<std::int16_t>(ErrorCode::kStaleControllerEpoch);
    return response;
  }
  for (const auto& partition : request.ungrouped_partition_states) {
    const Order order{{partition.topic_name, partition.partition_index},
                      {},
                      state_of(partition),
                      partition.is_new};
    auto& answer = response.partition_errors.emplace_back();
    answer.topic_name = order.id.topic;
    answer.partition_index = order.id.partition;
    answer.error_code = static_cast<std::int16_t>(apply_order(order));
  }
  for (const auto& topic : request.topic_states) {
    auto& by_id = response.topics.emplace_back();  // Versions 5 and up
    by_id.topic_id = topic.topic_id;
    for (const auto& partition : topic.partition_states) {
      const Order order{{topic.topic_name, partition.partition_index},
                        topic.topic_id,
                        state_of(partition),
                        partition.is_new};
      auto& answer = by_id.partition_errors.emplace_back();
      answer.topic_name = order.id.topic;
      answer.partition_index = order.id.partition;
      answer.error_code = static_cast<std::int16_t>(apply_order(order));
      response.partition_errors.push_back(answer);  // versions 2 to 4
    }
  }
  has_state_.store(true);
  return response;
}

ErrorCode ReplicaControl::apply_order(const Order& order) {
  if (logs_.is_offline(order.id)) return ErrorCode::kKafkaStorageError;
  auto partition = partitions_.find(order.id.topic, order.id.partition);
  const base::LeaderEpoch current =
      partition == nullptr ? base::kNoLeaderEpoch : partition->leader_state().leader_epoch;
  if (partition != nullptr && !order.topic_id.is_zero()) {
    const auto known_id = partition->log().topic_id();
    if (known_id && *known_id != order.topic_id) return ErrorCode::kInconsistentTopicId;
    if (!known_id && order.state.leader_epoch == current) {
      const auto assigned = partition->log().assign_topic_id(order.topic_id);
      return assigned ? ErrorCode::kNone : storage_code(assigned.error());
    }
  }
  if (order.state.leader_epoch <= current) return ErrorCode::kStaleControllerEpoch;
  const auto& replicas = order.state.replicas;
  if (std::find(replicas.begin(), replicas.end(), options_.broker_id) == replicas.end()) {
    LOG_WARN("partition {} ignored leader_epoch={}: this broker is not among its replicas",
             order.id, order.state.leader_epoch);
    return ErrorCode::kUnknownTopicOrPartition;
  }

  if (partition == nullptr) {
    // It may live in the directory that failed: an empty replica must not take its place.
    if (!order.is_new && logs_.find(order.id) == nullptr && !logs_.offline_directories().empty()) {
      return ErrorCode::kKafkaStorageError;
    }
    const auto id = order.topic_id.is_zero() ? std::nullopt : std::optional(order.topic_id);
    auto log = logs_.get_or_create(order.id, id, clock_.wall_ms());
    if (!log) {
      LOG_ERROR("partition {} not opened: {}", order.id, log.error().to_string());
      return storage_code(log.error());
    }
    partition = std::make_shared<Partition>(order.id, options_.broker_id, std::move(*log));
    partition->set_min_insync_replicas(options_.min_insync_replicas(order.id.topic));
    partitions_.put(partition);
  }

  if (order.state.leader == options_.broker_id) {
    partition->make_leader(order.state, clock_.wall_ms());
    for (LeadershipListener* listener : listeners_) listener->on_leader(partition);
    return ErrorCode::kNone;
  }
  // A leader that is none, or not live as far as we know: role, epoch and fetching stay.
  if (order.state.leader.value() < 0 || !options_.is_alive(order.state.leader)) {
    return ErrorCode::kNone;
  }
  partition->make_follower(order.state);
  for (LeadershipListener* listener : listeners_) {
    listener->on_not_leader(order.id, order.state.leader_epoch);
  }
  return ErrorCode::kNone;
}

std::vector<ReplicaControl::StopOrder> ReplicaControl::orders_of(
    const protocol::StopReplicaRequest& request) {
  std::vector<StopOrder> orders;
  for (const auto& partition : request.ungrouped_partitions) {
    orders.push_back(
        {{partition.topic_name, partition.partition_index}, kNoEpoch, request.delete_partitions});
  }
  for (const auto& topic : request.topics) {
    for (const std::int32_t index : topic.partition_indexes) {
      orders.push_back({{topic.name, index}, kNoEpoch, request.delete_partitions});
    }
  }
  for (const auto& topic : request.topic_states) {
    for (const auto& partition : topic.partition_states) {
      orders.push_back({{topic.topic_name, partition.partition_index},
                        partition.leader_epoch,
                        partition.delete_partition});
    }
  }
  return orders;
}

protocol::StopReplicaResponse ReplicaControl::apply_now(
    const protocol::StopReplicaRequest& request) {
  protocol::StopReplicaResponse response;
  if (!controller_epoch_.accept(request.controller_epoch)) {
    response.error_code = static_cast<std::int16_t>(ErrorCode::kStaleControllerEpoch);
    return response;
  }
  std::vector<base::TopicPartition> to_delete;
  for (const StopOrder& order : orders_of(request)) {
    auto& answer = response.partition_errors.emplace_back();
    answer.topic_name = order.id.topic;
    answer.partition_index = order.id.partition;
    answer.error_code = static_cast<std::int16_t>(stop(order, to_delete));
  }
  if (to_delete.empty()) return response;
  const auto removed = logs_.remove(to_delete);
  if (removed) return response;
  LOG_ERROR("replicas not deleted: {}", removed.error().to_string());
  for (auto& answer : response.partition_errors) {
    const base::TopicPartition id{answer.topic_name, answer.partition_index};
    if (std::find(to_delete.begin(), to_delete.end(), id) != to_delete.end()) {
      answer.error_code = static_cast<std::int16_t>(ErrorCode::kKafkaStorageError);
    }
  }
  return response;
}

ErrorCode ReplicaControl::stop(const StopOrder& order,
                               std::vector<base::TopicPartition>& to_delete) {
  if (logs_.is_offline(order.id)) return ErrorCode::kKafkaStorageError;
  auto partition = partitions_.find(order.id.topic, order.id.partition);
  if (partition == nullptr) {
    if (order.deletes) to_delete.push_back(order.id);  // a log that no leader ever claimed
    return ErrorCode::kNone;
  }
  const base::LeaderEpoch current = partition->leader_state().leader_epoch;
  const bool accepted = order.leader_epoch == kEpochDuringDelete ||
                        order.leader_epoch == kNoEpoch || order.leader_epoch >= current.value();
  if (!accepted) return ErrorCode::kFencedLeaderEpoch;
  if (!order.deletes) {
    partition->stop_waiting();
    return ErrorCode::kNone;
  }
  partitions_.erase(order.id);
  partition->close(ReplicaError::unknown_partition);
  for (LeadershipListener* listener : listeners_) listener->on_not_leader(order.id, current);
  to_delete.push_back(order.id);
  return ErrorCode::kNone;
}

void ReplicaControl::on_directory_failed(const std::string& log_dir) {
  for (const auto& partition : partitions_.all()) {
    if (partition->log().log_dir() != log_dir) continue;
    partitions_.erase(partition->id());
    partition->close(ReplicaError::offline);
  }
}

}  // namespace replication
