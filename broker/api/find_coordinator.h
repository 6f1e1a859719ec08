// Purpose: FindCoordinator (API 10): which broker coordinates a group; creates __consumer_offsets
// when nobody has needed it before.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/auto_create.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/groups/group_coordinator.h"
#include "protocol/sentinels.h"

namespace api {

class FindCoordinatorApi final : public ApiHandler {
 public:
  FindCoordinatorApi(const groups::GroupCoordinator& coordinator,
                     const cluster::MetadataCache& metadata, AutoCreate& auto_create)
      : coordinator_(coordinator), metadata_(metadata), auto_create_(auto_create) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  struct Found {
    protocol::ErrorCode error = protocol::ErrorCode::kCoordinatorNotAvailable;
    std::string_view message;  // empty: the error's own
    std::int32_t node_id = protocol::kNoNode;
    std::string host;
    std::int32_t port = protocol::kNoNode;
  };
  // NONE if coordinators of such keys can be looked up now; else the answer for each.
  runtime::Task<Found> prepare(std::int8_t key_type, std::int16_t version);
  Found find(const cluster::MetadataSnapshot& snapshot, const std::string& listener,
             const std::string& key) const;

  const groups::GroupCoordinator& coordinator_;
  const cluster::MetadataCache& metadata_;
  AutoCreate& auto_create_;
};

}  // namespace api
