#include "broker/controller/replica_election.h"

#include "base/log.h"

namespace controller {

using protocol::ErrorCode;

ErrorCode check_election_request(const ControllerContext& context, const TopicPartition& partition,
                                 ElectionType type) {
  const PartitionEntry* entry = context.find(partition);
  if (entry == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  if (context.is_queued_for_deletion(partition.topic)) return ErrorCode::kInvalidTopicException;
  const std::int32_t leader = entry->leadership ? entry->leadership->state.leader : kNoLeader;
  const BrokerIds& replicas = entry->assignment.replicas;
  const bool is_needed = type == ElectionType::preferred
                             ? !replicas.empty() && leader != replicas.front()
                             : leader == kNoLeader || !context.is_live(leader);
  return is_needed ? ErrorCode::kNone : ErrorCode::kElectionNotNeeded;
}

std::vector<TopicPartition> imbalanced_partitions(const ControllerContext& context,
                                                  std::int32_t percentage) {
  struct Share {
    std::size_t preferred = 0;
    std::vector<TopicPartition> led_by_others;
  };
  std::map<std::int32_t, Share> shares;
  for (const auto& [name, topic] : context.topics()) {
    if (topic.queued_for_deletion) continue;
    for (const auto& [number, partition] : topic.partitions) {
      if (partition.assignment.replicas.empty()) continue;
      const std::int32_t preferred = partition.assignment.replicas.front();
      Share& share = shares[preferred];
      ++share.preferred;
      if (partition.leadership && partition.leadership->state.leader != preferred) {
        share.led_by_others.push_back({name, number});
      }
    }
  }
  std::vector<TopicPartition> chosen;
  for (auto& [broker, share] : shares) {
    if (share.led_by_others.size() * 100 <=
        share.preferred * static_cast<std::size_t>(percentage)) {
      continue;
    }
    for (TopicPartition& partition : share.led_by_others) {
      if (context.is_replica_online(broker, partition) &&
          contains(context.leadership_of(partition)->state.isr, broker)) {
        chosen.push_back(std::move(partition));
      }
    }
  }
  return chosen;
}

runtime::Task<base::Result<std::map<TopicPartition, ErrorCode>>> ReplicaElection::elect(
    std::vector<TopicPartition> partitions, ElectionType type) {
  std::map<TopicPartition, ErrorCode> codes;
  std::vector<TopicPartition> to_elect;
  for (TopicPartition& partition : partitions) {
    const ErrorCode code = check_election_request(env_.context, partition, type);
    codes[partition] = code;
    if (code == ErrorCode::kNone) to_elect.push_back(std::move(partition));
  }
  const bool is_unclean = type == ElectionType::unclean;
  CO_TRY_ASSIGN(
      const ElectionOutcomes outcomes,
      co_await machines_.partitions.to_online(
          std::move(to_elect), is_unclean ? ElectionStrategy::offline : ElectionStrategy::preferred,
          is_unclean));
  for (const auto& [partition, outcome] : outcomes) {
    if (outcome.kind == ElectionOutcome::Kind::elected) continue;
    codes[partition] = is_unclean ? ErrorCode::kEligibleLeadersNotAvailable
                                  : ErrorCode::kPreferredLeaderNotAvailable;
  }
  co_return codes;
}

runtime::Task<base::Result<void>> ReplicaElection::on_znode() {
  CO_TRY_ASSIGN(auto partitions, co_await env_.store.read_preferred_election());
  if (!partitions) co_return base::Result<void>();
  LOG_INFO("preferred election asked for in ZooKeeper partitions={}", partitions->size());
  CO_TRY(co_await elect(std::move(*partitions), ElectionType::preferred));
  // The watch of the read fires at the removal; what is asked for next is read then.
  co_return co_await env_.store.remove_preferred_election();
}

runtime::Task<base::Result<void>> ReplicaElection::rebalance(std::int32_t percentage) {
  std::vector<TopicPartition> partitions = imbalanced_partitions(env_.context, percentage);
  if (partitions.empty()) co_return base::Result<void>();
  LOG_INFO("leaders are rebalanced partitions={}", partitions.size());
  CO_TRY(
      co_await machines_.partitions.to_online(std::move(partitions), ElectionStrategy::preferred));
  co_return base::Result<void>();
}

}  // namespace controller
