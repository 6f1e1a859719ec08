#include "broker/api/alter_partition.h"

#include "broker/api/control_checks.h"
#include "protocol/error_code.h"
#include "protocol/gen/alter_partition.h"
#include "runtime/cross_loop.h"

namespace api {

runtime::Task<network::Reply> AlterPartitionApi::handle(network::RequestContext& context,
                                                        std::int16_t version) {
  auto request = decode_request<protocol::AlterPartitionRequest>(context);
  if (!request) co_return network::close_reply();
  if (!is_valid(*request)) {
    protocol::AlterPartitionResponse invalid;
    invalid.error_code = protocol::to_wire(protocol::ErrorCode::kInvalidRequest);
    co_return network::reply(context, invalid);
  }
  const auto refused = take_invalid(*request, version);
  controller::Controller* controller = &controller_;
  auto response = co_await runtime::call_on(controller_.scope(),
                                            [controller, body = std::move(*request), version] {
                                              return controller->alter_partition(body, version);
                                            });
  if (!response) {
    protocol::AlterPartitionResponse not_controller;
    not_controller.error_code = protocol::to_wire(protocol::ErrorCode::kNotController);
    co_return network::reply(context, not_controller);
  }
  if (response->error_code == 0) add_refused(refused, *response);
  co_return network::reply(context, *response);
}

}  // namespace api
