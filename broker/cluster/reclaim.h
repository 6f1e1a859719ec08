// Purpose: what to do when /brokers/ids/N is there already at start. Pure.
//
// Rules (docs/ARCHITECTURE.md, "Session reclaim"; the directory locks are held):
//   our stored session owns it, same boot   take that session over, close it, register
//   our stored session owns it, other boot  wait until it expires: the log's tail may be gone, and
//                                           the controller has to move leaders away first
//   another owner with our endpoints        wait: a predecessor whose secret was lost
//   another owner with other endpoints      fail: the id belongs to another broker
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "broker/cluster/session_store.h"
#include "broker/cluster/znodes/broker_info.h"

namespace cluster {

enum class ReclaimAction { take_over, wait, fail };

struct RegisteredNode {
  std::int64_t owner_session = 0;
  std::optional<BrokerInfo> info;  // nullopt: unreadable
};

ReclaimAction decide_reclaim(const RegisteredNode& node, const BrokerInfo& own,
                             const std::optional<StoredSession>& stored, std::string_view boot_id);

// How long to wait for the node to go: the larger of both timeouts plus 10 s.
std::int64_t reclaim_wait_ms(std::int32_t own_timeout_ms,
                             const std::optional<StoredSession>& stored);

// "PLAINTEXT://h:9092,SSL://h:9093"
std::string endpoints_text(const BrokerInfo& broker);

}  // namespace cluster
