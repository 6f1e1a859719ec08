// Purpose: DescribeCluster (API 60, KIP-700).
#pragma once

#include <string>

#include "broker/api/api_handler.h"
#include "broker/cluster/metadata_cache.h"

namespace api {

class DescribeClusterApi final : public ApiHandler {
 public:
  DescribeClusterApi(const cluster::MetadataCache& metadata, std::string cluster_id)
      : metadata_(metadata), cluster_id_(std::move(cluster_id)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  const cluster::MetadataCache& metadata_;
  const std::string cluster_id_;
};

}  // namespace api
