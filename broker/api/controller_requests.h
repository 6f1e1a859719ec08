// Purpose: what the controller sends to every broker, its own too: LeaderAndIsr (4), StopReplica
// (5), UpdateMetadata (6). Checks the broker epoch, then hands on.
#pragma once

#include <atomic>
#include <functional>
#include <optional>

#include "base/types.h"
#include "broker/api/api_handler.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/replica_control.h"

namespace api {

// The czxid of our own registration; a request for an earlier life of this broker is refused. A
// larger one is accepted: we may not have heard of our own registration yet.
using OwnBrokerEpoch = std::function<std::optional<base::BrokerEpoch>()>;

class LeaderAndIsrApi final : public ApiHandler {
 public:
  // Called with the topics of a request before their logs are made: creation writes no config
  // notification, so the settings of those that have no log here yet must be read.
  using PrepareTopics = std::function<runtime::Task<void>(std::vector<std::string> topics)>;
  LeaderAndIsrApi(replication::ReplicaControl& control, OwnBrokerEpoch own_epoch,
                  PrepareTopics prepare)
      : control_(control), own_epoch_(std::move(own_epoch)), prepare_(std::move(prepare)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  replication::ReplicaControl& control_;
  OwnBrokerEpoch own_epoch_;
  PrepareTopics prepare_;
};

class StopReplicaApi final : public ApiHandler {
 public:
  StopReplicaApi(replication::ReplicaControl& control, OwnBrokerEpoch own_epoch)
      : control_(control), own_epoch_(std::move(own_epoch)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  replication::ReplicaControl& control_;
  OwnBrokerEpoch own_epoch_;
};

class UpdateMetadataApi final : public ApiHandler {
 public:
  // Told of partitions that are gone from the metadata. Any data loop.
  using OnDeleted = std::function<void(std::vector<base::TopicPartition>)>;
  UpdateMetadataApi(replication::ReplicaControl& control, cluster::MetadataCache& metadata,
                    OwnBrokerEpoch own_epoch, OnDeleted on_deleted)
      : control_(control),
        metadata_(metadata),
        own_epoch_(std::move(own_epoch)),
        on_deleted_(std::move(on_deleted)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  replication::ReplicaControl& control_;
  cluster::MetadataCache& metadata_;
  OwnBrokerEpoch own_epoch_;
  OnDeleted on_deleted_;
};

}  // namespace api
