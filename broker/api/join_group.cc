#include "protocol/gen/join_group.h"
#include "broker/api/group_membership.h"

namespace api {
namespace {

using protocol::ErrorCode;

constexpr std::int16_t kFirstWithRebalanceTimeout = 1;
constexpr std::int16_t kFirstWithKnownMemberId = 4;
constexpr std::int16_t kFirstWithNullProtocol = 7;
constexpr std::int16_t kFirstWithSkipAssignment = 9;

groups::JoinRequest join_request(const network::RequestContext& context,
                                 protocol::JoinGroupRequest& from, std::int16_t version) {
  groups::JoinRequest request;
  request.requires_known_member_id =
      version >= kFirstWithKnownMemberId && !from.group_instance_id.has_value();
  request.supports_skip_assignment = version >= kFirstWithSkipAssignment;
  request.member_id = std::move(from.member_id);
  request.instance_id = std::move(from.group_instance_id);
  request.client_id = context.client_id();
  request.client_host = "/" + context.connection->peer_host;
  request.protocol_type = std::move(from.protocol_type);
  request.session_timeout_ms = from.session_timeout_ms;
  request.rebalance_timeout_ms =
      version >= kFirstWithRebalanceTimeout ? from.rebalance_timeout_ms : from.session_timeout_ms;
  request.reason = from.reason.value_or("");
  for (auto& supported : from.protocols) {
    request.protocols.push_back({std::move(supported.name), std::move(supported.metadata)});
  }
  return request;
}

protocol::JoinGroupResponse response_of(groups::JoinAnswer from, std::int16_t version) {
  protocol::JoinGroupResponse response;
  response.error_code = protocol::to_wire(from.error);
  response.generation_id = from.generation;
  response.protocol_type = std::move(from.protocol_type);
  response.protocol_name = std::move(from.protocol);
  if (version < kFirstWithNullProtocol && !response.protocol_name) response.protocol_name = "";
  response.leader = std::move(from.leader);
  response.skip_assignment = version >= kFirstWithSkipAssignment && from.skip_assignment;
  response.member_id = std::move(from.member_id);
  for (auto& joined : from.members) {
    auto& member = response.members.emplace_back();
    member.member_id = std::move(joined.member_id);
    member.group_instance_id = std::move(joined.instance_id);
    member.metadata = std::move(joined.metadata);
  }
  return response;
}

}  // namespace

runtime::Task<network::Reply> JoinGroupApi::handle(network::RequestContext& context,
                                                   std::int16_t version) {
  auto request = decode_request<protocol::JoinGroupRequest>(context);
  if (!request) co_return network::close_reply();
  groups::JoinAnswer answer;
  if (request->group_instance_id && !allows_static_members(coordinator_)) {
    answer.error = ErrorCode::kUnsupportedVersion;
  } else {
    std::string group_id = std::move(request->group_id);
    groups::JoinRequest join = join_request(context, *request, version);
    context.release_frame();  // the answer may be minutes away
    answer = co_await coordinator_.join(std::move(group_id), std::move(join), context.cancel);
  }
  co_return network::reply(context, response_of(std::move(answer), version));
}

}  // namespace api
