// Purpose: why and how a group rebalanced: the last rebalances with causes, phase lengths and who
// was late. Kept in memory by the coordinator; shown by kafka-consumer-groups --history and in one
// log line per rebalance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/group_types.h"

namespace groups {

struct RebalanceCause {
  enum class Kind : std::uint8_t {
    member_joined,
    member_left,
    member_timed_out,  // no heartbeat
    subscription_changed,
    leader_rejoined,  // new partitions, or its reason says
    static_member_replaced,
    join_timed_out,  // did not rejoin in time
    sync_timed_out,  // did not send SyncGroup in time
    assignment_not_stored,
    group_too_large,  // loaded with more members than group.max.size
  };
  Kind kind = Kind::member_joined;
  std::string member_id;
  std::string client_id;
  std::string client_host;
  std::int64_t late_by_ms = 0;  // timeouts: how long nothing was heard
  std::string reason;           // what the client said (KIP-800), or the error
};
std::string_view name_of(RebalanceCause::Kind kind);

struct Rebalance {
  std::int64_t started_wall_ms = 0;
  std::int32_t from_generation = 0;
  std::optional<std::int32_t> to_generation;  // nullopt: members still join
  std::vector<RebalanceCause> causes;         // the first 16; dropped_causes counts the others
  std::size_t dropped_causes = 0;
  std::optional<std::int64_t> join_ms;  // until all had joined
  std::optional<std::int64_t> sync_ms;  // from there until the assignment was stored
  std::int32_t members = 0;
  std::string last_to_join;  // member id
  std::int64_t last_join_after_ms = 0;
};

// Texts from clients are cut to kTextMax bytes, so that a history is bounded.
class RebalanceHistory {
 public:
  static constexpr std::size_t kKept = 20;
  static constexpr std::size_t kCausesKept = 16;
  static constexpr std::size_t kTextMax = 256;

  // Oldest first; the last one may still be going on.
  const std::deque<Rebalance>& rebalances() const { return rebalances_; }

  // --- told by the group, in this order ---------------------------------------------------------
  void begin(std::int32_t from_generation, Time now);
  void add_cause(RebalanceCause cause);
  void member_joined(std::string_view member_id, Time now);
  void all_joined(std::int32_t to_generation, std::size_t members, Time now);
  // The assignment is stored (or the group is empty): the whole story of this rebalance.
  const Rebalance& synced(Time now);

 private:
  std::deque<Rebalance> rebalances_;
  std::int64_t phase_began_ms_ = 0;  // of the last rebalance: joining, then syncing
};

// "group G rebalanced: generation 4 -> 5, 3 members, join 312 ms (last: c1-... after 310 ms), sync
// 8 ms; because c2-... (client c2, host /10.0.0.7) sent no heartbeat for 10.0 s". What clients said
// is shown without control characters.
std::string describe(const std::string& group_id, const Rebalance& rebalance);

// A JSON array of objects, oldest first, with the fields of Rebalance and RebalanceCause; kinds by
// name_of, -1 for numbers that are not known yet. Always valid UTF-8.
std::string to_json(const RebalanceHistory& history);

}  // namespace groups
