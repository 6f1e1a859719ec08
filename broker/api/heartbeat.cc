#include "protocol/gen/heartbeat.h"

#include "broker/api/group_membership.h"

namespace api {

using protocol::ErrorCode;

runtime::Task<network::Reply> HeartbeatApi::handle(network::RequestContext& context, std::int16_t) {
  auto request = decode_request<protocol::HeartbeatRequest>(context);
  if (!request) co_return network::close_reply();
  ErrorCode code = ErrorCode::kUnsupportedVersion;
  if (!request->group_instance_id || allows_static_members(coordinator_)) {
    groups::HeartbeatRequest heartbeat;
    heartbeat.member_id = std::move(request->member_id);
    heartbeat.instance_id = std::move(request->group_instance_id);
    heartbeat.generation = request->generation_id;
    code = co_await coordinator_.heartbeat(std::move(request->group_id), std::move(heartbeat),
                                           context.cancel);
  }
  protocol::HeartbeatResponse response;
  response.error_code = protocol::to_wire(code);
  co_return network::reply(context, response);
}

}  // namespace api
