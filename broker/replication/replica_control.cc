#include "broker/replication/replica_control.h"

#include <algorithm>
#include <map>
#include <set>

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

// --- lanes ---------------------------------------------------------------------------------------

std::string ReplicaControl::place_of(const Order& order) { return logs_.reserve_place(order.id); }

std::string ReplicaControl::place_of(const StopOrder& order) {
  if (const auto partition = partitions_.find(order.id.topic, order.id.partition)) {
    return partition->log().log_dir();
  }
  // Also where an order before this one is about to make it: it must not be overtaken.
  return logs_.known_place(order.id);
}

template <class Orders>
std::vector<ReplicaControl::LanePart> ReplicaControl::split(const Orders& orders) {
  std::vector<LanePart> parts;
  std::map<std::string, std::size_t> open_part;  // of each directory
  for (std::size_t i = 0; i < orders.size(); ++i) {
    const std::string log_dir = place_of(orders[i]);
    const auto [place, is_first] = open_part.emplace(log_dir, parts.size());
    if (!is_first && parts[place->second].places.size() == kPartOrders) {
      place->second = parts.size();
    }
    if (place->second == parts.size()) parts.push_back({log_dir, {}});
    parts[place->second].places.push_back(i);
  }
  return parts;
}

bool ReplicaControl::accept(std::int32_t controller_epoch) {
  if (controller_epoch < controller_epoch_) return false;
  controller_epoch_ = controller_epoch;
  return true;
}

runtime::Task<bool> ReplicaControl::apply_metadata(std::int32_t controller_epoch,
                                                   std::function<void()> publish) {
  co_return co_await runtime::run_on(worker_,
                                     [this, controller_epoch, publish = std::move(publish)] {
                                       base::LockGuard guard(one_order_);
                                       if (!accept(controller_epoch)) return false;
                                       publish();
                                       return true;
                                     });
}

template <class Orders, class Run>
runtime::Task<std::optional<std::vector<ErrorCode>>> ReplicaControl::on_lanes(
    std::int32_t controller_epoch, std::shared_ptr<Orders> orders, Run run) {
  runtime::Loop* const loop = runtime::Loop::current();
  const auto hand_on = [this, loop, controller_epoch, orders, run] {
    base::LockGuard guard(one_order_);
    std::optional<std::vector<Pending>> result;
    if (!accept(controller_epoch)) return result;
    std::vector<Pending>& all = result.emplace();
    for (LanePart& part : split(*orders)) {
      auto [sender, receiver] = runtime::one_shot<std::vector<ErrorCode>>(*loop);
      auto job = [run, orders, part, sender = std::move(sender)]() mutable {
        sender.complete(run(*orders, part));
      };
      // Without a directory there is no disk to wait for.
      if (part.log_dir.empty()) {
        job();
      } else {
        options_.lane(part.log_dir).submit(std::move(job));
      }
      all.push_back({std::move(part), std::move(receiver)});
    }
    return result;
  };
  auto pending = co_await runtime::run_on(worker_, hand_on);
  if (!pending) co_return std::nullopt;
  std::vector<ErrorCode> codes(orders->size(), ErrorCode::kKafkaStorageError);
  std::set<std::string> silent;
  // All lanes have been at work since now, whichever is waited for first.
  const std::int64_t begin_ms = loop->now_ms();
  std::map<std::string, std::int64_t> moved_ms;
  for (Pending& part : *pending) {
    const std::string& log_dir = part.part.log_dir;
    const std::int64_t since_ms = moved_ms.try_emplace(log_dir, begin_ms).first->second;
    const std::int64_t patience_ms =
        silent.contains(log_dir)
            ? 0
            : std::max<std::int64_t>(0, since_ms + options_.lane_patience_ms - loop->now_ms());
    const auto answer = co_await part.codes.wait(patience_ms);
    if (answer) moved_ms[log_dir] = loop->now_ms();
    if (!answer) {
      if (!silent.insert(log_dir).second) continue;
      LOG_ERROR("log directory {} does not answer, orders of the controller wait for it", log_dir);
      continue;
    }
    for (std::size_t i = 0; i < answer->size(); ++i) codes[part.part.places[i]] = (*answer)[i];
  }
  co_return codes;
}

