#include "broker/api/control.h"

#include <algorithm>

namespace api {

runtime::Task<bool> wait_for_metadata(cluster::MetadataCache& metadata, MetadataCondition condition,
                                      std::int64_t deadline_ms, runtime::CancelToken token) {
  runtime::Loop& loop = *runtime::Loop::current();
  for (;;) {
    // The version first: an update between look and wait is not missed.
    const std::uint64_t version = metadata.version();
    if (condition(*metadata.snapshot())) co_return true;
    const std::int64_t left_ms = deadline_ms - loop.now_ms();
    if (left_ms <= 0) co_return false;
    const auto changed = co_await metadata.changed(version, left_ms, token);
    if (!changed) co_return false;
  }
}

bool has_leaders(const cluster::MetadataSnapshot& snapshot, const std::string& topic,
                 std::int32_t partition_count) {
  const auto* known = snapshot.find_topic(topic);
  if (known == nullptr) return false;
  if (known->partitions.size() < static_cast<std::size_t>(std::max(partition_count, 0))) {
    return false;
  }
  return std::all_of(known->partitions.begin(), known->partitions.end(),
                     [&](const auto& partition) { return snapshot.is_alive(partition->leader); });
}

runtime::Task<std::vector<std::size_t>> without_leaders(cluster::MetadataCache& metadata,
                                                        std::vector<AwaitedTopic> topics,
                                                        std::int32_t timeout_ms,
                                                        std::int64_t deadline_ms,
                                                        runtime::CancelToken token) {
  std::vector<std::size_t> missing;
  for (const AwaitedTopic& topic : topics) {
    const bool ready = timeout_ms > 0 && co_await wait_for_metadata(
                                             metadata,
                                             [name = topic.name, count = topic.partition_count](
                                                 const cluster::MetadataSnapshot& snapshot) {
                                               return has_leaders(snapshot, name, count);
                                             },
                                             deadline_ms, token);
    if (!ready) missing.push_back(topic.result_index);
  }
  co_return missing;
}

}  // namespace api
