// Purpose: what goes into and comes out of a group's state machine: requests and answers without
// their wire versions, and the record that survives in __consumer_offsets.
// Source: GroupCoordinator, GroupMetadata (3.9); KIP-345, KIP-394, KIP-800, KIP-814.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error_code.h"

namespace groups {

struct Time {
  std::int64_t now_ms = 0;   // monotonic
  std::int64_t wall_ms = 0;  // since the epoch
};

inline constexpr std::int32_t kNoGeneration = -1;

enum class GroupState : std::uint8_t {
  empty,
  preparing_rebalance,   // members join
  completing_rebalance,  // the leader's assignment is awaited
  stable,
  dead,  // removed; whoever still holds it gets COORDINATOR_NOT_AVAILABLE
};
// "Empty", "PreparingRebalance", ...: the names in DescribeGroups and ListGroups.
std::string_view name_of(GroupState state);

struct GroupSettings {
  std::int32_t min_session_timeout_ms = 6000;        // group.min.session.timeout.ms
  std::int32_t max_session_timeout_ms = 1800000;     // group.max.session.timeout.ms
  std::int32_t initial_rebalance_delay_ms = 3000;    // group.initial.rebalance.delay.ms
  std::int32_t max_size = 2147483647;                // group.max.size
  std::int32_t new_member_join_timeout_ms = 300000;  // fixed in Kafka
};

// A way to assign that a member supports, with what it tells the leader (opaque bytes).
struct MemberProtocol {
  std::string name;
  std::string metadata;
  bool operator==(const MemberProtocol&) const = default;
};

struct JoinRequest {
  std::string member_id;  // "": a new member, or a static one that has restarted
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;  // "/10.0.0.1"
  std::string protocol_type;
  std::vector<MemberProtocol> protocols;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;  // v0: the session timeout
  bool requires_known_member_id = false;  // JoinGroup v4+ (KIP-394)
  bool supports_skip_assignment = false;  // JoinGroup v9+ (KIP-814)
  std::string reason;                     // JoinGroup v8+ (KIP-800), for the history
};

struct JoinedMember {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string metadata;  // for the chosen protocol
};

struct JoinAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::int32_t generation = kNoGeneration;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  std::string member_id;
  std::vector<JoinedMember> members;  // the leader's answer only
  bool skip_assignment = false;
};

struct SyncRequest {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::int32_t generation = kNoGeneration;
  std::optional<std::string> protocol_type;  // checked when given (v5+)
  std::optional<std::string> protocol;
  struct Assignment {
    std::string member_id;
    std::string bytes;
  };
  std::vector<Assignment> assignments;  // from the leader
};

struct SyncAnswer {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string assignment;
};

struct LeavingMember {
  std::string member_id;  // "" with an instance id: whoever holds that
  std::optional<std::string> instance_id;
  std::string reason;  // LeaveGroup v5+
};

// Called exactly once, on the shard's loop, perhaps inside the call that it was given to. A reply
// does not call back into its group: what it starts runs from the loop's ready queue.
using JoinReply = std::move_only_function<void(JoinAnswer)>;
using SyncReply = std::move_only_function<void(SyncAnswer)>;

// The value of a group metadata record (key version 2), all its versions as one.
struct GroupRecord {
  struct Member {
    std::string member_id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    std::int32_t rebalance_timeout_ms = 0;
    std::int32_t session_timeout_ms = 0;
    std::string subscription;  // metadata for the group's protocol
    std::string assignment;
  };
  std::string protocol_type;
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  std::optional<std::int64_t> state_timestamp_ms;  // since when it is in its state (wall clock)
  std::vector<Member> members;
};

// DescribeGroups' view. Protocol, metadata and assignments are filled in Stable only.
struct GroupDescription {
  GroupState state = GroupState::dead;
  std::string protocol_type;
  std::string protocol;
  std::vector<GroupRecord::Member> members;
};

}  // namespace groups