// --- LeaderAndIsr --------------------------------------------------------------------------------

std::vector<ReplicaControl::Order> ReplicaControl::orders_of(
    const protocol::LeaderAndIsrRequest& request) {
  std::vector<Order> orders;
  for (const auto& partition : request.ungrouped_partition_states) {
    orders.push_back({{partition.topic_name, partition.partition_index},
                      {},
                      state_of(partition),
                      partition.is_new});
  }
  for (const auto& topic : request.topic_states) {
    for (const auto& partition : topic.partition_states) {
      orders.push_back({{topic.topic_name, partition.partition_index},
                        topic.topic_id,
                        state_of(partition),
                        partition.is_new});
    }
  }
  return orders;
}

runtime::Task<protocol::LeaderAndIsrResponse> ReplicaControl::apply(
    std::shared_ptr<const protocol::LeaderAndIsrRequest> request) {
  protocol::LeaderAndIsrResponse response;
  const auto orders = std::make_shared<const std::vector<Order>>(orders_of(*request));
  const auto codes = co_await on_lanes(
      request->controller_epoch, orders,
      [this](const auto& all, const LanePart& part) { return apply_all(all, part); });
  if (!codes) {
    response.error_code = static_cast<std::int16_t>(ErrorCode::kStaleControllerEpoch);
    co_return response;
  }
  std::size_t next = 0;
  const auto answer_next = [&](auto& errors) {
    auto& answer = errors.emplace_back();
    answer.topic_name = (*orders)[next].id.topic;
    answer.partition_index = (*orders)[next].id.partition;
    answer.error_code = static_cast<std::int16_t>((*codes)[next]);
    ++next;
    return answer;
  };
  for (std::size_t i = 0; i < request->ungrouped_partition_states.size(); ++i) {
    answer_next(response.partition_errors);
  }
  for (const auto& topic : request->topic_states) {
    auto& by_id = response.topics.emplace_back();  // Versions 5 and up
    by_id.topic_id = topic.topic_id;
    for (std::size_t i = 0; i < topic.partition_states.size(); ++i) {
      response.partition_errors.push_back(answer_next(by_id.partition_errors));  // versions 2 to 4
    }
  }
  has_state_.store(true);
  co_return response;
}

std::vector<ErrorCode> ReplicaControl::apply_all(const std::vector<Order>& orders,
                                                 const LanePart& part) {
  std::vector<ErrorCode> codes;
  codes.reserve(part.places.size());
  for (const std::size_t place : part.places) {
    codes.push_back(apply_order(orders[place], part.log_dir));
    if (!part.log_dir.empty()) logs_.release_place(orders[place].id);
  }
  return codes;
}

