#include "broker/groups/shard_host.h"

namespace groups {

ShardHost::ShardHost(runtime::Loop& loop, const Settings& settings, runtime::WorkerPool& disk)
    : settings_(settings), disk_(disk), scope_(loop, "groups") {}

Shard& ShardHost::shard(std::int32_t index) {
  auto& place = shards_[index];
  if (place == nullptr) place = std::make_unique<Shard>(index, settings_, scope_, disk_);
  return *place;
}

void ShardHost::start() { scope_.spawn(expire_periodically()); }

void ShardHost::close() {
  is_closed_ = true;
  for (const auto& [index, shard] : shards_) shard->close();
}

runtime::Task<void> ShardHost::expire_periodically() {
  for (;;) {
    const auto slept = co_await runtime::sleep_ms(
        scope_.loop(), settings_.retention_check_interval_ms, scope_.token());
    if (!slept) co_return;
    // Shards are never taken away, but may be added while one gives way.
    for (auto place = shards_.begin(); place != shards_.end(); ++place) {
      co_await place->second->expire();
      if (is_closed_) co_return;
    }
  }
}

}  // namespace groups
