// Purpose: Metadata (API 3): brokers, controller, topics with their leaders; creates topics on
// first use.
#pragma once

#include <string>
#include <vector>

#include "broker/api/api_handler.h"
#include "broker/api/auto_create.h"
#include "broker/cluster/metadata_cache.h"
#include "protocol/gen/metadata.h"

namespace api {

class MetadataApi final : public ApiHandler {
 public:
  MetadataApi(const cluster::MetadataCache& metadata, std::string cluster_id,
              AutoCreate& auto_create)
      : metadata_(metadata), cluster_id_(std::move(cluster_id)), auto_create_(auto_create) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  runtime::Task<protocol::MetadataResponse::MetadataResponseTopic> missing_topic(std::string name,
                                                                                 bool may_create,
                                                                                 bool* is_answered);

  const cluster::MetadataCache& metadata_;
  const std::string cluster_id_;
  AutoCreate& auto_create_;
};

}  // namespace api
