// Purpose: a broker as the controller sees it: answers LeaderAndIsr, UpdateMetadata and StopReplica
// over the wire, and checks what it is told.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "base/types.h"
#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/stop_replica.h"
#include "protocol/gen/update_metadata.h"
#include "protocol/headers.h"
#include "runtime/task_scope.h"

namespace controller_sim {

class FakeBroker {
 public:
  FakeBroker(runtime::Loop& loop, std::string ip, std::uint16_t port);
  runtime::Task<void> stop();
  std::int32_t port() const { return listener_->local_address().port(); }

  struct Told {
    std::int32_t leader = -1;
    std::int32_t leader_epoch = -1;
    std::vector<std::int32_t> isr;
  };
  // What UpdateMetadata told, and what this broker itself hosts.
  std::map<base::TopicPartition, Told> metadata;
  std::map<base::TopicPartition, Told> hosted;
  std::set<base::TopicPartition> told_deleted;  // ever
  std::set<std::int32_t> live_brokers;
  std::int32_t controller_id = -1;
  std::int32_t controller_epoch = -1;
  int requests = 0;
  int faults = 0;                         // what a controller must never say
  bool is_muted = false;                  // takes requests and answers none
  std::set<base::TopicPartition> failed;  // stand in a log directory that failed

 private:
  runtime::Task<void> accept();
  runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream);
  base::Result<base::Buffer> answer(base::Bytes frame);
  bool is_stale(std::int32_t epoch);
  protocol::LeaderAndIsrResponse take(const protocol::LeaderAndIsrRequest& request);
  protocol::UpdateMetadataResponse take(const protocol::UpdateMetadataRequest& request);
  protocol::StopReplicaResponse take(const protocol::StopReplicaRequest& request);

  runtime::Loop& loop_;
  std::unique_ptr<runtime::Listener> listener_;
  runtime::TaskScope scope_;
};

}  // namespace controller_sim
