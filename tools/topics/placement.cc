#include "tools/topics/placement.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/result.h"
#include "broker/cluster/topic_name.h"

namespace topics {

using cluster::PartitionReplicas;
using tools::failure;
using tools::Outcome;

namespace {

Outcome<PartitionReplicas> assign(const std::vector<cluster::AssignableBroker>& live,
                                  const cluster::AssignmentRequest& request) {
  auto assigned = cluster::assign_replicas(live, request);
  if (assigned) return std::move(*assigned);
  if (assigned.error().fault == cluster::AssignmentFault::incomplete_racks) {
    return failure(
        "Not all brokers have rack information. Add --disable-rack-aware in command line to make "
        "replica assignment without rack information.");
  }
  return failure(std::move(assigned.error().message));
}

Outcome<> check_manual(const PartitionReplicas& manual, std::size_t replication_factor,
                       const std::vector<cluster::AssignableBroker>& live) {
  std::set<std::int32_t> live_ids;
  for (const auto& broker : live) live_ids.insert(broker.id);
  for (const auto& [partition, replicas] : manual) {
    if (!std::ranges::includes(live_ids,
                               std::set<std::int32_t>(replicas.begin(), replicas.end()))) {
      return failure(fmt::format(
          "Some brokers specified for partition id {} are not available. Specified brokers: {}, "
          "available brokers: {}.",
          partition, fmt::join(replicas, ", "), fmt::join(live_ids, ", ")));
    }
    if (replicas.size() != replication_factor) {
      return failure(fmt::format(
          "Inconsistent replication factor between partitions, partition 0 has {} while partition "
          "{} has {}.",
          replication_factor, partition, replicas.size()));
    }
  }
  return {};
}

}  // namespace

Outcome<PartitionReplicas> place_new_topic(const std::vector<cluster::AssignableBroker>& live,
                                           std::int32_t partitions, std::int32_t replication_factor,
                                           runtime::Random& random) {
  const auto below_broker_count = [&] {
    return live.empty() ? 0 : static_cast<std::int32_t>(random.next() % live.size());
  };
  cluster::AssignmentRequest request;
  request.partitions = partitions;
  request.replication_factor = replication_factor;
  request.start_index = below_broker_count();
  request.shift = below_broker_count();
  return assign(live, request);
}

Outcome<PartitionReplicas> place_more_partitions(const std::string& topic,
                                                 const cluster::TopicAssignment& existing,
                                                 const std::vector<cluster::AssignableBroker>& live,
                                                 std::int32_t count,
                                                 const PartitionReplicas& manual) {
  const auto first = existing.partitions.find(0);
  if (first == existing.partitions.end() || first->second.replicas.empty()) {
    return failure(fmt::format(
        "Unexpected existing replica assignment for topic '{}', partition id 0 is missing.",
        topic));
  }
  const auto existing_count = static_cast<std::int32_t>(existing.partitions.size());
  if (count <= existing_count) {
    return failure(fmt::format(
        "The number of partitions for a topic can only be increased. Topic {} currently has {} "
        "partitions, {} would not be an increase.",
        topic, existing_count, count));
  }
  const cluster::ReplicaList& pattern = first->second.replicas;
  PartitionReplicas added(manual.lower_bound(existing_count), manual.end());
  if (!added.empty()) {
    TRY(check_manual(added, pattern.size(), live));
    return added;
  }
  cluster::AssignmentRequest request;
  request.partitions = count - existing_count;
  request.replication_factor = static_cast<std::int32_t>(pattern.size());
  request.start_index = cluster::start_index_for_added(live, pattern.front());
  request.shift = request.start_index;
  request.first_partition = existing_count;
  return assign(live, request);
}

Outcome<> check_collision(const std::string& name, const std::vector<std::string>& existing) {
  if (!cluster::has_collision_characters(name)) return {};
  std::vector<std::string> colliding;
  for (const std::string& other : existing) {
    if (cluster::topic_names_collide(name, other)) colliding.push_back(other);
  }
  if (colliding.empty()) return {};
  return failure(fmt::format("Topic '{}' collides with existing topics: {}", name,
                             fmt::join(colliding, ", ")));
}

}  // namespace topics
