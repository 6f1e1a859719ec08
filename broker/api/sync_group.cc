#include "protocol/gen/sync_group.h"
#include "broker/api/group_membership.h"

namespace api {
namespace {

using protocol::ErrorCode;

constexpr std::int16_t kFirstWithProtocol = 5;

groups::SyncRequest sync_request(protocol::SyncGroupRequest& from) {
  groups::SyncRequest request;
  request.member_id = std::move(from.member_id);
  request.instance_id = std::move(from.group_instance_id);
  request.generation = from.generation_id;
  request.protocol_type = std::move(from.protocol_type);
  request.protocol = std::move(from.protocol_name);
  for (auto& assignment : from.assignments) {
    request.assignments.push_back(
        {std::move(assignment.member_id), std::move(assignment.assignment)});
  }
  return request;
}

}  // namespace

runtime::Task<network::Reply> SyncGroupApi::handle(network::RequestContext& context,
                                                   std::int16_t version) {
  auto request = decode_request<protocol::SyncGroupRequest>(context);
  if (!request) co_return network::close_reply();
  groups::SyncAnswer answer;
  if (request->group_instance_id && !allows_static_members(coordinator_)) {
    answer.error = ErrorCode::kUnsupportedVersion;
  } else if (version >= kFirstWithProtocol &&
             (!request->protocol_type || !request->protocol_name)) {
    answer.error = ErrorCode::kInconsistentGroupProtocol;
  } else {
    std::string group_id = std::move(request->group_id);
    groups::SyncRequest sync = sync_request(*request);
    context.release_frame();  // followers wait for the leader's assignment
    answer = co_await coordinator_.sync(std::move(group_id), std::move(sync), context.cancel);
  }
  protocol::SyncGroupResponse response;
  response.error_code = protocol::to_wire(answer.error);
  response.protocol_type = std::move(answer.protocol_type);
  response.protocol_name = std::move(answer.protocol);
  response.assignment = std::move(answer.assignment);
  co_return network::reply(context, response);
}

}  // namespace api
