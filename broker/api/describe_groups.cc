#include "protocol/gen/describe_groups.h"

#include "broker/api/answer_budget.h"
#include "broker/api/group_admin.h"
#include "broker/api/operations.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using DescribedGroup = protocol::DescribeGroupsResponse::DescribedGroup;

constexpr std::int16_t kFirstWithOperations = 3;

DescribedGroup described(const std::string& group_id, groups::DescribeAnswer answer) {
  DescribedGroup group;
  group.group_id = group_id;
  group.error_code = protocol::to_wire(answer.error);
  if (answer.error != ErrorCode::kNone) return group;
  group.group_state = name_of(answer.group.state);
  group.protocol_type = std::move(answer.group.protocol_type);
  group.protocol_data = std::move(answer.group.protocol);
  for (auto& from : answer.group.members) {
    auto& member = group.members.emplace_back();
    member.member_id = std::move(from.member_id);
    member.group_instance_id = std::move(from.instance_id);
    member.client_id = std::move(from.client_id);
    member.client_host = std::move(from.client_host);
    member.member_metadata = std::move(from.subscription);
    member.member_assignment = std::move(from.assignment);
  }
  group.rebalance_history = std::move(answer.history);
  return group;
}

std::size_t size_of(const DescribedGroup& group) {
  std::size_t size = sizeof group + group.rebalance_history.size();
  for (const auto& member : group.members) {
    size += sizeof member + member.client_id.size() + member.member_metadata.size() +
            member.member_assignment.size();
  }
  return size;
}

}  // namespace

runtime::Task<network::Reply> DescribeGroupsApi::handle(network::RequestContext& context,
                                                        std::int16_t version) {
  const auto request = decode_request<protocol::DescribeGroupsRequest>(context);
  if (!request) co_return network::close_reply();
  const bool with_operations =
      version >= kFirstWithOperations && request->include_authorized_operations;
  protocol::DescribeGroupsResponse response;
  runtime::TurnBudget turn;
  AnswerBudget budget;
  for (const std::string& group_id : request->groups) {
    if (turn.is_spent()) co_await turn.yield();
    if (budget.is_spent()) {
      auto& refused = response.groups.emplace_back();
      refused.group_id = group_id;
      refused.error_code = protocol::to_wire(ErrorCode::kInvalidRequest);
      continue;
    }
    auto answer = co_await coordinator_.describe(group_id, request->include_rebalance_history,
                                                 context.cancel);
    const bool succeeded = answer.error == ErrorCode::kNone;
    response.groups.push_back(described(group_id, std::move(answer)));
    budget.take(size_of(response.groups.back()));
    if (with_operations && succeeded) {
      response.groups.back().authorized_operations = kAllGroupOperations;
    }
  }
  co_return network::reply(context, response);
}

}  // namespace api
