#include "broker/cluster/partition_growth.h"

#include <fmt/format.h>

#include <set>

namespace cluster {
namespace {

using protocol::ErrorCode;

TopicOutcome bad_assignment(std::string message) {
  return refuse(ErrorCode::kInvalidReplicaAssignment, std::move(message));
}

TopicOutcome check_count(const MorePartitions& request, const TopicAssignment& assignment) {
  const std::size_t old_count = assignment.partitions.size();
  for (const auto& [partition, replicas] : assignment.partitions) {
    if (!replicas.is_being_reassigned()) continue;
    return refuse(
        ErrorCode::kReassignmentInProgress,
        fmt::format("A partition reassignment is in progress for the topic '{}'.", request.name));
  }
  if (request.count < static_cast<std::int64_t>(old_count)) {
    return refuse(ErrorCode::kInvalidPartitions,
                  fmt::format("Topic currently has {} partitions, which is higher than the "
                              "requested {}.",
                              old_count, request.count));
  }
  if (request.count == static_cast<std::int64_t>(old_count)) {
    return refuse(ErrorCode::kInvalidPartitions,
                  fmt::format("Topic already has {} partitions.", old_count));
  }
  return {};
}

// What Kafka checks of a manual placement.
TopicOutcome check_manual(const std::vector<ReplicaList>& added,
                          const std::vector<AssignableBroker>& brokers, std::int32_t old_count,
                          std::int32_t new_count, std::size_t replication_factor) {
  std::set<std::int32_t> unknown;
  for (const ReplicaList& replicas : added) unknown.insert(replicas.begin(), replicas.end());
  for (const AssignableBroker& broker : brokers) unknown.erase(broker.id);
  if (!unknown.empty()) {
    return bad_assignment(
        fmt::format("Unknown broker(s) in replica assignment: {}.", fmt::join(unknown, ", ")));
  }
  if (added.size() != static_cast<std::size_t>(new_count - old_count)) {
    return bad_assignment(
        fmt::format("Increasing the number of partitions by {} but {} assignments provided.",
                    new_count - old_count, added.size()));
  }
  for (std::size_t i = 0; i < added.size(); ++i) {
    const auto partition = old_count + static_cast<std::int32_t>(i);
    const ReplicaList& replicas = added[i];
    if (replicas.empty()) {
      return bad_assignment(
          fmt::format("Cannot have replication factor of 0 for partition id {}.", partition));
    }
    if (std::set<std::int32_t>(replicas.begin(), replicas.end()).size() != replicas.size()) {
      return bad_assignment(fmt::format(
          "Duplicate brokers not allowed in replica assignment: {} for partition id {}.",
          fmt::join(replicas, ", "), partition));
    }
  }
  for (std::size_t i = 0; i < added.size(); ++i) {
    if (added[i].size() == replication_factor) continue;
    return bad_assignment(
        fmt::format("Inconsistent replication factor between partitions, partition 0 has {} while "
                    "partition {} has {}.",
                    replication_factor, old_count + static_cast<std::int32_t>(i), added[i].size()));
  }
  return {};
}

}  // namespace

TopicOutcome refuse_placement(const AssignmentError& error) {
  switch (error.fault) {
    case AssignmentFault::partitions: return refuse(ErrorCode::kInvalidPartitions, error.message);
    case AssignmentFault::replication_factor:
      return refuse(ErrorCode::kInvalidReplicationFactor, error.message);
    case AssignmentFault::incomplete_racks: break;
  }
  return refuse(ErrorCode::kUnknownServerError, error.message);
}

TopicOutcome grow_assignment(const MorePartitions& request,
                             const std::vector<AssignableBroker>& brokers,
                             TopicAssignment& assignment) {
  if (TopicOutcome checked = check_count(request, assignment); !checked.ok()) return checked;
  const auto old_count = static_cast<std::int32_t>(assignment.partitions.size());
  const auto first = assignment.partitions.find(0);
  if (first == assignment.partitions.end() || first->second.replicas.empty()) {
    return refuse(ErrorCode::kUnknownServerError,
                  fmt::format("Topic '{}' has no replicas of partition 0.", request.name));
  }
  const ReplicaList model = first->second.replicas;

  if (request.assignment) {
    TopicOutcome checked =
        check_manual(*request.assignment, brokers, old_count, request.count, model.size());
    if (!checked.ok()) return checked;
    for (std::size_t i = 0; i < request.assignment->size(); ++i) {
      assignment.partitions[old_count + static_cast<std::int32_t>(i)].replicas =
          (*request.assignment)[i];
    }
    return {};
  }
  AssignmentRequest placement;
  placement.partitions = request.count - old_count;
  placement.replication_factor = static_cast<std::int32_t>(model.size());
  placement.start_index = placement.shift = start_index_for_added(brokers, model.front());
  placement.first_partition = old_count;
  auto placed = assign_replicas(brokers, placement);
  if (!placed) return refuse_placement(placed.error());
  for (auto& [partition, replicas] : *placed) {
    assignment.partitions[partition].replicas = std::move(replicas);
  }
  return {};
}

}  // namespace cluster
