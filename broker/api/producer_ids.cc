#include "broker/api/producer_ids.h"

#include "broker/api/error_mapping.h"
#include "protocol/gen/allocate_producer_ids.h"
#include "protocol/gen/init_producer_id.h"
#include "protocol/record_batch.h"
#include "runtime/cross_loop.h"

namespace api {

using protocol::ErrorCode;

runtime::Task<network::Reply> InitProducerIdApi::handle(network::RequestContext& context,
                                                        std::int16_t version) {
  const auto request = decode_request<protocol::InitProducerIdRequest>(context);
  if (!request) co_return network::close_reply();
  protocol::InitProducerIdResponse response;
  response.producer_epoch = protocol::kNoProducerEpoch;
  const bool half_known = (request->producer_id == protocol::kNoProducerId) !=
                          (request->producer_epoch == protocol::kNoProducerEpoch);
  if (version >= 3 && half_known) {
    response.error_code = protocol::to_wire(ErrorCode::kInvalidRequest);
  } else if (request->transactional_id) {
    // Transactions have no coordinator here yet: FindCoordinator has said so in words.
    response.error_code =
        protocol::to_wire(request->transactional_id->empty() ? ErrorCode::kInvalidRequest
                                                             : ErrorCode::kUnsupportedVersion);
  } else {
    const auto id = co_await ids_.next();
    if (id) {
      response.producer_id = id->value();
      response.producer_epoch = 0;
    } else {
      response.error_code = protocol::to_wire(ErrorCode::kCoordinatorLoadInProgress);
    }
  }
  co_return network::reply(context, response);
}

runtime::Task<network::Reply> AllocateProducerIdsApi::handle(network::RequestContext& context,
                                                             std::int16_t) {
  const auto request = decode_request<protocol::AllocateProducerIdsRequest>(context);
  if (!request) co_return network::close_reply();
  controller::Controller* controller = &controller_;
  auto response = co_await runtime::call_on(controller_.scope(), [controller, body = *request] {
    return controller->allocate_producer_ids(body);
  });
  if (!response) {
    protocol::AllocateProducerIdsResponse refused;
    refused.error_code = protocol::to_wire(ErrorCode::kNotController);
    co_return network::reply(context, refused);
  }
  co_return network::reply(context, *response);
}

}  // namespace api
