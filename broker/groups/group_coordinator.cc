#include "broker/groups/group_coordinator.h"

#include <algorithm>
#include <type_traits>

#include "broker/cluster/topic_name.h"
#include "runtime/cross_loop.h"

namespace groups {
namespace {

using protocol::ErrorCode;

constexpr std::uint64_t kNeverCounted = UINT64_MAX;

// Runs `work` on the host's loop, at once if that is this one.
template <class Work>
void run_on_loop(ShardHost& host, Work work) {
  if (host.loop().is_current()) return work();
  host.loop().post(std::move(work));
}

// An answer of any request as a refusal.
void set_error(ErrorCode& answer, ErrorCode error) { answer = error; }
void set_error(std::vector<ErrorCode>& answer, ErrorCode error) {
  std::ranges::fill(answer, error);
}
template <class Answer>
void set_error(Answer& answer, ErrorCode error) {
  answer.error = error;
}

}  // namespace

GroupCoordinator::GroupCoordinator(Settings settings, const cluster::MetadataCache& metadata,
                                   const std::vector<runtime::Loop*>& loops,
                                   runtime::WorkerPool& disk)
    : settings_(std::move(settings)),
      metadata_(metadata),
      counted_version_(kNeverCounted),
      counted_partitions_(settings_.topic_partitions) {
  for (runtime::Loop* loop : loops) {
    hosts_.push_back(std::make_unique<ShardHost>(*loop, settings_, disk));
  }
}

GroupCoordinator::~GroupCoordinator() = default;

void GroupCoordinator::start() {
  for (const auto& host : hosts_) {
    host->loop().post([host = host.get()] { host->start(); });
  }
}

runtime::Task<void> GroupCoordinator::stop() {
  is_active_.store(false);
  for (const auto& host : hosts_) {
    host->loop().post([host = host.get()] { host->close(); });
    (void)co_await runtime::stop_scope(host->scope());
  }
}

// --- routing ------------------------------------------------------------------------------------

std::int32_t GroupCoordinator::partition_count() const {
  const std::uint64_t version = metadata_.version();
  if (counted_version_.load(std::memory_order_acquire) == version) {
    return counted_partitions_.load(std::memory_order_relaxed);
  }
  const auto snapshot = metadata_.snapshot();
  const auto* topic = snapshot->find_topic(cluster::kGroupMetadataTopic);
  const bool is_known = topic != nullptr && !topic->partitions.empty();
  const std::int32_t count =
      is_known ? static_cast<std::int32_t>(topic->partitions.size()) : settings_.topic_partitions;
  counted_partitions_.store(count, std::memory_order_relaxed);
  counted_version_.store(snapshot->version, std::memory_order_release);
  return count;
}

std::int32_t GroupCoordinator::partition_for(std::string_view group_id) const {
  return partition_of(group_id, partition_count());
}

std::optional<ErrorCode> GroupCoordinator::refusal(std::string_view group_id, EmptyId rule) const {
  if (group_id.empty() && rule == EmptyId::refused) return ErrorCode::kInvalidGroupId;
  if (!is_active_.load(std::memory_order_relaxed)) return ErrorCode::kCoordinatorNotAvailable;
  return std::nullopt;
}

template <class Answer, class Call>
runtime::Task<Answer> GroupCoordinator::ask(std::string group_id, EmptyId rule,
                                            runtime::CancelToken cancel, Answer failure,
                                            Call call) {
  if (const auto refused = refusal(group_id, rule)) {
    set_error(failure, *refused);
    co_return failure;
  }
  const std::int32_t partition = partition_for(group_id);
  ShardHost& host = host_of(partition);
  auto [sender, receiver] = runtime::one_shot<Answer>(*runtime::Loop::current());
  run_on_loop(host, [&host, partition, group_id = std::move(group_id), call = std::move(call),
                     sender = std::move(sender)]() mutable {
    if (host.is_closed()) return;
    Shard& shard = host.shard(partition);
    if constexpr (std::is_invocable_v<Call&, Shard&, const std::string&>) {
      sender.complete(call(shard, group_id));
    } else {
      call(shard, group_id, [sender = std::move(sender)](Answer answer) mutable {
        sender.complete(std::move(answer));
      });
    }
  });
  auto answer = co_await receiver.wait(runtime::kNoTimeout, cancel);
  if (answer) co_return std::move(*answer);
  set_error(failure, ErrorCode::kCoordinatorNotAvailable);
  co_return failure;
}

// --- requests -----------------------------------------------------------------------------------

runtime::Task<JoinAnswer> GroupCoordinator::join(std::string group_id, JoinRequest request,
                                                 runtime::CancelToken cancel) {
  JoinAnswer failure;
  failure.member_id = request.member_id;
  return ask(std::move(group_id), EmptyId::refused, cancel, std::move(failure),
             [request = std::move(request)](Shard& shard, const std::string& group,
                                            JoinReply reply) mutable {
               shard.join(group, std::move(request), std::move(reply));
             });
}

runtime::Task<SyncAnswer> GroupCoordinator::sync(std::string group_id, SyncRequest request,
                                                 runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::refused, cancel, SyncAnswer(),
             [request = std::move(request)](Shard& shard, const std::string& group,
                                            SyncReply reply) mutable {
               shard.sync(group, std::move(request), std::move(reply));
             });
}

