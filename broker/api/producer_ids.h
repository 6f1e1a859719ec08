// Purpose: InitProducerId (22) for idempotent producers, AllocateProducerIds (67) for brokers.
#pragma once

#include <functional>

#include "broker/api/api_handler.h"
#include "broker/controller/controller.h"
#include "broker/transactions/producer_id_source.h"

namespace api {

class InitProducerIdApi final : public ApiHandler {
 public:
  explicit InitProducerIdApi(transactions::ProducerIdSource& ids) : ids_(ids) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  transactions::ProducerIdSource& ids_;
};

class AllocateProducerIdsApi final : public ApiHandler {
 public:
  explicit AllocateProducerIdsApi(controller::Controller& controller) : controller_(controller) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  controller::Controller& controller_;
};

}  // namespace api
