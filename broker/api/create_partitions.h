// Purpose: CreatePartitions (API 37). Served by the controller's broker.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/control.h"

namespace api {

class CreatePartitionsApi final : public ApiHandler {
 public:
  explicit CreatePartitionsApi(AdminContext context) : admin_(std::move(context)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  AdminContext admin_;
};

}  // namespace api
