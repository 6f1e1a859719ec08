#include "broker/api/list_offsets.h"

#include <map>
#include <set>

#include "broker/api/error_mapping.h"
#include "broker/api/partition_lookup.h"
#include "protocol/gen/list_offsets.h"
#include "protocol/record_batch.h"
#include "protocol/sentinels.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using storage::TimestampOffset;
using RequestPartition = protocol::ListOffsetsRequest::ListOffsetsTopic::ListOffsetsPartition;
using ResponsePartition =
    protocol::ListOffsetsResponse::ListOffsetsTopicResponse::ListOffsetsPartitionResponse;

constexpr std::int64_t kLatest = -1;
constexpr std::int64_t kEarliest = -2;
constexpr std::int64_t kMaxTimestamp = -3;   // version 7 and above
constexpr std::int64_t kEarliestLocal = -4;  // version 8 and above
constexpr std::int64_t kLatestTiered = -5;   // version 9 and above
constexpr std::int32_t kDebuggingReplica = -2;
constexpr std::int32_t kConsumer = -1;
// Clients of older versions do not know OFFSET_NOT_AVAILABLE.
constexpr std::int16_t kFirstWithNotAvailable = 5;

bool is_known_timestamp(std::int64_t timestamp, std::int16_t version) {
  if (timestamp >= kEarliest) return true;
  if (timestamp == kMaxTimestamp) return version >= 7;
  if (timestamp == kEarliestLocal) return version >= 8;
  return timestamp == kLatestTiered && version >= 9;
}

struct Lookup {
  std::shared_ptr<replication::Partition> partition;
  std::int64_t timestamp = 0;
  base::Offset end;       // exclusive: high watermark or last stable offset for consumers
  bool knows_end = true;  // a new leader does not until its epoch is committed
};

base::Result<TimestampOffset> not_found(const Lookup& lookup) {
  if (!lookup.knows_end) return base::fail(replication::ReplicaError::offset_not_available);
  return TimestampOffset{};
}

// May read the disk: runs on a worker.
base::Result<TimestampOffset> look_up(const Lookup& lookup) {
  storage::PartitionLog& log = lookup.partition->log();
  switch (lookup.timestamp) {
    case kLatest: {
      TRY_ASSIGN(TimestampOffset latest, not_found(lookup));
      latest.offset = lookup.end;
      latest.leader_epoch = lookup.partition->role().leader_epoch;
      return latest;
    }
    case kEarliest:
    case kEarliestLocal: return log.earliest_offset();
    case kLatestTiered: return TimestampOffset{};
    default: break;
  }
  TRY_ASSIGN(const auto found, lookup.timestamp == kMaxTimestamp
                                   ? log.offset_of_max_timestamp()
                                   : log.offset_for_timestamp(lookup.timestamp));
  if (!found || found->offset >= lookup.end) return not_found(lookup);
  return *found;
}

bool needs_disk(std::int64_t timestamp) { return timestamp >= 0 || timestamp == kMaxTimestamp; }

base::Offset end_for(const storage::PartitionLog& log, std::int32_t replica_id,
                     bool read_committed) {
  if (replica_id != kConsumer) return log.log_end_offset();
  return read_committed ? log.last_stable_offset() : log.high_watermark();
}

Lookup lookup_of(std::shared_ptr<replication::Partition> partition, std::int64_t timestamp,
                 const protocol::ListOffsetsRequest& request) {
  Lookup lookup;
  lookup.timestamp = timestamp;
  // Before the end is looked at, which may be behind until then.
  lookup.knows_end = request.replica_id != kConsumer || partition->knows_committed_end();
  lookup.end = end_for(partition->log(), request.replica_id, request.isolation_level == 1);
  lookup.partition = std::move(partition);
  return lookup;
}

