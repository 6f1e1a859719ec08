#include "protocol/gen/delete_groups.h"

#include <set>

#include "broker/api/group_admin.h"
#include "runtime/turn_budget.h"

namespace api {

runtime::Task<network::Reply> DeleteGroupsApi::handle(network::RequestContext& context,
                                                      std::int16_t) {
  const auto request = decode_request<protocol::DeleteGroupsRequest>(context);
  if (!request) co_return network::close_reply();
  protocol::DeleteGroupsResponse response;
  std::set<std::string> seen;
  runtime::TurnBudget turn;
  for (const std::string& group_id : request->groups_names) {
    if (turn.is_spent()) co_await turn.yield();
    if (!seen.insert(group_id).second) continue;
    const auto code = co_await coordinator_.remove_group(group_id, context.cancel);
    auto& result = response.results.emplace_back();
    result.group_id = group_id;
    result.error_code = protocol::to_wire(code);
  }
  co_return network::reply(context, response);
}

}  // namespace api
