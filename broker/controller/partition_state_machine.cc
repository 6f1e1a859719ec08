#include "broker/controller/partition_state_machine.h"

#include <algorithm>

#include "base/log.h"
#include "broker/controller/chunks.h"
#include "runtime/turn_budget.h"

namespace controller {

namespace {

// A leader that answers no to every CAS would keep us here; it changes its ISR a few times a
// second at most, so this many rounds mean that something else is wrong.
constexpr int kConflictRoundsMax = 100;

}  // namespace

runtime::Task<base::Result<void>> PartitionStateMachine::start_up(
    std::vector<TopicPartition> partitions) {
  ControllerContext& context = env_.context;
  for (const TopicPartition& partition : partitions) {
    PartitionEntry& entry = *context.find(partition);
    if (!entry.leadership) {
      entry.phase = PartitionPhase::created;
    } else if (context.is_replica_online(entry.leadership->state.leader, partition)) {
      entry.phase = PartitionPhase::online;
    } else {
      entry.phase = PartitionPhase::offline;
    }
  }
  CO_TRY(co_await trigger(std::move(partitions)));
  co_return base::Result<void>();
}

runtime::Task<base::Result<ElectionOutcomes>> PartitionStateMachine::trigger_online() {
  co_return co_await trigger(env_.context.partitions_where(
      [](auto&, const TopicEntry& topic, auto, const PartitionEntry& partition) {
        return !topic.queued_for_deletion && (partition.phase == PartitionPhase::offline ||
                                              partition.phase == PartitionPhase::created);
      }));
}

runtime::Task<base::Result<ElectionOutcomes>> PartitionStateMachine::trigger_online(
    std::string topic) {
  co_return co_await trigger(env_.context.partitions_of(topic));
}

runtime::Task<base::Result<ElectionOutcomes>> PartitionStateMachine::trigger(
    std::vector<TopicPartition> partitions) {
  std::erase_if(partitions, [this](const TopicPartition& partition) {
    const PartitionPhase phase = env_.context.find(partition)->phase;
    return (phase != PartitionPhase::offline && phase != PartitionPhase::created) ||
           env_.context.is_queued_for_deletion(partition.topic);
  });
  co_return co_await to_online(std::move(partitions), ElectionStrategy::offline);
}

runtime::Task<base::Result<ElectionOutcomes>> PartitionStateMachine::to_online(
    std::vector<TopicPartition> partitions, ElectionStrategy strategy, bool force_unclean) {
  ElectionOutcomes outcomes;
  Chunks<TopicPartition> chunks(std::move(partitions));
  runtime::TurnBudget turn;
  while (!chunks.empty()) {
    CO_TRY(co_await bring_online(chunks.next(), strategy, force_unclean, outcomes));
    env_.flush();
    co_await turn.yield();
  }
  env_.flush();
  co_return outcomes;
}

runtime::Task<base::Result<void>> PartitionStateMachine::bring_online(
    std::vector<TopicPartition> partitions, ElectionStrategy strategy, bool force_unclean,
    ElectionOutcomes& outcomes) {
  std::vector<TopicPartition> to_create;
  std::vector<TopicPartition> to_elect;
  for (TopicPartition& partition : admissible(partitions, PartitionPhase::online)) {
    const bool is_new = env_.context.find(partition)->phase == PartitionPhase::created;
    (is_new ? to_create : to_elect).push_back(std::move(partition));
  }
  if (!to_create.empty()) CO_TRY(co_await create_states(std::move(to_create)));
  if (to_elect.empty()) co_return base::Result<void>();
  co_return co_await elect(std::move(to_elect), strategy, force_unclean, outcomes);
}

void PartitionStateMachine::to_created(const std::vector<TopicPartition>& partitions) {
  move(partitions, PartitionPhase::created);
}
void PartitionStateMachine::to_offline(const std::vector<TopicPartition>& partitions) {
  move(partitions, PartitionPhase::offline);
}
void PartitionStateMachine::to_non_existent(const std::vector<TopicPartition>& partitions) {
  move(partitions, PartitionPhase::non_existent);
}

void PartitionStateMachine::move(const std::vector<TopicPartition>& partitions,
                                 PartitionPhase target) {
  for (const TopicPartition& partition : admissible(partitions, target)) {
    env_.context.find(partition)->phase = target;
  }
}

std::vector<TopicPartition> PartitionStateMachine::admissible(
    const std::vector<TopicPartition>& partitions, PartitionPhase target) const {
  std::vector<TopicPartition> accepted;
  accepted.reserve(partitions.size());
  for (const TopicPartition& partition : partitions) {
    const PartitionEntry* entry = std::as_const(env_.context).find(partition);
    const PartitionPhase phase = entry == nullptr ? PartitionPhase::non_existent : entry->phase;
    if (entry != nullptr && is_valid_transition(phase, target)) {
      accepted.push_back(partition);
    } else {
      LOG_ERROR("partition {} cannot change from {} to {} controller_epoch={}", partition,
                to_string(phase), to_string(target), env_.context.epoch);
    }
  }
  return accepted;
}

runtime::Task<base::Result<void>> PartitionStateMachine::create_states(
    std::vector<TopicPartition> partitions) {
  std::vector<StateWrite> writes;
  for (const TopicPartition& partition : partitions) {
    // There is a state, so nothing may take its place.
    if (env_.context.find(partition)->has_unreadable_state) continue;
    auto state = initial_state(env_.context, partition);
    if (state) {
      const bool is_other_topic =
          writes.empty() || writes.back().partition.topic != partition.topic;
      writes.push_back(
          {.partition = partition,
           .state = std::move(*state),
           .is_first_of_topic = is_other_topic && !env_.context.has_any_state(partition.topic)});
    } else {
      LOG_ERROR("partition {} has no live replica and stays New replicas={} controller_epoch={}",
                partition, to_string(env_.context.replicas_of(partition)), env_.context.epoch);
    }
  }
  if (writes.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(const std::vector<StateWriteResult> results,
                co_await env_.store.create_states(writes));
  for (std::size_t i = 0; i < writes.size(); ++i) {
    const TopicPartition& partition = writes[i].partition;
    if (results[i].outcome != StateWriteResult::Outcome::written) {
      LOG_ERROR("partition {} stays New: its state could not be created: {}", partition,
                results[i].outcome == StateWriteResult::Outcome::conflict
                    ? "there is one already"
                    : results[i].error.to_string());
      continue;
    }
    PartitionEntry& entry = *env_.context.find(partition);
    entry.leadership = Leadership{std::move(writes[i].state), results[i].partition_epoch};
    entry.phase = PartitionPhase::online;
    env_.batch.add_leader_and_isr(entry.leadership->state.isr, partition, /*is_new=*/true);
  }
  LOG_INFO("controller created partition states count={} controller_epoch={}", writes.size(),
           env_.context.epoch);
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> PartitionStateMachine::elect(
    std::vector<TopicPartition> partitions, ElectionStrategy strategy, bool force_unclean,
    ElectionOutcomes& outcomes) {
  for (int round = 0; !partitions.empty(); ++round) {
    if (round == kConflictRoundsMax) {
      for (const TopicPartition& partition : partitions) {
        fail(partition, ElectionOutcome::Kind::failed, "its state keeps changing", outcomes);
      }
      break;
    }
    CO_TRY(co_await elect_once(partitions, strategy, force_unclean, outcomes));
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> PartitionStateMachine::elect_once(
    std::vector<TopicPartition>& remaining, ElectionStrategy strategy, bool force_unclean,
    ElectionOutcomes& outcomes) {
  CO_TRY_ASSIGN(std::vector<Candidate> candidates,
                co_await read_candidates(std::exchange(remaining, {}), outcomes));
  CO_TRY_ASSIGN(const std::set<std::string> unclean,
                co_await unclean_topics(candidates, strategy, force_unclean, outcomes));
  std::vector<StateWrite> writes;
  std::vector<BrokerIds> recipients;
  for (const Candidate& candidate : candidates) {
    const ElectionRules rules{.strategy = strategy,
                              .unclean_allowed = unclean.contains(candidate.partition.topic),
                              .recovery_state_supported = env_.settings.has_recovery_state()};
    ElectionResult result =
        elect_leader(env_.context, candidate.partition, candidate.current.state, rules);
    if (!result.state) {
      fail(candidate.partition, ElectionOutcome::Kind::no_eligible_leader, to_string(strategy),
           outcomes);
      continue;
    }
    writes.push_back(
        {candidate.partition, std::move(*result.state), candidate.current.partition_epoch});
    recipients.push_back(std::move(result.recipients));
  }
  if (writes.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(const std::vector<StateWriteResult> results,
                co_await env_.store.update_states(writes));
  for (std::size_t i = 0; i < writes.size(); ++i) {
    StateWrite& write = writes[i];
    switch (results[i].outcome) {
      case StateWriteResult::Outcome::conflict: remaining.push_back(write.partition); break;
      case StateWriteResult::Outcome::failed:
        fail(write.partition, ElectionOutcome::Kind::failed, results[i].error.to_string(),
             outcomes);
        break;
      case StateWriteResult::Outcome::written: {
        PartitionEntry& entry = *env_.context.find(write.partition);
        LOG_INFO("partition {} has a leader leader={} leader_epoch={} isr={} strategy={}",
                 write.partition, write.state.leader, write.state.leader_epoch,
                 to_string(write.state.isr), to_string(strategy));
        outcomes[write.partition] = {ElectionOutcome::Kind::elected, write.state.leader};
        entry.leadership = Leadership{std::move(write.state), results[i].partition_epoch};
        entry.phase = PartitionPhase::online;
        env_.batch.add_leader_and_isr(recipients[i], write.partition, /*is_new=*/false);
        break;
      }
    }
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<std::vector<PartitionStateMachine::Candidate>>>
PartitionStateMachine::read_candidates(std::vector<TopicPartition> partitions,
                                       ElectionOutcomes& outcomes) {
  CO_TRY_ASSIGN(std::vector<StateRead> reads, co_await env_.store.read_states(partitions));
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    if (!reads[i]) {
      fail(partitions[i], ElectionOutcome::Kind::failed, reads[i].error().to_string(), outcomes);
    } else if (!*reads[i]) {
      fail(partitions[i], ElectionOutcome::Kind::failed, "it has no state znode", outcomes);
    } else if ((*reads[i])->state.controller_epoch > env_.context.epoch) {
      fail(partitions[i], ElectionOutcome::Kind::failed,
           "its state was written by a later controller", outcomes);
    } else {
      candidates.push_back({std::move(partitions[i]), std::move(**reads[i])});
    }
  }
  co_return candidates;
}

runtime::Task<base::Result<std::set<std::string>>> PartitionStateMachine::unclean_topics(
    std::vector<Candidate>& candidates, ElectionStrategy strategy, bool force_unclean,
    ElectionOutcomes& outcomes) {
  std::set<std::string> topics;
  if (strategy != ElectionStrategy::offline) co_return topics;
  for (const Candidate& candidate : candidates) {
    if (has_no_live_isr(env_.context, candidate.partition, candidate.current.state)) {
      topics.insert(candidate.partition.topic);
    }
  }
  if (force_unclean || topics.empty()) co_return topics;
  CO_TRY_ASSIGN(auto allowed, co_await env_.store.read_unclean_allowed(topics));
  std::erase_if(candidates, [&](const Candidate& candidate) {
    const auto found = allowed.find(candidate.partition.topic);
    if (found == allowed.end() || found->second ||
        !has_no_live_isr(env_.context, candidate.partition, candidate.current.state)) {
      return false;
    }
    fail(candidate.partition, ElectionOutcome::Kind::failed, found->second.error().to_string(),
         outcomes);
    return true;
  });
  std::erase_if(topics, [&](const std::string& topic) {
    const auto found = allowed.find(topic);
    return found == allowed.end() || !found->second || !*found->second;
  });
  co_return topics;
}

void PartitionStateMachine::fail(const TopicPartition& partition, ElectionOutcome::Kind kind,
                                 std::string_view reason, ElectionOutcomes& outcomes) const {
  const PartitionEntry* entry = std::as_const(env_.context).find(partition);
  const std::string_view phase = entry == nullptr ? "?" : to_string(entry->phase);
  if (kind == ElectionOutcome::Kind::no_eligible_leader) {
    LOG_WARN("partition {} stays {}: no replica may lead strategy={} replicas={}", partition, phase,
             reason, to_string(env_.context.replicas_of(partition)));
  } else {
    LOG_ERROR("partition {} stays {}: {}", partition, phase, reason);
  }
  outcomes[partition] = {kind, kNoLeader};
}

}  // namespace controller
