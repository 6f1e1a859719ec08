#include "protocol/gen/offset_commit.h"

#include "base/java_string.h"
#include "base/saturating.h"
#include "broker/api/group_membership.h"
#include "broker/api/group_offsets.h"
#include "broker/cluster/topic_name.h"
#include "protocol/record_batch.h"
#include "runtime/cross_loop.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using RequestPartition =
    protocol::OffsetCommitRequest::OffsetCommitRequestTopic::OffsetCommitRequestPartition;

constexpr std::int64_t kDefaultRetention = -1;

// Of a partition that this broker has not heard of. Who does not know __consumer_offsets yet
// coordinates no group: clients look for the coordinator and come again.
ErrorCode unknown_partition(const cluster::MetadataSnapshot& snapshot, std::int16_t version) {
  if (version == 0) {  // kept in ZooKeeper, without a coordinator
    return snapshot.knows_topics() ? ErrorCode::kUnknownTopicOrPartition
                                   : ErrorCode::kCoordinatorLoadInProgress;
  }
  return snapshot.find_topic(cluster::kGroupMetadataTopic) != nullptr
             ? ErrorCode::kUnknownTopicOrPartition
             : ErrorCode::kNotCoordinator;
}

// What an offset is stored with. `wall_ms` is the time of the commit.
groups::CommittedOffset committed_offset(const RequestPartition& from, std::int64_t retention_ms,
                                         std::int64_t wall_ms) {
  groups::CommittedOffset value;
  value.offset = from.committed_offset;
  value.leader_epoch = from.committed_leader_epoch;
  value.metadata = from.committed_metadata.value_or("");
  value.commit_timestamp_ms =
      from.commit_timestamp == protocol::kNoTimestamp ? wall_ms : from.commit_timestamp;
  if (retention_ms != kDefaultRetention) {
    value.expire_timestamp_ms = base::saturating_add(wall_ms, retention_ms);
  }
  return value;
}

}  // namespace

runtime::Task<std::vector<ErrorCode>> OffsetCommitApi::commit_to_zookeeper(
    std::string group_id, std::vector<groups::CommitRequest::Offset> offsets) {
  std::vector<ErrorCode> codes;
  for (const auto& offset : offsets) {
    if (base::java_length(offset.value.metadata) > coordinator_.settings().metadata_length_max) {
      codes.push_back(ErrorCode::kOffsetMetadataTooLarge);
      continue;
    }
    const auto written = co_await runtime::call_on(
        in_zookeeper_.control_scope,
        [store = &in_zookeeper_.store, group_id,
         id = base::TopicPartition{offset.topic, offset.partition},
         value = offset.value.offset] { return store->write(group_id, id, value); });
    codes.push_back(written ? ErrorCode::kNone : zookeeper_error(written.error()));
  }
  co_return codes;
}

runtime::Task<network::Reply> OffsetCommitApi::handle(network::RequestContext& context,
                                                      std::int16_t version) {
  const auto request = decode_request<protocol::OffsetCommitRequest>(context);
  if (!request) co_return network::close_reply();
  const bool is_refused = request->group_instance_id && !allows_static_members(coordinator_);
  const std::int64_t wall_ms = runtime::Loop::current()->wall_ms();
  const auto snapshot = metadata_.snapshot();

  groups::CommitRequest commit;
  commit.member_id = request->member_id;
  commit.instance_id = request->group_instance_id;
  commit.generation = request->generation_id_or_member_epoch;
  protocol::OffsetCommitResponse response;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of what is committed, in the response
  runtime::TurnBudget turn;
  for (const auto& topic : request->topics) {
    if (turn.is_spent()) co_await turn.yield();
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& partition : topic.partitions) {
      if (turn.is_spent()) co_await turn.yield();
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (is_refused) {
        answer.error_code = protocol::to_wire(ErrorCode::kUnsupportedVersion);
      } else if (snapshot->find(topic.name, partition.partition_index) == nullptr) {
        answer.error_code = protocol::to_wire(unknown_partition(*snapshot, version));
      } else {
        places.emplace_back(response.topics.size() - 1, answers.partitions.size() - 1);
        commit.offsets.push_back(
            {topic.name, partition.partition_index,
             committed_offset(partition, request->retention_time_ms, wall_ms)});
      }
    }
  }
  if (!places.empty()) {
    std::vector<ErrorCode> codes;
    if (version == 0) {
      codes = co_await commit_to_zookeeper(request->group_id, std::move(commit.offsets));
    } else {
      codes = co_await coordinator_.commit(request->group_id, std::move(commit), context.cancel);
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      const auto [topic, partition] = places[i];
      response.topics[topic].partitions[partition].error_code = protocol::to_wire(codes[i]);
    }
  }
  co_return network::reply(context, response);
}

}  // namespace api