ErrorCode ReplicaControl::apply_order(const Order& order, const std::string& log_dir) {
  if (log_dir.empty()) return ErrorCode::kKafkaStorageError;
  auto partition = partitions_.find(order.id.topic, order.id.partition);
  const base::LeaderEpoch current =
      partition == nullptr ? base::kNoLeaderEpoch : partition->leader_state().leader_epoch;
  if (partition != nullptr && !order.topic_id.is_zero()) {
    const auto known_id = partition->log().topic_id();
    if (known_id && *known_id != order.topic_id) return ErrorCode::kInconsistentTopicId;
    if (!known_id && order.state.leader_epoch >= current) {
      const auto assigned = partition->log().assign_topic_id(order.topic_id);
      const bool is_all = order.state.leader_epoch == current;
      if (assigned && is_all && partition->role().role == Role::follower) follow(partition);
      if (!assigned) return storage_code(assigned.error());
      if (is_all) return ErrorCode::kNone;
    }
  }
  if (order.state.leader_epoch <= current) return ErrorCode::kStaleControllerEpoch;
  // Written before an ISR change that is known here.
  if (partition != nullptr &&
      order.state.partition_epoch < partition->leader_state().partition_epoch) {
    return ErrorCode::kNone;
  }
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
    auto log = logs_.get_or_create_in(log_dir, order.id, id, clock_.wall_ms());
    if (!log) {
      LOG_ERROR("partition {} not opened: {}", order.id, log.error().to_string());
      return storage_code(log.error());
    }
    partition = std::make_shared<Partition>(order.id, options_.broker_id, std::move(*log));
    partition->set_isr_keeper(options_.isr_keeper);
    std::int32_t min_isr = options_.min_insync_replicas(order.id.topic);
    partition->set_min_insync_replicas(min_isr);
    partitions_.put(partition);
    // A change until here found no partition to tell.
    for (auto now = options_.min_insync_replicas(order.id.topic); now != min_isr;
         now = options_.min_insync_replicas(order.id.topic)) {
      min_isr = now;
      partition->set_min_insync_replicas(min_isr);
    }
  }

  if (order.state.leader == options_.broker_id) {
    unfollow(order.id);
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
  follow(partition);
  return ErrorCode::kNone;
}

void ReplicaControl::follow(const std::shared_ptr<Partition>& partition) {
  if (followership_ != nullptr) followership_->follow(partition);
}

void ReplicaControl::unfollow(const base::TopicPartition& id) {
  if (followership_ != nullptr) followership_->unfollow(id);
}

// --- StopReplica ---------------------------------------------------------------------------------

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

runtime::Task<protocol::StopReplicaResponse> ReplicaControl::apply(
    std::shared_ptr<const protocol::StopReplicaRequest> request) {
  protocol::StopReplicaResponse response;
  const auto orders = std::make_shared<const std::vector<StopOrder>>(orders_of(*request));
  const auto codes = co_await on_lanes(
      request->controller_epoch, orders,
      [this](const auto& all, const LanePart& part) { return stop_all(all, part); });
  if (!codes) {
    response.error_code = static_cast<std::int16_t>(ErrorCode::kStaleControllerEpoch);
    co_return response;
  }
  for (std::size_t i = 0; i < orders->size(); ++i) {
    auto& answer = response.partition_errors.emplace_back();
    answer.topic_name = (*orders)[i].id.topic;
    answer.partition_index = (*orders)[i].id.partition;
    answer.error_code = static_cast<std::int16_t>((*codes)[i]);
  }
  co_return response;
}

std::vector<ErrorCode> ReplicaControl::stop_all(const std::vector<StopOrder>& orders,
                                                const LanePart& part) {
  std::vector<ErrorCode> codes;
  std::vector<base::TopicPartition> to_delete;
  for (const std::size_t place : part.places) codes.push_back(stop(orders[place], to_delete));
  if (to_delete.empty()) return codes;
  const auto removed = logs_.remove(to_delete);
  if (removed) return codes;
  LOG_ERROR("replicas not deleted: {}", removed.error().to_string());
  const std::set<base::TopicPartition> failed(to_delete.begin(), to_delete.end());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (failed.contains(orders[part.places[i]].id)) codes[i] = ErrorCode::kKafkaStorageError;
  }
  return codes;
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
  unfollow(order.id);
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

// --- failures ------------------------------------------------------------------------------------

void ReplicaControl::on_directory_failed(const std::string& log_dir) {
  for (const auto& partition : partitions_.all()) {
    if (partition->log().log_dir() != log_dir) continue;
    partitions_.erase(partition->id());
    unfollow(partition->id());
    partition->close(ReplicaError::offline);
    const base::LeaderEpoch epoch = partition->role().leader_epoch;
    for (LeadershipListener* listener : listeners_) {
      listener->on_not_leader(partition->id(), epoch);
    }
  }
}

}  // namespace replication
