// Purpose: OffsetCommit (8), OffsetFetch (9), OffsetDelete (47): the committed offsets of groups.
// Version 0 of the first two is from before the coordinator: it stores in ZooKeeper, and any broker
// answers.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/cluster/consumer_offsets.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/groups/group_coordinator.h"

namespace api {

// Version 0's store, on the control loop.
struct ZookeeperOffsets {
  cluster::ConsumerOffsets& store;
  runtime::TaskScope& control_scope;
};
// What its failures are called.
inline protocol::ErrorCode zookeeper_error(const base::Error& error) {
  if (error.is(base::Errc::invalid_argument)) return protocol::ErrorCode::kInvalidGroupId;
  if (error.is(base::Errc::corrupt)) return protocol::ErrorCode::kUnknownServerError;
  return protocol::ErrorCode::kRequestTimedOut;  // no session, or an unknown outcome
}

class OffsetCommitApi final : public ApiHandler {
 public:
  OffsetCommitApi(groups::GroupCoordinator& coordinator, const cluster::MetadataCache& metadata,
                  ZookeeperOffsets in_zookeeper)
      : coordinator_(coordinator), metadata_(metadata), in_zookeeper_(in_zookeeper) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  // One code per offset.
  runtime::Task<std::vector<protocol::ErrorCode>> commit_to_zookeeper(
      std::string group_id, std::vector<groups::CommitRequest::Offset> offsets);

  groups::GroupCoordinator& coordinator_;
  const cluster::MetadataCache& metadata_;
  ZookeeperOffsets in_zookeeper_;
};

class OffsetFetchApi final : public ApiHandler {
 public:
  OffsetFetchApi(groups::GroupCoordinator& coordinator, const cluster::MetadataCache& metadata,
                 ZookeeperOffsets in_zookeeper)
      : coordinator_(coordinator), metadata_(metadata), in_zookeeper_(in_zookeeper) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  runtime::Task<groups::FetchOffsetsAnswer> fetch_from_zookeeper(
      std::string group_id, std::vector<base::TopicPartition> partitions);

  groups::GroupCoordinator& coordinator_;
  const cluster::MetadataCache& metadata_;
  ZookeeperOffsets in_zookeeper_;
};

class OffsetDeleteApi final : public ApiHandler {
 public:
  OffsetDeleteApi(groups::GroupCoordinator& coordinator, const cluster::MetadataCache& metadata)
      : coordinator_(coordinator), metadata_(metadata) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
  const cluster::MetadataCache& metadata_;
};

}  // namespace api
