// Purpose: ISR changes by AlterPartition, a request to the controller (IBP 2.7-IV2 and above).
//
// Control loop. One request is under way at a time. It has no time limit of its own but the
// connection's; a change of controller ends it, so that its successor is asked at once.
// Source: AlterPartitionManager, Partition.handleAlterPartitionError (3.9); KIP-497, 704, 903.
#pragma once

#include <functional>

#include "broker/cluster/controller_link.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/isr_changes.h"
#include "config/inter_broker_protocol.h"
#include "protocol/gen/alter_partition.h"

namespace replication {

// Which versions may carry these changes: topic ids need every topic to have one, and IBP 2.8.
std::int16_t alter_partition_version_max(const std::vector<IsrChange>& changes,
                                         config::InterBrokerProtocol protocol);
protocol::AlterPartitionRequest alter_partition_request(const std::vector<IsrChange>& changes,
                                                        std::int16_t version);
// A verdict for each change; `again` for those that the answer does not name.
std::vector<IsrVerdict> verdicts_of(const std::vector<IsrChange>& changes,
                                    const protocol::AlterPartitionResponse& response,
                                    std::int16_t version);

class IsrByController final : public IsrRoute {
 public:
  struct Options {
    std::int32_t broker_id = -1;
    std::function<std::int64_t()> broker_epoch;  // of our registration; -1: none
    config::InterBrokerProtocol protocol = config::kLatestInterBrokerProtocol;
    std::int64_t request_timeout_ms = 30'000;
  };
  // `link`: of its own.
  IsrByController(cluster::ControllerLink& link, cluster::MetadataCache& metadata, Options options)
      : link_(link), metadata_(metadata), options_(std::move(options)) {}

  // Until the link is closed.
  void start() { link_.scope().spawn(watch_controller()); }
  runtime::Task<std::vector<IsrVerdict>> write(std::vector<IsrChange> changes) override;

 private:
  runtime::Task<void> watch_controller();

  cluster::ControllerLink& link_;
  cluster::MetadataCache& metadata_;
  const Options options_;
};

}  // namespace replication
