#include "broker/cluster/feature_watch.h"

#include "base/log.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/cluster_state.h"
#include "zkclient/client.h"

namespace cluster {
namespace {

constexpr std::int64_t kRetryMs = 1'000;

std::optional<std::int64_t> epoch_of(const zkclient::NodeData& node) {
  const auto features = decode_feature_node(node.data.value_or(""));
  if (!features) {
    LOG_WARN("unreadable /feature reason=\"{}\"", features.error().to_string());
    return std::nullopt;
  }
  if (!features->enabled) return std::nullopt;
  if (!features->features.empty()) {
    LOG_ERROR("/feature names {} finalized features, this broker supports none",
              features->features.size());
    return std::nullopt;
  }
  return node.stat.version.value();
}

}  // namespace

runtime::Task<void> FeatureWatch::on_session(zkclient::Client& client, bool first) {
  client_ = &client;
  is_stale_ = true;
  if (first) {
    scope_.spawn(run());
  } else {
    wake_.notify_all();
  }
  co_return;
}

void FeatureWatch::on_watch(const zkclient::WatchEvent& event) {
  if (event.path != paths::kFeature) return;
  is_stale_ = true;
  wake_.notify_all();
}

runtime::Task<void> FeatureWatch::run() {
  while (!scope_.cancelled()) {
    zkclient::Client* const client = client_;
    if (client == nullptr || !is_stale_) {
      if (!co_await wake_.wait(runtime::kNoTimeout, scope_.token())) co_return;
      continue;
    }
    is_stale_ = false;  // before reading: a change while we read sets it again
    const auto done = co_await read(*client);
    if (done) continue;
    is_stale_ = true;
    if (client_ == client) LOG_WARN("cannot read /feature reason=\"{}\"", done.error().to_string());
    if (!co_await runtime::sleep_ms(scope_.loop(), kRetryMs, scope_.token())) co_return;
  }
}

// exists() arms the watch whether the node is there or not.
runtime::Task<base::Result<void>> FeatureWatch::read(zkclient::Client& client) {
  CO_TRY_ASSIGN(const auto stat, co_await client.exists(std::string(paths::kFeature), true));
  std::optional<std::int64_t> known;
  if (stat) {
    const auto node = co_await client.get(std::string(paths::kFeature));
    if (!node && !node.error().is(zkclient::ZkError::no_node)) {
      co_return base::fail(node.error());
    }
    if (node) known = epoch_of(*node);
  }
  const std::int64_t epoch = known.value_or(kUnknown);
  if (epoch_.exchange(epoch) != epoch) LOG_INFO("finalized features epoch={}", epoch);
  co_return base::Result<void>();
}

runtime::Task<void> FeatureWatch::close() {
  on_expired();
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace cluster
