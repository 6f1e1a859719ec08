// Purpose: the group coordinator as the rest of the broker sees it: finds the shard of a group and
// asks it on its loop.
//
// Any data loop asks; the answer comes on the asking loop. A shard whose loop is the asking one is
// called directly. `cancel` ends the waiting only (a connection has gone): what was asked for
// happens all the same, as in Kafka.
// Source: GroupCoordinator, GroupCoordinatorAdapter, KafkaApis (3.9).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/cluster/metadata_cache.h"
#include "broker/groups/requests.h"
#include "broker/groups/settings.h"
#include "broker/groups/shard_host.h"
#include "broker/replication/replica_control.h"

namespace groups {

class GroupCoordinator final : public replication::LeadershipListener {
 public:
  // `loops`: the data loops; `disk` reads logs. All references outlive the object.
  GroupCoordinator(Settings settings, const cluster::MetadataCache& metadata,
                   const std::vector<runtime::Loop*>& loops, runtime::WorkerPool& disk);
  ~GroupCoordinator() override;

  // Once, from any thread, when the loops run.
  void start();
  // From any loop: whoever waits is answered, everything later is COORDINATOR_NOT_AVAILABLE. The
  // logs must still be open.
  runtime::Task<void> stop();

  const Settings& settings() const { return settings_; }
  std::int32_t partition_for(std::string_view group_id) const;
  // Whether the controller has told this broker anything yet. Any thread.
  bool knows_cluster() const { return !metadata_.snapshot()->brokers->empty(); }

  // --- requests
  // -----------------------------------------------------------------------------------
  runtime::Task<JoinAnswer> join(std::string group_id, JoinRequest request,
                                 runtime::CancelToken cancel);
  runtime::Task<SyncAnswer> sync(std::string group_id, SyncRequest request,
                                 runtime::CancelToken cancel);
  runtime::Task<protocol::ErrorCode> heartbeat(std::string group_id, HeartbeatRequest request,
                                               runtime::CancelToken cancel);
  runtime::Task<LeaveAnswer> leave(std::string group_id, std::vector<LeavingMember> members,
                                   runtime::CancelToken cancel);
  runtime::Task<std::vector<protocol::ErrorCode>> commit(std::string group_id,
                                                         CommitRequest request,
                                                         runtime::CancelToken cancel);
  runtime::Task<FetchOffsetsAnswer> fetch_offsets(std::string group_id, FetchOffsetsRequest request,
                                                  runtime::CancelToken cancel);
  runtime::Task<DeleteOffsetsAnswer> delete_offsets(std::string group_id,
                                                    std::vector<base::TopicPartition> partitions,
                                                    runtime::CancelToken cancel);
  runtime::Task<DescribeAnswer> describe(std::string group_id, bool with_history,
                                         runtime::CancelToken cancel);
  runtime::Task<protocol::ErrorCode> remove_group(std::string group_id,
                                                  runtime::CancelToken cancel);
  // Of all shards; COORDINATOR_LOAD_IN_PROGRESS, with what is there, while one of them loads.
  runtime::Task<ListAnswer> list(runtime::CancelToken cancel);

  // Topics were deleted (UpdateMetadata): what was committed for them goes. Any thread.
  void on_partitions_deleted(std::vector<base::TopicPartition> partitions);

  // --- LeadershipListener (the lanes of the log directories)
  // ----------------------------------------------------
  void on_leader(const std::shared_ptr<replication::Partition>& partition) override;
  void on_not_leader(const base::TopicPartition& id, base::LeaderEpoch epoch) override;

 private:
  enum class EmptyId { allowed, refused };
  std::optional<protocol::ErrorCode> refusal(std::string_view group_id, EmptyId rule) const;
  std::int32_t partition_count() const;
  ShardHost& host_of(std::int32_t partition) const {
    return *hosts_[static_cast<std::size_t>(partition) % hosts_.size()];
  }
  // `call(shard, group id)`, whose result is the answer, or `call(shard, group id, reply)` runs on
  // the shard's loop. `failure` with an error in it is the answer when nobody else gives one.
  template <class Answer, class Call>
  runtime::Task<Answer> ask(std::string group_id, EmptyId rule, runtime::CancelToken cancel,
                            Answer failure, Call call);

  const Settings settings_;
  const cluster::MetadataCache& metadata_;
  std::vector<std::unique_ptr<ShardHost>> hosts_;  // by loop
  std::atomic<bool> is_active_{true};
  // The partition count as of a metadata version, so that a request costs no look-up.
  mutable std::atomic<std::uint64_t> counted_version_;
  mutable std::atomic<std::int32_t> counted_partitions_;
};

}  // namespace groups
