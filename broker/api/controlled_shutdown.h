// Purpose: ControlledShutdown (API 7): a broker asks the controller to move its leaderships away.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/controller/controller.h"

namespace api {

class ControlledShutdownApi final : public ApiHandler {
 public:
  explicit ControlledShutdownApi(controller::Controller& controller) : controller_(controller) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  controller::Controller& controller_;
};

}  // namespace api
