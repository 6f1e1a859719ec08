// Purpose: what the admin APIs need of the rest of the broker, in one place: who is controller, how
// to reach the control loop, how to wait for the metadata cache.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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

// A result of CreateTopics or CreatePartitions whose topic must show leaders before the answer.
struct AwaitedTopic {
  std::size_t result_index = 0;
  std::string name;
  std::int32_t partition_count = 0;
};
// The indexes of those results whose leaders did not show in time: REQUEST_TIMED_OUT. With a
// `timeout_ms` of 0 or less that is all of them, at once, as in Kafka.
runtime::Task<std::vector<std::size_t>> without_leaders(cluster::MetadataCache& metadata,
                                                        std::vector<AwaitedTopic> topics,
                                                        std::int32_t timeout_ms,
                                                        std::int64_t deadline_ms,
                                                        runtime::CancelToken token);

}  // namespace api
