// Purpose: the coordinator of one partition of __consumer_offsets: its groups and their offsets,
// kept in memory, changed by requests, made durable by appends to that partition.
//
// Lives on one loop and is never locked. It is `active` while this broker leads the partition and
// its log has been read; what comes before is COORDINATOR_LOAD_IN_PROGRESS, what comes after is
// NOT_COORDINATOR. Every group with something to wait for has one timer in the loop's heap; a group
// without members costs its memory only.
// Source: GroupCoordinator, GroupMetadataManager (3.9).
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/groups/group.h"
#include "broker/groups/group_offsets.h"
#include "broker/groups/partition_load.h"
#include "broker/groups/requests.h"
#include "broker/groups/settings.h"
#include "broker/replication/partition.h"
#include "runtime/task_scope.h"
#include "runtime/timer_queue.h"
#include "runtime/workers.h"

namespace groups {

class Shard final : public GroupStore {
 public:
  // `scope` is on the shard's loop; all references outlive the shard.
  Shard(std::int32_t index, const Settings& settings, runtime::TaskScope& scope,
        runtime::WorkerPool& disk);
  ~Shard() override;

  // --- leadership -------------------------------------------------------------------------------
  // Reads the log, unless it has been read and the shard only goes into another epoch.
  void on_leader(std::shared_ptr<replication::Partition> partition, base::LeaderEpoch epoch);
  // Whoever waits gets NOT_COORDINATOR. An older epoch than the shard's is no news.
  void on_not_leader(base::LeaderEpoch epoch);
  // The broker stops; whoever waits gets COORDINATOR_NOT_AVAILABLE.
  void close();
  bool is_loading() const { return state_ == State::loading; }

  // --- groups -----------------------------------------------------------------------------------
  void join(const std::string& group_id, JoinRequest request, JoinReply reply);
  void sync(const std::string& group_id, SyncRequest request, SyncReply reply);
  protocol::ErrorCode heartbeat(const std::string& group_id, const HeartbeatRequest& request);
  LeaveAnswer leave(const std::string& group_id, const std::vector<LeavingMember>& members);
  DescribeAnswer describe(const std::string& group_id, bool with_history) const;
  void list(std::vector<ListedGroup>& into) const;
  protocol::ErrorCode remove_group(const std::string& group_id);

  // --- offsets (shard_offsets.cc)
  // -----------------------------------------------------------------
  void commit(const std::string& group_id, CommitRequest request, CommitReply reply);
  FetchOffsetsAnswer fetch_offsets(const std::string& group_id,
                                   const FetchOffsetsRequest& request) const;
  DeleteOffsetsAnswer delete_offsets(const std::string& group_id,
                                     const std::vector<base::TopicPartition>& partitions);
  // The topics are gone, and so is what was committed for them.
  void on_partitions_deleted(const std::vector<base::TopicPartition>& partitions);
  // Removes what is past its retention, and groups that have nothing left. Gives way to other work
  // now and then.
  runtime::Task<void> expire();

  // --- GroupStore
  // ---------------------------------------------------------------------------------
  void store(Group& group, GroupRecord record, Done done) override;
  std::string new_member_id(const std::string& prefix) override;

 private:
  enum class State { none, loading, active };
  struct Entry;  // a group, its offsets, its timer
  using EntryPointer = std::shared_ptr<Entry>;
  struct CommitUnderWay;

  std::optional<protocol::ErrorCode> refusal() const;
  Time now() const;
  Entry* find(const std::string& group_id) const;
  Entry& add(const std::string& group_id);
  void arm(Entry& entry);
  static void on_timer(void* entry) noexcept;
  void erase(Entry& entry);
  void unload(protocol::ErrorCode why);

  runtime::Task<void> load(std::shared_ptr<replication::Partition> partition, std::uint64_t load_id,
                           std::shared_ptr<const std::atomic<bool>> stop);
  runtime::Task<void> install(LoadedPartition loaded, std::uint64_t load_id);
  void log_loaded(const LoadCounts& counts, std::int64_t took_ms) const;

  base::Result<replication::AppendOutcome> append(base::Result<base::Buffer> batch,
                                                  std::int16_t acks);
  // Until as many replicas have it as the settings ask for.
  runtime::Task<base::Result<void>> until_stored(std::shared_ptr<replication::Partition> partition,
                                                 base::Result<replication::AppendOutcome> appended);
  bool is_stored(const base::Result<replication::AppendOutcome>& appended) const;
  runtime::Task<void> finish_store(EntryPointer entry,
                                   std::shared_ptr<replication::Partition> partition,
                                   base::Result<replication::AppendOutcome> appended, Done done);
  runtime::Task<void> finish_commit(CommitUnderWay commit,
                                    std::shared_ptr<replication::Partition> partition,
                                    base::Result<replication::AppendOutcome> appended);
  // `stored`: where its batch stands in the log.
  void complete(CommitUnderWay& commit, const base::Result<base::Offset>& stored);
  // Tombstones for what was removed from an entry, and the end of a group that has nothing left.
  void after_removal(Entry& entry, const std::vector<base::TopicPartition>& removed,
                     bool is_deleted);
  std::vector<base::TopicPartition> take_expired(Entry& entry);

  const std::int32_t index_;
  const Settings& settings_;
  runtime::TaskScope& scope_;
  runtime::Loop& loop_;
  runtime::WorkerPool& disk_;

  State state_ = State::none;
  base::LeaderEpoch epoch_{-1};
  std::shared_ptr<replication::Partition> partition_;  // set unless none
  std::uint64_t load_id_ = 0;                          // of the newest load; others are stale
  std::shared_ptr<std::atomic<bool>> stop_load_;
  std::uint64_t last_commit_ = 0;
  std::unordered_map<std::string, EntryPointer> entries_;
};

// Here for both of the shard's sources.
struct Shard::Entry {
  Entry(Shard& owner, const std::string& id)
      : shard(owner), group(id, owner.settings_.groups, owner, owner.now()) {}
  Entry(Shard& owner, const std::string& id, GroupRecord record)
      : shard(owner), group(id, owner.settings_.groups, owner, std::move(record), owner.now()) {}

  Shard& shard;
  Group group;
  GroupOffsets offsets;
  runtime::Timer timer;
  std::int64_t armed_ms = Group::kNever;
  bool is_erased = false;  // no longer in the shard; something under way still holds it
};

struct Shard::CommitUnderWay {
  EntryPointer entry;
  GroupOffsets::CommitId id = 0;
  std::vector<CommitRequest::Offset> offsets;
  std::vector<protocol::ErrorCode> codes;  // kNone: in the batch
  CommitReply reply;
};

}  // namespace groups
