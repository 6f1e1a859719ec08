// Purpose: OffsetForLeaderEpoch (API 23): where a leader epoch ended (KIP-101, KIP-320).
#pragma once

#include "broker/api/api_handler.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/partition_table.h"
#include "storage/log_manager.h"

namespace api {

class OffsetForLeaderEpochApi final : public ApiHandler {
 public:
  OffsetForLeaderEpochApi(replication::PartitionTable& partitions, storage::LogManager& logs,
                          cluster::MetadataCache& metadata)
      : partitions_(partitions), logs_(logs), metadata_(metadata) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  replication::PartitionTable& partitions_;
  storage::LogManager& logs_;
  cluster::MetadataCache& metadata_;
};

}  // namespace api
