#include "broker/api/controlled_shutdown.h"

#include "protocol/error_code.h"
#include "protocol/gen/controlled_shutdown.h"
#include "runtime/cross_loop.h"

namespace api {

runtime::Task<network::Reply> ControlledShutdownApi::handle(network::RequestContext& context,
                                                            std::int16_t) {
  const auto request = decode_request<protocol::ControlledShutdownRequest>(context);
  if (!request) co_return network::close_reply();
  controller::Controller* controller = &controller_;
  const auto response = co_await runtime::call_on(
      controller_.scope(),
      [controller, body = *request] { return controller->controlled_shutdown(body); });
  if (!response) {
    protocol::ControlledShutdownResponse refused;
    refused.error_code = protocol::to_wire(protocol::ErrorCode::kStaleControllerEpoch);
    co_return network::reply(context, refused);
  }
  co_return network::reply(context, *response);
}

}  // namespace api
