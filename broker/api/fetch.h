// Purpose: Fetch (API 1): sessions (KIP-227), topic ids (KIP-516), waiting, records sent from the
// log files.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/loop_scopes.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/fetch_session_table.h"
#include "broker/replication/fetcher.h"
#include "broker/replication/partition_table.h"
#include "protocol/error_code.h"
#include "protocol/gen/fetch.h"
#include "storage/log_manager.h"

namespace api {

class FetchApi final : public ApiHandler {
 public:
  struct Options {
    std::int32_t fetch_max_bytes = 57671680;  // fetch.max.bytes
    // Reads what is not in memory, for tasks of these scopes; empty: the data loop waits for it.
    replication::DiskWorkers disk;
    LoopScopes* scopes = nullptr;
  };
  FetchApi(Options options, replication::PartitionTable& partitions, storage::LogManager& logs,
           cluster::MetadataCache& metadata, replication::FetchSessionTable& sessions)
      : options_(std::move(options)),
        partitions_(partitions),
        logs_(logs),
        metadata_(metadata),
        sessions_(sessions) {}

  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  // A session for this request: an existing one, a new one, or one that ends with the request.
  struct Opened {
    std::shared_ptr<replication::FetchSession> session;
    bool is_full = false;
    bool is_cached = false;
    protocol::ErrorCode error = protocol::ErrorCode::kNone;
  };
  Opened open_session(const protocol::FetchRequest& request, std::int16_t version, bool is_follower,
                      runtime::Loop& loop);
  void settle_session(Opened& opened);
  std::shared_ptr<replication::Partition> look_up(replication::FetchEntry& entry, bool by_id) const;
  bool fill(replication::FetchEntry& entry, bool is_full, std::int16_t version,
            protocol::FetchResponse::FetchableTopicResponse::PartitionData& data) const;
  void fill_error(replication::FetchEntry& entry, std::int16_t version,
                  protocol::FetchResponse::FetchableTopicResponse::PartitionData& data) const;

  const Options options_;
  replication::PartitionTable& partitions_;
  storage::LogManager& logs_;
  cluster::MetadataCache& metadata_;
  replication::FetchSessionTable& sessions_;
};

}  // namespace api
