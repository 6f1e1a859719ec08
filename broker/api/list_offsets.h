// Purpose: ListOffsets (API 2): offsets by time and the special timestamps -1 to -5.
#pragma once

#include <utility>

#include "broker/api/api_handler.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/partition_table.h"
#include "broker/replication/read_ahead.h"
#include "storage/log_manager.h"

namespace api {

class ListOffsetsApi final : public ApiHandler {
 public:
  // `disk`: looking a time up reads index and log.
  ListOffsetsApi(replication::PartitionTable& partitions, storage::LogManager& logs,
                 cluster::MetadataCache& metadata, replication::DiskWorkers disk)
      : partitions_(partitions), logs_(logs), metadata_(metadata), disk_(std::move(disk)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  replication::PartitionTable& partitions_;
  storage::LogManager& logs_;
  cluster::MetadataCache& metadata_;
  const replication::DiskWorkers disk_;
};

}  // namespace api
