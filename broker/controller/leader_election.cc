#include "broker/controller/leader_election.h"

#include <algorithm>

namespace controller {

namespace {

template <class Accept>
std::optional<std::int32_t> first_of(const BrokerIds& candidates, Accept accept) {
  const auto found = std::ranges::find_if(candidates, accept);
  return found == candidates.end() ? std::nullopt : std::optional(*found);
}

template <class Keep>
BrokerIds filtered(const BrokerIds& ids, Keep keep) {
  BrokerIds kept;
  std::ranges::copy_if(ids, std::back_inserter(kept), keep);
  return kept;
}

cluster::PartitionState successor(const ControllerContext& context,
                                  const cluster::PartitionState& current, std::int32_t leader,
                                  BrokerIds isr) {
  return {.leader = leader,
          .leader_epoch = current.leader_epoch + 1,
          .isr = std::move(isr),
          .controller_epoch = context.epoch,
          .recovering = current.recovering};
}

ElectionResult elect_offline(const ControllerContext& context, const TopicPartition& partition,
                             const cluster::PartitionState& current, const ElectionRules& rules) {
  const auto is_online = [&](std::int32_t id) { return context.is_replica_online(id, partition); };
  const BrokerIds& assignment = context.replicas_of(partition);
  ElectionResult result{.state = {}, .recipients = filtered(assignment, is_online)};
  const auto clean =
      first_of(result.recipients, [&](std::int32_t id) { return contains(current.isr, id); });
  if (clean) {
    result.state = successor(context, current, *clean, filtered(current.isr, is_online));
  } else if (rules.unclean_allowed && !result.recipients.empty()) {
    const std::int32_t leader = result.recipients.front();
    result.state = successor(context, current, leader, {leader});
    if (rules.recovery_state_supported) result.state->recovering = true;
  }
  return result;
}

// Reassign and preferred: somebody of `candidates`, the ISR stays.
ElectionResult elect_within_isr(const ControllerContext& context, const TopicPartition& partition,
                                const cluster::PartitionState& current, const BrokerIds& candidates,
                                BrokerIds recipients) {
  const auto leader = first_of(candidates, [&](std::int32_t id) {
    return context.is_replica_online(id, partition) && contains(current.isr, id);
  });
  ElectionResult result{.state = {}, .recipients = std::move(recipients)};
  if (leader) result.state = successor(context, current, *leader, current.isr);
  return result;
}

ElectionResult elect_for_shutdown(const ControllerContext& context, const TopicPartition& partition,
                                  const cluster::PartitionState& current) {
  const BrokerIds present = filtered(context.replicas_of(partition), [&](std::int32_t id) {
    return context.is_replica_online(id, partition, /*include_shutting_down=*/true);
  });
  const auto leader = first_of(present, [&](std::int32_t id) {
    return contains(current.isr, id) && !context.is_shutting_down(id);
  });
  ElectionResult result{.state = {}, .recipients = present};
  if (leader) {
    result.state = successor(context, current, *leader, filtered(current.isr, [&](std::int32_t id) {
                               return !context.is_shutting_down(id);
                             }));
  }
  return result;
}

}  // namespace

std::string_view to_string(ElectionStrategy strategy) {
  switch (strategy) {
    case ElectionStrategy::offline: return "offline";
    case ElectionStrategy::reassign: return "reassign";
    case ElectionStrategy::preferred: return "preferred";
    case ElectionStrategy::controlled_shutdown: return "controlled shutdown";
  }
  return "?";
}

ElectionResult elect_leader(const ControllerContext& context, const TopicPartition& partition,
                            const cluster::PartitionState& current, const ElectionRules& rules) {
  const PartitionEntry* entry = context.find(partition);
  if (entry == nullptr) return {};
  const BrokerIds& replicas = entry->assignment.replicas;
  switch (rules.strategy) {
    case ElectionStrategy::offline: return elect_offline(context, partition, current, rules);
    case ElectionStrategy::reassign: {
      const BrokerIds target = entry->assignment.target();
      return elect_within_isr(context, partition, current, target, target);
    }
    case ElectionStrategy::preferred: {
      const BrokerIds first(replicas.begin(), replicas.begin() + (replicas.empty() ? 0 : 1));
      return elect_within_isr(context, partition, current, first, replicas);
    }
    case ElectionStrategy::controlled_shutdown:
      return elect_for_shutdown(context, partition, current);
  }
  return {};
}

std::optional<cluster::PartitionState> initial_state(const ControllerContext& context,
                                                     const TopicPartition& partition) {
  BrokerIds live = filtered(context.replicas_of(partition), [&](std::int32_t id) {
    return context.is_replica_online(id, partition);
  });
  if (live.empty()) return std::nullopt;
  const std::int32_t leader = live.front();
  return cluster::PartitionState{.leader = leader,
                                 .leader_epoch = 0,
                                 .isr = std::move(live),
                                 .controller_epoch = context.epoch,
                                 .recovering = false};
}

bool has_no_live_isr(const ControllerContext& context, const TopicPartition& partition,
                     const cluster::PartitionState& current) {
  return std::ranges::none_of(
      current.isr, [&](std::int32_t id) { return context.is_replica_online(id, partition); });
}

cluster::PartitionState without_replica(const ControllerContext& context,
                                        const cluster::PartitionState& current,
                                        std::int32_t broker) {
  const std::int32_t leader = current.leader == broker ? kNoLeader : current.leader;
  BrokerIds isr = current.isr.size() == 1 ? current.isr : without(current.isr, broker);
  return successor(context, current, leader, std::move(isr));
}

}  // namespace controller
