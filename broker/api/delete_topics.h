// Purpose: DeleteTopics (API 20). Served by the controller's broker: marks topics in ZooKeeper and
// waits until this broker's metadata has lost them.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/control.h"

namespace api {

class DeleteTopicsApi final : public ApiHandler {
 public:
  DeleteTopicsApi(AdminContext context, bool delete_enabled)
      : admin_(std::move(context)), delete_enabled_(delete_enabled) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  AdminContext admin_;
  const bool delete_enabled_;  // delete.topic.enable
};

}  // namespace api
