#include "broker/api/offset_for_leader_epoch.h"

#include "broker/api/error_mapping.h"
#include "broker/api/partition_lookup.h"
#include "protocol/gen/offset_for_leader_epoch.h"
#include "runtime/turn_budget.h"

namespace api {

runtime::Task<network::Reply> OffsetForLeaderEpochApi::handle(network::RequestContext& context,
                                                              std::int16_t) {
  const auto decoded = decode_request<protocol::OffsetForLeaderEpochRequest>(context);
  if (!decoded) co_return network::close_reply();
  protocol::OffsetForLeaderEpochResponse response;
  runtime::TurnBudget turn;
  for (const auto& topic : decoded->topics) {
    auto& answers = response.topics.emplace_back();
    answers.topic = topic.topic;
    for (const auto& wanted : topic.partitions) {
      if (turn.is_spent()) co_await turn.yield();
      auto& answer = answers.partitions.emplace_back();
      answer.partition = wanted.partition;
      const auto partition =
          find_partition(partitions_, logs_, metadata_, topic.topic, wanted.partition);
      if (!partition) {
        answer.error_code = to_wire_code(partition.error());
        continue;
      }
      const auto leads = (*partition)->check_leader(base::LeaderEpoch(wanted.current_leader_epoch));
      if (!leads) {
        answer.error_code = to_wire_code(leads.error());
        continue;
      }
      const auto end =
          (*partition)->log().end_offset_for_epoch(base::LeaderEpoch(wanted.leader_epoch));
      answer.leader_epoch = end.epoch.value();
      answer.end_offset = end.end_offset.value();
    }
  }
  co_return network::reply(context, response);
}

}  // namespace api
