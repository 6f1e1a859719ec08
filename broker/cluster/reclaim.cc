#include "broker/cluster/reclaim.h"

#include <algorithm>

namespace cluster {

ReclaimAction decide_reclaim(const RegisteredNode& node, const BrokerInfo& own,
                             const std::optional<StoredSession>& stored, std::string_view boot_id) {
  if (stored && stored->session_id == node.owner_session) {
    const bool same_boot = !boot_id.empty() && stored->boot_id == boot_id;
    return same_boot ? ReclaimAction::take_over : ReclaimAction::wait;
  }
  // The order of endpoints follows the config file and may have been changed.
  const auto sorted = [](const BrokerInfo& broker) {
    std::vector<std::string> texts;
    for (const auto& endpoint : broker.endpoints) texts.push_back(endpoint.to_string());
    std::sort(texts.begin(), texts.end());
    return texts;
  };
  return node.info && sorted(*node.info) == sorted(own) ? ReclaimAction::wait : ReclaimAction::fail;
}

std::int64_t reclaim_wait_ms(std::int32_t own_timeout_ms,
                             const std::optional<StoredSession>& stored) {
  constexpr std::int64_t kReserveMs = 10'000;  // a tick and a leader election of ZooKeeper
  return std::max(own_timeout_ms, stored ? stored->timeout_ms : 0) + kReserveMs;
}

std::string endpoints_text(const BrokerInfo& broker) {
  std::string text;
  for (const auto& endpoint : broker.endpoints) {
    if (!text.empty()) text += ',';
    text += endpoint.to_string();
  }
  return text;
}

}  // namespace cluster
