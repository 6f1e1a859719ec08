// Purpose: why and how a group rebalanced, from what a Barnabas coordinator tells with
// DescribeGroups (tag 31000), as text. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.h"

namespace consumer_groups {

struct PastCause {
  std::string kind;  // the coordinator's name for it: "member_left"
  std::string member_id;
  std::string client_id;
  std::string client_host;
  std::int64_t late_by_ms = 0;  // how long nothing was heard, for what timed out
  std::string reason;           // what the client said
};

struct PastRebalance {
  std::int64_t started_wall_ms = 0;
  std::int64_t from_generation = 0;
  std::int64_t to_generation = -1;  // -1: members still join
  std::int64_t members = 0;
  std::int64_t join_ms = -1;  // until all had joined
  std::int64_t sync_ms = -1;  // from there until the assignment was stored; -1: not yet
  std::string last_to_join;   // member id
  std::int64_t last_join_after_ms = 0;
  std::vector<PastCause> causes;
  std::int64_t dropped_causes = 0;
};

// A JSON array of objects with the fields above, in any order; fields that are missing keep their
// defaults, others are skipped: the broker may be older or newer.
tools::Outcome<std::vector<PastRebalance>> parse_history(std::string_view json);

// A table, the causes below each line. Control characters of clients' texts are not printed.
std::string format_history(const std::string& group, const std::vector<PastRebalance>& rebalances);

}  // namespace consumer_groups
