#include "broker/cluster/assignment.h"

#include <algorithm>
#include <set>

namespace cluster {
namespace {

// More do not fit into the topic's znode, which bounds what one request can make us compute.
constexpr std::int32_t kPartitionsMax = 100'000;

struct Placement {
  std::vector<std::int32_t> brokers;          // in the order of placement
  std::map<std::int32_t, std::string> racks;  // empty: rack unaware
  std::size_t rack_count = 1;

  // The index of the `k`-th candidate behind `first`. 64 bits: shift and k only grow.
  std::size_t candidate(std::size_t first, std::int64_t shift, std::int64_t k) const {
    const auto n = static_cast<std::int64_t>(brokers.size());
    const std::int64_t step = 1 + (shift + k) % (n - 1);
    return static_cast<std::size_t>((static_cast<std::int64_t>(first) + step) % n);
  }
};

ReplicaList place_plain(const Placement& placement, std::size_t first, std::int64_t shift,
                        std::int32_t replication_factor) {
  ReplicaList replicas = {placement.brokers[first]};
  for (std::int32_t j = 0; j < replication_factor - 1; ++j) {
    replicas.push_back(placement.brokers[placement.candidate(first, shift, j)]);
  }
  return replicas;
}

// A broker is passed over while its rack has a replica and another rack has none.
ReplicaList place_by_rack(const Placement& placement, std::size_t first, std::int64_t shift,
                          std::int32_t replication_factor) {
  ReplicaList replicas = {placement.brokers[first]};
  std::set<std::string_view> racks_used = {placement.racks.at(replicas.front())};
  std::set<std::int32_t> brokers_used = {replicas.front()};
  const auto rack_shift = shift * static_cast<std::int64_t>(placement.rack_count);
  for (std::int64_t k = 0; replicas.size() < static_cast<std::size_t>(replication_factor); ++k) {
    const std::int32_t broker = placement.brokers[placement.candidate(first, rack_shift, k)];
    const std::string& rack = placement.racks.at(broker);
    if (racks_used.contains(rack) && racks_used.size() < placement.rack_count) continue;
    if (brokers_used.contains(broker)) continue;
    replicas.push_back(broker);
    racks_used.insert(rack);
    brokers_used.insert(broker);
  }
  return replicas;
}

}  // namespace

std::expected<PartitionReplicas, AssignmentError> assign_replicas(
    const std::vector<AssignableBroker>& brokers, const AssignmentRequest& request) {
  const auto refuse = [](AssignmentFault fault, std::string message) {
    return std::unexpected(AssignmentError{fault, std::move(message)});
  };
  if (request.partitions <= 0) {
    return refuse(AssignmentFault::partitions, "Number of partitions must be larger than 0.");
  }
  if (request.partitions > kPartitionsMax) {
    return refuse(AssignmentFault::partitions, "Number of partitions must not be larger than " +
                                                   std::to_string(kPartitionsMax) + ".");
  }
  if (request.replication_factor <= 0) {
    return refuse(AssignmentFault::replication_factor, "Replication factor must be larger than 0.");
  }
  if (static_cast<std::size_t>(request.replication_factor) > brokers.size()) {
    return refuse(AssignmentFault::replication_factor,
                  "Replication factor: " + std::to_string(request.replication_factor) +
                      " larger than available brokers: " + std::to_string(brokers.size()) + ".");
  }
  const auto has_rack = [](const AssignableBroker& broker) { return broker.rack.has_value(); };
  const bool by_rack = std::any_of(brokers.begin(), brokers.end(), has_rack);
  if (by_rack && !std::all_of(brokers.begin(), brokers.end(), has_rack)) {
    return refuse(AssignmentFault::incomplete_racks,
                  "Not all brokers have rack information for replica rack aware assignment.");
  }

  Placement placement;
  if (by_rack) {
    placement.brokers = rack_alternated(brokers);
    std::set<std::string_view> names;
    for (const AssignableBroker& broker : brokers) {
      placement.racks.emplace(broker.id, *broker.rack);
      names.insert(*broker.rack);
    }
    placement.rack_count = names.size();
  } else {
    for (const AssignableBroker& broker : brokers) placement.brokers.push_back(broker.id);
  }

  const auto n = static_cast<std::int64_t>(placement.brokers.size());
  std::int64_t shift = request.shift;
  PartitionReplicas result;
  for (std::int32_t i = 0; i < request.partitions; ++i) {
    const std::int64_t partition = std::int64_t{request.first_partition} + i;
    if (partition > 0 && partition % n == 0) ++shift;
    const auto first = static_cast<std::size_t>((partition + request.start_index) % n);
    result.emplace(static_cast<std::int32_t>(partition),
                   by_rack ? place_by_rack(placement, first, shift, request.replication_factor)
                           : place_plain(placement, first, shift, request.replication_factor));
  }
  return result;
}

std::vector<std::int32_t> rack_alternated(const std::vector<AssignableBroker>& brokers) {
  std::map<std::string, std::vector<std::int32_t>> by_rack;
  for (const AssignableBroker& broker : brokers) {
    by_rack[broker.rack.value_or("")].push_back(broker.id);
  }
  for (auto& [rack, ids] : by_rack) std::sort(ids.begin(), ids.end());
  std::vector<std::int32_t> result;
  for (std::size_t turn = 0; result.size() < brokers.size(); ++turn) {
    for (const auto& [rack, ids] : by_rack) {
      if (turn < ids.size()) result.push_back(ids[turn]);
    }
  }
  return result;
}

std::int32_t start_index_for_added(const std::vector<AssignableBroker>& brokers,
                                   std::int32_t first_replica_of_partition_0) {
  for (std::size_t i = 0; i < brokers.size(); ++i) {
    if (brokers[i].id >= first_replica_of_partition_0) return static_cast<std::int32_t>(i);
  }
  return 0;
}

std::optional<std::string> invalid_new_assignment(const PartitionReplicas& assignment) {
  std::set<std::size_t> sizes;
  for (const auto& [partition, replicas] : assignment) sizes.insert(replicas.size());
  if (sizes.size() != 1) return "All partitions should have the same number of replicas";
  for (const auto& [partition, replicas] : assignment) {
    if (std::set<std::int32_t>(replicas.begin(), replicas.end()).size() != replicas.size()) {
      return "Duplicate replica assignment found for partition " + std::to_string(partition);
    }
  }
  std::int32_t expected = 0;
  for (const auto& [partition, replicas] : assignment) {
    if (partition != expected++) {
      return "partitions should be a consecutive 0-based integer sequence";
    }
  }
  return std::nullopt;
}

}  // namespace cluster
