#include "protocol/gen/leave_group.h"

#include "broker/api/group_membership.h"

namespace api {
namespace {

constexpr std::int16_t kFirstBatched = 3;

std::vector<groups::LeavingMember> leaving_members(const protocol::LeaveGroupRequest& request,
                                                   std::int16_t version) {
  std::vector<groups::LeavingMember> members;
  if (version < kFirstBatched) {
    members.emplace_back().member_id = request.member_id;
    return members;
  }
  for (const auto& named : request.members) {
    members.push_back({named.member_id, named.group_instance_id, named.reason.value_or("")});
  }
  return members;
}

}  // namespace

runtime::Task<network::Reply> LeaveGroupApi::handle(network::RequestContext& context,
                                                    std::int16_t version) {
  const auto request = decode_request<protocol::LeaveGroupRequest>(context);
  if (!request) co_return network::close_reply();
  std::vector<groups::LeavingMember> members = leaving_members(*request, version);
  const auto answer = co_await coordinator_.leave(request->group_id, members, context.cancel);
  protocol::LeaveGroupResponse response;
  response.error_code = protocol::to_wire(answer.error);
  if (version < kFirstBatched) {
    if (response.error_code == 0 && !answer.members.empty()) {
      response.error_code = protocol::to_wire(answer.members.front());
    }
    co_return network::reply(context, response);
  }
  for (std::size_t i = 0; i < answer.members.size(); ++i) {
    auto& member = response.members.emplace_back();
    member.member_id = members[i].member_id;
    member.group_instance_id = members[i].instance_id;
    member.error_code = protocol::to_wire(answer.members[i]);
  }
  co_return network::reply(context, response);
}

}  // namespace api
