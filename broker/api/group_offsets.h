// Purpose: OffsetCommit (8), OffsetFetch (9), OffsetDelete (47): the committed offsets of groups.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/groups/group_coordinator.h"

namespace api {

class OffsetCommitApi final : public ApiHandler {
 public:
  OffsetCommitApi(groups::GroupCoordinator& coordinator, const cluster::MetadataCache& metadata)
      : coordinator_(coordinator), metadata_(metadata) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
  const cluster::MetadataCache& metadata_;
};

class OffsetFetchApi final : public ApiHandler {
 public:
  explicit OffsetFetchApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
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
