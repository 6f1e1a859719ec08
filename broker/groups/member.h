// Purpose: one member of a group, with what it waits for. Plain data; the rules are in Group.
//
// Source: MemberMetadata.scala (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/group_types.h"

namespace groups {

struct Member {
  std::string id;
  std::optional<std::string> instance_id;  // set: a static member (KIP-345)
  std::string client_id;
  std::string client_host;
  std::vector<MemberProtocol> protocols;  // names are unique; the most preferred first
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::string assignment;          // of the current generation, once it is stored
  std::string pending_assignment;  // from the leader, being stored

  JoinReply join_reply;    // set: its JoinGroup waits
  SyncReply sync_reply;    // set: its SyncGroup waits
  bool is_new = false;     // in its first join phase: its deadline holds though it waits
  bool owes_sync = false;  // was told the generation and has not sent SyncGroup yet

  std::int64_t heard_ms = 0;     // last sign of life
  std::int64_t deadline_ms = 0;  // removed then; not looked at while it waits, unless it is new

  bool is_static() const { return instance_id.has_value(); }
  bool joins() const { return static_cast<bool>(join_reply); }
  bool can_expire() const { return is_new || (!join_reply && !sync_reply); }

  // What it told about `protocol`; nullptr if it doesn't support that.
  const std::string* metadata_for(std::string_view protocol) const {
    for (const MemberProtocol& each : protocols) {
      if (each.name == protocol) return &each.metadata;
    }
    return nullptr;
  }
};

}  // namespace groups
