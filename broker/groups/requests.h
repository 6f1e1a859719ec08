// Purpose: what a shard is asked beside joining and syncing (group_types.h), without wire versions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "broker/groups/group_types.h"
#include "broker/groups/offset_records.h"

namespace groups {

struct HeartbeatRequest {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::int32_t generation = kNoGeneration;
};

struct LeaveAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::vector<protocol::ErrorCode> members;  // one each; empty with an error
};

struct CommitRequest {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::int32_t generation = kNoGeneration;
  struct Offset {
    std::string topic;
    std::int32_t partition = 0;
    CommittedOffset value;
  };
  std::vector<Offset> offsets;
};
// One code per offset. Called exactly once, on the shard's loop, perhaps inside the call.
using CommitReply = std::move_only_function<void(std::vector<protocol::ErrorCode>)>;

struct FetchOffsetsRequest {
  std::optional<std::vector<base::TopicPartition>> partitions;  // nullopt: all
  bool require_stable = false;
};
struct FetchOffsetsAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  struct Offset {
    base::TopicPartition id;
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;
    std::string metadata;
    protocol::ErrorCode error = protocol::ErrorCode::kNone;
  };
  std::vector<Offset> offsets;  // those of one topic stand together
};

struct DeleteOffsetsAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::vector<protocol::ErrorCode> partitions;  // one each; empty with an error
};

struct DescribeAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  GroupDescription group;
  std::string history;  // JSON; only when asked for
};

struct ListedGroup {
  std::string id;
  std::string protocol_type;
  GroupState state = GroupState::empty;
};
struct ListAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::vector<ListedGroup> groups;
};

}  // namespace groups
