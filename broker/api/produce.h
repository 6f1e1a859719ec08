// Purpose: Produce (API 0): validate, append, answer, or wait for replicas first.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/loop_scopes.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/partition_table.h"
#include "runtime/workers.h"
#include "storage/log_manager.h"

namespace api {

class ProduceApi final : public ApiHandler {
 public:
  // `heavy` validates compressed batches that would hold a loop for too long.
  ProduceApi(replication::PartitionTable& partitions, storage::LogManager& logs,
             cluster::MetadataCache& metadata, runtime::WorkerPool& heavy, LoopScopes& scopes)
      : partitions_(partitions), logs_(logs), metadata_(metadata), heavy_(heavy), scopes_(scopes) {}

  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  replication::PartitionTable& partitions_;
  storage::LogManager& logs_;
  cluster::MetadataCache& metadata_;
  runtime::WorkerPool& heavy_;
  LoopScopes& scopes_;
};

}  // namespace api