void fill(ResponsePartition& answer, const base::Result<TimestampOffset>& found,
          std::int16_t version) {
  if (!found) {
    const bool is_early = found.error().is(replication::ReplicaError::offset_not_available);
    answer.error_code = is_early && version < kFirstWithNotAvailable
                            ? protocol::to_wire(ErrorCode::kLeaderNotAvailable)
                            : to_wire_code(found.error());
    answer.offset = protocol::kNoOffset;
    answer.timestamp = protocol::kNoTimestamp;
    return;
  }
  answer.timestamp = found->timestamp_ms;
  answer.offset = found->offset.value();
  answer.leader_epoch = found->leader_epoch.value();
}

// Version 0: descending segment starts. Consumers see nothing above the high watermark.
base::Result<std::vector<std::int64_t>> offsets_before(
    const std::shared_ptr<replication::Partition>& partition, const RequestPartition& request,
    std::int32_t replica_id, std::int64_t now_ms) {
  storage::PartitionLog& log = partition->log();
  TRY_ASSIGN(const auto offsets,
             log.offsets_before(request.timestamp, request.max_num_offsets, now_ms));
  std::vector<std::int64_t> answer;
  const base::Offset high_watermark = log.high_watermark();
  for (const base::Offset offset : offsets) {
    const bool hidden = replica_id == kConsumer && offset > high_watermark;
    const std::int64_t value = hidden ? high_watermark.value() : offset.value();
    if (answer.empty() || answer.back() != value) answer.push_back(value);
  }
  return answer;
}

}  // namespace

runtime::Task<network::Reply> ListOffsetsApi::handle(network::RequestContext& context,
                                                     std::int16_t version) {
  const auto decoded = decode_request<protocol::ListOffsetsRequest>(context);
  if (!decoded) co_return network::close_reply();
  const protocol::ListOffsetsRequest& request = *decoded;
  const std::int64_t now_ms = runtime::Loop::current()->wall_ms();

  // By number first: names of one topic are equal to their ends.
  std::map<std::pair<std::int32_t, std::string_view>, int> times_named;
  runtime::TurnBudget turn;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      if (turn.is_spent()) co_await turn.yield();
      ++times_named[{partition.partition_index, topic.name}];
    }
  }

  protocol::ListOffsetsResponse response;
  for (const auto& topic : request.topics) {
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      if (turn.is_spent()) co_await turn.yield();
      ResponsePartition& answer = answers.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      if (version >= 1 && times_named[{wanted.partition_index, topic.name}] > 1) {
        fill(answer, fail(ErrorCode::kInvalidRequest), version);
        continue;
      }
      if (!is_known_timestamp(wanted.timestamp, version)) {
        fill(answer, fail(ErrorCode::kUnsupportedVersion), version);
        continue;
      }
      auto partition =
          find_partition(partitions_, logs_, metadata_, topic.name, wanted.partition_index);
      if (!partition) {
        fill(answer, base::fail(partition.error()), version);
        continue;
      }
      if (request.replica_id != kDebuggingReplica) {
        const auto leads =
            (*partition)->check_leader(base::LeaderEpoch(wanted.current_leader_epoch));
        if (!leads) {
          fill(answer, base::fail(leads.error()), version);
          continue;
        }
      }
      runtime::WorkerPool& disk = disk_((*partition)->log().log_dir());
      if (version == 0) {
        auto offsets = co_await runtime::run_on(
            disk, [&] { return offsets_before(*partition, wanted, request.replica_id, now_ms); });
        if (offsets) {
          answer.old_style_offsets = std::move(*offsets);
        } else {
          answer.error_code = to_wire_code(offsets.error());
        }
        continue;
      }
      const Lookup lookup = lookup_of(*partition, wanted.timestamp, request);
      auto found = needs_disk(wanted.timestamp)
                       ? co_await runtime::run_on(disk, [&lookup] { return look_up(lookup); })
                       : look_up(lookup);
      if (version < 4 && found) found->leader_epoch = base::kNoLeaderEpoch;
      fill(answer, found, version);
    }
  }
  co_return network::reply(context, response);
}

}  // namespace api
