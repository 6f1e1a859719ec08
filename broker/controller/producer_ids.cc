#include "broker/controller/producer_ids.h"

#include "base/log.h"
#include "broker/controller/session_slot.h"

namespace controller {

using protocol::ErrorCode;

protocol::ErrorCode check_producer_id_request(const ControllerContext& context,
                                              const protocol::AllocateProducerIdsRequest& request) {
  const LiveBroker* broker = context.find_broker(request.broker_id);
  if (broker == nullptr) return ErrorCode::kBrokerIdNotRegistered;
  return broker->epoch == request.broker_epoch ? ErrorCode::kNone : ErrorCode::kStaleBrokerEpoch;
}

runtime::Task<base::Result<protocol::AllocateProducerIdsResponse>> allocate_producer_ids(
    Environment& env, protocol::AllocateProducerIdsRequest request) {
  protocol::AllocateProducerIdsResponse response;
  const ErrorCode error = check_producer_id_request(env.context, request);
  if (error != ErrorCode::kNone) {
    LOG_WARN("no producer ids for broker {} broker_epoch={} error_code={}", request.broker_id,
             request.broker_epoch, static_cast<int>(error));
    response.error_code = static_cast<std::int16_t>(error);
    co_return response;
  }
  for (;;) {
    const auto current = co_await env.store.read_producer_id_block();
    if (!current && is_of_the_node(current.error())) {
      LOG_ERROR("no producer ids for broker {}: {}", request.broker_id,
                current.error().to_string());
      response.error_code = static_cast<std::int16_t>(ErrorCode::kUnknownServerError);
      co_return response;
    }
    if (!current) co_return base::fail(current.error());
    auto next = cluster::next_producer_id_block(current->block, request.broker_id);
    if (!next) {
      LOG_ERROR("no producer ids are left: {}", next.error().to_string());
      response.error_code = static_cast<std::int16_t>(ErrorCode::kUnknownServerError);
      co_return response;
    }
    CO_TRY_ASSIGN(const bool written,
                  co_await env.store.write_producer_id_block(*next, current->version));
    if (!written) continue;
    LOG_INFO("producer ids given to broker {} first={} last={}", request.broker_id, next->first,
             next->last);
    response.producer_id_start = next->first;
    response.producer_id_len = cluster::ProducerIdBlock::kSize;
    co_return response;
  }
}

}  // namespace controller
