// Purpose: /feature as this broker sees it: the epoch of the finalized features, which ApiVersions
// tells clients (KIP-584). In ZooKeeper mode nobody finalizes a feature, so the epoch is all.
// Source: FinalizedFeatureChangeListener, FinalizedFeatureCache (3.9).
//
// A node with features in it belongs to brokers that support them: Apache Kafka ends itself then.
// Here it is an error line, and the epoch counts as unknown.
#pragma once

#include <atomic>
#include <cstdint>

#include "broker/cluster/session_listener.h"
#include "runtime/task_scope.h"

namespace cluster {

// Control loop, but for epoch().
class FeatureWatch final : public SessionListener {
 public:
  static constexpr std::int64_t kUnknown = -1;

  explicit FeatureWatch(runtime::Loop& control) : wake_(control), scope_(control, "features") {}

  // The version of /feature; kUnknown while it is missing, disabled or unreadable. Any thread.
  std::int64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }

  runtime::Task<void> on_session(zkclient::Client& client, bool first) override;
  void on_expired() override { client_ = nullptr; }
  void on_watch(const zkclient::WatchEvent& event) override;
  runtime::Task<void> close();

 private:
  runtime::Task<void> run();
  runtime::Task<base::Result<void>> read(zkclient::Client& client);

  std::atomic<std::int64_t> epoch_{kUnknown};
  zkclient::Client* client_ = nullptr;
  bool is_stale_ = false;
  runtime::Notify wake_;
  runtime::TaskScope scope_;
};

}  // namespace cluster
