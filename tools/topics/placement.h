// Purpose: what --zookeeper mode decides itself where --bootstrap-server leaves it to the broker:
// where replicas go and whether a new name may be. Pure. Source: AdminZkClient.scala (2.4).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "broker/cluster/assignment.h"
#include "runtime/random.h"
#include "tools/tool.h"

namespace topics {

inline constexpr std::string_view kCollisionWarning =
    "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') "
    "could collide. To avoid issues it is best to use either, but not both.";

// `live` ascending by id.
tools::Outcome<cluster::PartitionReplicas> place_new_topic(
    const std::vector<cluster::AssignableBroker>& live, std::int32_t partitions,
    std::int32_t replication_factor, runtime::Random& random);

// The partitions to add so that there are `count`; `manual` lists all partitions, those that exist
// included, or is empty.
tools::Outcome<cluster::PartitionReplicas> place_more_partitions(
    const std::string& topic, const cluster::TopicAssignment& existing,
    const std::vector<cluster::AssignableBroker>& live, std::int32_t count,
    const cluster::PartitionReplicas& manual);

// Fails if metrics of `name` would collide with those of another topic.
tools::Outcome<> check_collision(const std::string& name, const std::vector<std::string>& existing);

}  // namespace topics
