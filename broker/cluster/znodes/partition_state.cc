#include "broker/cluster/znodes/partition_state.h"

#include "broker/cluster/znodes/json_document.h"

namespace cluster {

std::string encode_partition_state(const PartitionState& state) {
  json::Writer node = json::Writer::object();
  node["controller_epoch"] = state.controller_epoch;
  node["leader"] = state.leader;
  node["version"] = 1;
  node["leader_epoch"] = state.leader_epoch;
  node["isr"] = state.isr;
  if (state.recovering) node["leader_recovery_state"] = 1;
  return json::dump(node);
}

base::Result<PartitionState> decode_partition_state(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "partition state"));
  PartitionState state;
  TRY_ASSIGN(state.leader, json::integer<std::int32_t>(object, "leader"));
  TRY_ASSIGN(state.leader_epoch, json::integer<std::int32_t>(object, "leader_epoch"));
  // The next election adds one to it.
  constexpr auto kEpochMax = std::numeric_limits<std::int32_t>::max();
  if (state.leader_epoch == kEpochMax) return json::bad_key("leader_epoch");
  TRY_ASSIGN(state.controller_epoch, json::integer<std::int32_t>(object, "controller_epoch"));
  const json::Value* isr = json::find(object, "isr");
  if (isr == nullptr) return json::bad_key("isr");
  TRY_ASSIGN(state.isr, json::to_integers(*isr, "isr"));
  TRY_ASSIGN(const auto recovery,
             json::integer_or<std::int32_t>(object, "leader_recovery_state", 0));
  state.recovering = recovery == 1;
  return state;
}

}  // namespace cluster
