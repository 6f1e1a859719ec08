// Purpose: /feature as this broker sees it: the epoch of the finalized features, which ApiVersions
// tells clients (KIP-584). In ZooKeeper mode nobody finalizes a feature, so the epoch is all.
// Source: FinalizedFeatureChangeListener, FinalizedFeatureCache (3.9).
//
// A node with features in it belongs to brokers that support them: Apache Kafka ends itself then.
// Here it is an error line, and the epoch counts as unknown.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "broker/cluster/session_listener.h"
#include "runtime/task_scope.h"

namespace cluster {

// Control loop, but for epoch().
class FeatureWatch final : public SessionListener {
 public:
  explicit FeatureWatch(runtime::Loop& control) : wake_(control), scope_(control, "features") {}

  // The version of /feature; nullopt while it is missing, disabled or unreadable. Any thread.
  std::optional<std::int64_t> epoch() const {
    const std::int64_t epoch = epoch_.load(std::memory_order_relaxed);
    return epoch == kUnknown ? std::nullopt : std::optional(epoch);
  }

  runtime::Task<void> on_session(zkclient::Client& client, bool first) override;
  void on_expired() override { client_ = nullptr; }
  void on_watch(const zkclient::WatchEvent& event) override;
  runtime::Task<void> close();

 private:
  static constexpr std::int64_t kUnknown = -1;  // no version of a node

  runtime::Task<void> run();
  runtime::Task<base::Result<void>> read(zkclient::Client& client);

  std::atomic<std::int64_t> epoch_{kUnknown};
  zkclient::Client* client_ = nullptr;
  bool is_stale_ = false;
  runtime::Notify wake_;
  runtime::TaskScope scope_;
};

}  // namespace cluster
