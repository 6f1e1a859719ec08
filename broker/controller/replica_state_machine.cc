#include "broker/controller/replica_state_machine.h"

#include <algorithm>
#include <map>

#include "base/log.h"
#include "broker/controller/chunks.h"
#include "broker/controller/leader_election.h"
#include "runtime/turn_budget.h"

namespace controller {

namespace {

constexpr int kConflictRoundsMax = 100;  // as in elections

}  // namespace

runtime::Task<base::Result<void>> ReplicaStateMachine::start_up(
    std::vector<TopicPartition> partitions) {
  ControllerContext& context = env_.context;
  std::vector<Replica> online;
  std::vector<Replica> offline;
  runtime::TurnBudget turn;
  std::vector<Replica> replicas = context.replicas_of_partitions(partitions);
  for (Replica& replica : replicas) {
    const bool is_online = context.is_replica_online(replica.broker, replica.partition);
    // A replica on a dead broker may have missed a deletion: it counts as one that failed.
    context.set_phase(replica,
                      is_online ? ReplicaPhase::online : ReplicaPhase::deletion_ineligible);
    (is_online ? online : offline).push_back(std::move(replica));
    if (turn.is_spent()) co_await turn.yield();
  }
  co_await to_online(std::move(online));
  co_return co_await to_offline(std::move(offline));
}

std::vector<Replica> ReplicaStateMachine::admissible(const std::vector<Replica>& replicas,
                                                     ReplicaPhase target) const {
  std::vector<Replica> accepted;
  accepted.reserve(replicas.size());
  for (const Replica& replica : replicas) {
    const ReplicaPhase phase = env_.context.phase_of(replica);
    if (is_valid_transition(phase, target)) {
      accepted.push_back(replica);
    } else {
      LOG_ERROR("replica {} of {} cannot change from {} to {} controller_epoch={}", replica.broker,
                replica.partition, to_string(phase), to_string(target), env_.context.epoch);
    }
  }
  return accepted;
}

void ReplicaStateMachine::move(const std::vector<Replica>& replicas, ReplicaPhase target) {
  for (const Replica& replica : admissible(replicas, target)) {
    env_.context.set_phase(replica, target);
  }
}

void ReplicaStateMachine::to_created(const std::vector<Replica>& replicas) {
  for (const Replica& replica : admissible(replicas, ReplicaPhase::created)) {
    const Leadership* leadership = env_.context.leadership_of(replica.partition);
    if (leadership != nullptr && leadership->state.leader == replica.broker) {
      log_failure(replica, "it leads the partition and cannot be new");
      continue;
    }
    const std::int32_t to[] = {replica.broker};
    env_.batch.add_leader_and_isr(to, replica.partition, /*is_new=*/true);
    env_.context.set_phase(replica, ReplicaPhase::created);
  }
  env_.flush();
}

runtime::Task<void> ReplicaStateMachine::to_online(std::vector<Replica> replicas) {
  Chunks<Replica> chunks(std::move(replicas));
  runtime::TurnBudget turn;
  while (!chunks.empty()) {
    bring_online(chunks.next());
    env_.flush();
    co_await turn.yield();
  }
}

void ReplicaStateMachine::bring_online(const std::vector<Replica>& replicas) {
  for (const Replica& replica : admissible(replicas, ReplicaPhase::online)) {
    PartitionEntry& entry = *env_.context.find(replica.partition);
    if (entry.replica_phase(replica.broker) == ReplicaPhase::created) {
      if (!contains(entry.assignment.replicas, replica.broker)) {
        LOG_ERROR("replica {} of {} was not in its assignment and is added", replica.broker,
                  replica.partition);
        entry.assignment.replicas.push_back(replica.broker);
      }
    } else {
      const std::int32_t to[] = {replica.broker};
      env_.batch.add_leader_and_isr(to, replica.partition, /*is_new=*/false);
    }
    env_.context.set_phase(replica, ReplicaPhase::online);
  }
}

void ReplicaStateMachine::to_deletion_started(const std::vector<Replica>& replicas) {
  for (const Replica& replica : admissible(replicas, ReplicaPhase::deletion_started)) {
    env_.context.set_phase(replica, ReplicaPhase::deletion_started);
    env_.batch.add_stop_replica(replica.broker, replica.partition, /*remove=*/true);
  }
  env_.flush();
}

void ReplicaStateMachine::to_deletion_successful(const std::vector<Replica>& replicas) {
  move(replicas, ReplicaPhase::deletion_successful);
}
void ReplicaStateMachine::to_deletion_ineligible(const std::vector<Replica>& replicas) {
  move(replicas, ReplicaPhase::deletion_ineligible);
}

void ReplicaStateMachine::to_non_existent(const std::vector<Replica>& replicas) {
  for (const Replica& replica : admissible(replicas, ReplicaPhase::non_existent)) {
    PartitionEntry& entry = *env_.context.find(replica.partition);
    std::erase(entry.assignment.replicas, replica.broker);
    std::erase(entry.assignment.adding, replica.broker);
    std::erase(entry.assignment.removing, replica.broker);
    env_.context.set_phase(replica, ReplicaPhase::non_existent);
  }
}

runtime::Task<base::Result<void>> ReplicaStateMachine::to_offline(std::vector<Replica> replicas) {
  // The ISR of a partition that loses several brokers shrinks by one broker after the other.
  std::map<std::int32_t, std::vector<TopicPartition>> by_broker;
  for (Replica& replica : admissible(replicas, ReplicaPhase::offline)) {
    by_broker[replica.broker].push_back(std::move(replica.partition));
  }
  runtime::TurnBudget turn;
  for (auto& [broker, partitions] : by_broker) {
    Chunks<TopicPartition> chunks(std::move(partitions));
    while (!chunks.empty()) {
      CO_TRY(co_await take_offline(broker, chunks.next()));
      env_.flush();
      co_await turn.yield();
    }
  }
  env_.flush();
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> ReplicaStateMachine::take_offline(
    std::int32_t broker, std::vector<TopicPartition> partitions) {
  std::vector<TopicPartition> led;
  const BrokerIds everybody = env_.context.live_or_shutting_down_ids();
  for (TopicPartition& partition : partitions) {
    env_.batch.add_stop_replica(broker, partition, /*remove=*/false);
    if (env_.context.leadership_of(partition) != nullptr) {
      led.push_back(std::move(partition));
      continue;
    }
    env_.batch.add_update_metadata(everybody, {&partition, 1});
    env_.context.set_phase({partition, broker}, ReplicaPhase::offline);
  }
  std::vector<TopicPartition> done;
  for (int round = 0; !led.empty(); ++round) {
    if (round == kConflictRoundsMax) {
      for (const TopicPartition& partition : led) {
        log_failure({partition, broker}, "the partition's state keeps changing");
      }
      break;
    }
    CO_TRY(co_await shrink_isr_once(broker, led, done));
  }
  for (const TopicPartition& partition : done) {
    if (!env_.context.is_queued_for_deletion(partition.topic)) {
      env_.batch.add_leader_and_isr(without(env_.context.replicas_of(partition), broker), partition,
                                    /*is_new=*/false);
    }
    env_.context.set_phase({partition, broker}, ReplicaPhase::offline);
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> ReplicaStateMachine::shrink_isr_once(
    std::int32_t broker, std::vector<TopicPartition>& remaining,
    std::vector<TopicPartition>& done) {
  const std::vector<TopicPartition> partitions = std::exchange(remaining, {});
  CO_TRY_ASSIGN(std::vector<StateRead> reads, co_await env_.store.read_states(partitions));
  std::vector<StateWrite> writes;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const TopicPartition& partition = partitions[i];
    StateRead& read = reads[i];
    if (!read) {
      log_failure({partition, broker}, read.error().to_string());
    } else if (!*read) {
      if (!env_.context.is_queued_for_deletion(partition.topic)) {
        log_failure({partition, broker}, "the partition has no state znode");
      }
    } else if ((*read)->state.controller_epoch > env_.context.epoch) {
      log_failure({partition, broker}, "the state was written by a later controller");
    } else if (!contains((*read)->state.isr, broker)) {
      // Told again with the epoch as it is; receivers take this controller's word for it.
      (*read)->state.controller_epoch = env_.context.epoch;
      env_.context.find(partition)->leadership = std::move(**read);
      done.push_back(partition);
    } else {
      writes.push_back({partition, without_replica(env_.context, (*read)->state, broker),
                        (*read)->partition_epoch});
    }
  }
  if (writes.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(const std::vector<StateWriteResult> results,
                co_await env_.store.update_states(writes));
  for (std::size_t i = 0; i < writes.size(); ++i) {
    StateWrite& write = writes[i];
    switch (results[i].outcome) {
      case StateWriteResult::Outcome::conflict: remaining.push_back(write.partition); break;
      case StateWriteResult::Outcome::failed:
        log_failure({write.partition, broker}, results[i].error.to_string());
        break;
      case StateWriteResult::Outcome::written:
        LOG_INFO("partition {} lost replica {} from its ISR leader={} leader_epoch={} isr={}",
                 write.partition, broker, write.state.leader, write.state.leader_epoch,
                 to_string(write.state.isr));
        env_.context.find(write.partition)->leadership =
            Leadership{std::move(write.state), results[i].partition_epoch};
        done.push_back(std::move(write.partition));
        break;
    }
  }
  co_return base::Result<void>();
}

void ReplicaStateMachine::log_failure(const Replica& replica, std::string_view reason) const {
  LOG_ERROR("replica {} of {} stays {}: {} controller_epoch={}", replica.broker, replica.partition,
            to_string(env_.context.phase_of(replica)), reason, env_.context.epoch);
}

}  // namespace controller
