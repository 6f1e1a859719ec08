// Purpose: Produce (API 0): validate, append, answer, or wait for replicas and disk first.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/loop_scopes.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/partition_table.h"
#include "protocol/gen/produce.h"
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

  struct Promise {
    std::int16_t acks = 0;
    std::int32_t timeout_ms = 0;
  };
  // One partition of the request on its way to an answer.
  struct PartitionProduce {
    std::string_view topic;  // into the frame, or into `owned_topic` once that is set
    std::string owned_topic;
    std::int32_t index = 0;
    std::shared_ptr<replication::Partition> partition;  // null if the outcome is an error already
    storage::AppendRequest append;
    base::Result<replication::AppendOutcome> outcome{replication::AppendOutcome{}};
    std::optional<replication::StoredWait> wait;  // for what the acks promise
    std::vector<storage::RecordError> record_errors;
  };

 private:
  // Awaited at once.
  runtime::Task<std::vector<PartitionProduce>> look_up(const protocol::ProduceRequest& request,
                                                       network::RequestContext& context,
                                                       std::int16_t version);
  network::Reply answer_later(std::vector<PartitionProduce> produces, Promise promise,
                              network::RequestContext& context);

  replication::PartitionTable& partitions_;
  storage::LogManager& logs_;
  cluster::MetadataCache& metadata_;
  runtime::WorkerPool& heavy_;
  LoopScopes& scopes_;
};

}  // namespace api
