// Purpose: one fetcher: the partitions that this broker follows from one leader (or a share of
// them), over one connection. The shell around FetchCore: asks, appends what comes, has workers cut
// logs, waits.
//
// Lives on one data loop, on which it appends. Changes come from any thread by follow() and
// unfollow(), in the order of calling. A leader that does not answer costs its own fetcher only; a
// partition that cannot go on pauses, and the others go on.
//
// Life: start(); close() on its loop, then runtime::stop_scope(scope()).
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/replication/follower/fetch_core.h"
#include "broker/replication/follower/fetch_requests.h"
#include "broker/replication/partition.h"
#include "client/broker_connection.h"
#include "config/server_config.h"
#include "runtime/task_scope.h"
#include "runtime/turn_budget.h"
#include "runtime/workers.h"

namespace replication::follower {

// What all fetchers of a broker use; outlives them.
struct FetcherEnvironment {
  base::BrokerId self{-1};
  config::InterBrokerProtocol protocol = config::kLatestInterBrokerProtocol;
  config::ReplicationConfig replication;
  std::string listener;  // on which leaders are reached
  std::int64_t connect_timeout_ms = 10'000;
  cluster::MetadataCache* metadata = nullptr;
  runtime::WorkerPool* resolver = nullptr;
  std::function<std::int64_t()> broker_epoch;  // any thread
  // Workers for what waits for the device of a log directory.
  std::function<runtime::WorkerPool&(const std::string& log_dir)> disk;
  // Logs of the directory were cut: their recovery points go to its checkpoint. On such a worker.
  std::function<void(const std::string& log_dir)> checkpoint;
};

class FollowerFetcher {
 public:
  FollowerFetcher(runtime::Loop& loop, base::BrokerId leader, std::int32_t index,
                  const FetcherEnvironment& environment);
  FollowerFetcher(const FollowerFetcher&) = delete;
  FollowerFetcher& operator=(const FollowerFetcher&) = delete;

  // --- any thread
  // ---------------------------------------------------------------------------------
  void follow(FetchCore::Order order) EXCLUDES(inbox_mutex_);
  void unfollow(const base::TopicPartition& id) EXCLUDES(inbox_mutex_);
  runtime::TaskScope& scope() { return scope_; }

  // --- its loop
  // -----------------------------------------------------------------------------------
  void start() { scope_.spawn(run()); }
  void close();

 private:
  struct Change {
    FetchCore::Order order;
    bool follows = false;
  };
  using FetchedData = protocol::FetchResponse::FetchableTopicResponse::PartitionData;

  void push(Change change) EXCLUDES(inbox_mutex_);
  void apply_changes() EXCLUDES(inbox_mutex_);
  void tell_changes();

  runtime::Task<void> run();
  // Everything that is to be asked now, once. False: the connection is of no use any more.
  runtime::Task<bool> ask_leader();
  runtime::Task<bool> connect();
  runtime::Task<void> disconnect();
  runtime::Task<void> back_off();
  runtime::Task<void> wait_for_change();
  template <class Response, class Request>
  runtime::Task<base::Result<client::TypedReply<Response>>> request(Request body,
                                                                    std::int16_t version,
                                                                    std::int64_t wait_ms);
  void connection_failed(const base::Error& error);

  runtime::Task<bool> ask_epochs();
  runtime::Task<bool> ask_ranges();
  runtime::Task<bool> fetch();
  runtime::Task<void> take(const protocol::FetchResponse& response, bool by_topic_id);
  void take_partition(FollowedPartition& partition, const FetchedData& data);
  void append(FollowedPartition& partition, const FetchedData& data);
  void append_failed(FollowedPartition& partition, const FetchedData& data,
                     const base::Error& error);
  void refused(FollowedPartition& partition, std::int16_t error_code);
  void stumble(FollowedPartition& partition, Trouble trouble, const std::string& why);

  void start_cuts();
  runtime::Task<void> cut_logs(std::string log_dir, std::vector<Cut> cuts);
  void hold_until_durable(FollowedPartition& partition, base::Offset end);
  static runtime::Task<void> await_durable(FollowerFetcher* self, base::TopicPartition id,
                                           std::uint64_t turn, base::Offset end,
                                           runtime::Receiver<base::Result<void>> receiver);
  runtime::Task<void> wait_for_flushes();

  runtime::Loop& loop_;
  const base::BrokerId leader_;
  const std::int32_t index_;
  const FetcherEnvironment& env_;
  const RequestVersions versions_;
  FetchCore core_;
  runtime::TaskScope scope_;
  runtime::Notify wake_;

  // Since the last line about them.
  std::size_t added_ = 0;
  std::size_t removed_ = 0;
  std::int64_t told_ms_ = INT64_MIN / 2;

  std::unique_ptr<client::BrokerConnection> connection_;
  // The request under way: when it was sent, and how long the leader may wait with the answer.
  std::int64_t asked_ms_ = -1;
  std::int64_t asked_wait_ms_ = 0;
  std::uint32_t failures_ = 0;  // of the connection, one after the other
  std::uint32_t hasty_answers_ = 0;
  std::size_t flushes_ = 0;  // that partitions wait for

  base::Mutex inbox_mutex_;  // a leaf
  std::deque<Change> inbox_ GUARDED_BY(inbox_mutex_);
};

// The own log as the core sees it. Any thread.
LogFacts facts_of(const Partition& partition);

}  // namespace replication::follower