runtime::Task<ErrorCode> GroupCoordinator::heartbeat(std::string group_id, HeartbeatRequest request,
                                                     runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::refused, cancel, ErrorCode::kNone,
             [request = std::move(request)](Shard& shard, const std::string& group) {
               return shard.heartbeat(group, request);
             });
}

runtime::Task<LeaveAnswer> GroupCoordinator::leave(std::string group_id,
                                                   std::vector<LeavingMember> members,
                                                   runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::refused, cancel, LeaveAnswer(),
             [members = std::move(members)](Shard& shard, const std::string& group) {
               return shard.leave(group, members);
             });
}

runtime::Task<std::vector<ErrorCode>> GroupCoordinator::commit(std::string group_id,
                                                               CommitRequest request,
                                                               runtime::CancelToken cancel) {
  std::vector<ErrorCode> failure(request.offsets.size());
  return ask(std::move(group_id), EmptyId::allowed, cancel, std::move(failure),
             [request = std::move(request)](Shard& shard, const std::string& group,
                                            CommitReply reply) mutable {
               shard.commit(group, std::move(request), std::move(reply));
             });
}

runtime::Task<FetchOffsetsAnswer> GroupCoordinator::fetch_offsets(std::string group_id,
                                                                  FetchOffsetsRequest request,
                                                                  runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::allowed, cancel, FetchOffsetsAnswer(),
             [request = std::move(request)](Shard& shard, const std::string& group) {
               return shard.fetch_offsets(group, request);
             });
}

runtime::Task<DeleteOffsetsAnswer> GroupCoordinator::delete_offsets(
    std::string group_id, std::vector<base::TopicPartition> partitions,
    runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::refused, cancel, DeleteOffsetsAnswer(),
             [partitions = std::move(partitions)](Shard& shard, const std::string& group) {
               return shard.delete_offsets(group, partitions);
             });
}

runtime::Task<DescribeAnswer> GroupCoordinator::describe(std::string group_id, bool with_history,
                                                         runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::allowed, cancel, DescribeAnswer(),
             [with_history](Shard& shard, const std::string& group) {
               return shard.describe(group, with_history);
             });
}

runtime::Task<ErrorCode> GroupCoordinator::remove_group(std::string group_id,
                                                        runtime::CancelToken cancel) {
  return ask(std::move(group_id), EmptyId::allowed, cancel, ErrorCode::kNone,
             [](Shard& shard, const std::string& group) { return shard.remove_group(group); });
}

runtime::Task<ListAnswer> GroupCoordinator::list(runtime::CancelToken cancel) {
  ListAnswer all;
  if (!is_active_.load()) {
    all.error = ErrorCode::kCoordinatorNotAvailable;
    co_return all;
  }
  for (const auto& host : hosts_) {
    auto [sender, receiver] = runtime::one_shot<ListAnswer>(*runtime::Loop::current());
    run_on_loop(*host, [host = host.get(), sender = std::move(sender)]() mutable {
      ListAnswer answer;
      for (const auto& [index, shard] : host->shards()) {
        if (shard->is_loading()) answer.error = ErrorCode::kCoordinatorLoadInProgress;
        if (!shard->is_loading()) shard->list(answer.groups);
      }
      sender.complete(std::move(answer));
    });
    auto answer = co_await receiver.wait(runtime::kNoTimeout, cancel);
    if (!answer) continue;
    if (answer->error != ErrorCode::kNone) all.error = answer->error;
    std::move(answer->groups.begin(), answer->groups.end(), std::back_inserter(all.groups));
  }
  co_return all;
}

// --- what the cluster tells ---------------------------------------------------------------------

void GroupCoordinator::on_partitions_deleted(std::vector<base::TopicPartition> partitions) {
  if (partitions.empty()) return;
  const auto shared =
      std::make_shared<const std::vector<base::TopicPartition>>(std::move(partitions));
  for (const auto& host : hosts_) {
    host->loop().post([host = host.get(), shared] {
      for (const auto& [index, shard] : host->shards()) shard->on_partitions_deleted(*shared);
    });
  }
}

void GroupCoordinator::on_leader(const std::shared_ptr<replication::Partition>& partition) {
  if (partition->id().topic != cluster::kGroupMetadataTopic) return;
  ShardHost& host = host_of(partition->id().partition);
  host.loop().post([&host, partition, epoch = partition->role().leader_epoch] {
    if (!host.is_closed()) host.shard(partition->id().partition).on_leader(partition, epoch);
  });
}

void GroupCoordinator::on_not_leader(const base::TopicPartition& id, base::LeaderEpoch epoch) {
  if (id.topic != cluster::kGroupMetadataTopic) return;
  ShardHost& host = host_of(id.partition);
  host.loop().post([&host, index = id.partition, epoch] {
    if (!host.is_closed()) host.shard(index).on_not_leader(epoch);
  });
}

}  // namespace groups
