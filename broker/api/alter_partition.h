// Purpose: AlterPartition (API 56, KIP-497): leaders propose ISR changes to the controller.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/controller/controller.h"

namespace api {

class AlterPartitionApi final : public ApiHandler {
 public:
  explicit AlterPartitionApi(controller::Controller& controller) : controller_(controller) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  controller::Controller& controller_;
};

}  // namespace api
