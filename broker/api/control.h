// Purpose: what the admin APIs need of the rest of the broker, in one place: who is controller, how
// to reach the control loop, how to wait for the metadata cache.
#pragma once

#include <functional>

#include "broker/cluster/metadata_cache.h"
#include "broker/cluster/topic_admin.h"
#include "runtime/cross_loop.h"

namespace api {

struct AdminContext {
  cluster::MetadataCache& metadata;
  cluster::TopicAdmin& admin;
  runtime::TaskScope& control_scope;
  std::function<bool()> is_controller;  // any thread
};

using MetadataCondition = std::function<bool(const cluster::MetadataSnapshot&)>;

// True once `condition` holds in this broker's metadata; false at the deadline (monotonic ms).
runtime::Task<bool> wait_for_metadata(cluster::MetadataCache& metadata, MetadataCondition condition,
                                      std::int64_t deadline_ms, runtime::CancelToken token);

// Every partition of the topic has a live leader.
bool has_leaders(const cluster::MetadataSnapshot& snapshot, const std::string& topic,
                 std::int32_t partition_count);

}  // namespace api
