// Purpose: tells the controller that log directories of this broker have failed, by a node below
// /log_dir_event_notification; it answers with LeaderAndIsr for what this broker hosts and learns
// from the error codes which replicas are offline.
// Source: LogDirFailureHandler, KafkaZkClient.propagateLogDirEvent (3.9).
#pragma once

#include <cstdint>

#include "broker/cluster/session_listener.h"
#include "runtime/task_scope.h"

namespace cluster {

// Control loop.
class LogDirEvents final : public SessionListener {
 public:
  LogDirEvents(runtime::Loop& control, std::int32_t broker_id)
      : broker_id_(broker_id), wake_(control), scope_(control, "log directory events") {}

  // A directory has failed. Failures until the node is written are told by one node: the controller
  // asks for all partitions in any case. Told again in the next session where the outcome of a
  // write is not known.
  void announce();

  runtime::Task<void> on_session(zkclient::Client& client, bool first) override;
  void on_expired() override { client_ = nullptr; }
  void on_watch(const zkclient::WatchEvent&) override {}
  runtime::Task<void> close();

 private:
  runtime::Task<void> run();

  const std::int32_t broker_id_;
  zkclient::Client* client_ = nullptr;
  bool is_pending_ = false;
  runtime::Notify wake_;
  runtime::TaskScope scope_;
};

}  // namespace cluster
