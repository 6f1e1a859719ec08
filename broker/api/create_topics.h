// Purpose: CreateTopics (API 19). Served by the controller's broker: writes the topic to ZooKeeper
// and waits until this broker's metadata shows its leaders.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/api/control.h"
#include "config/describe.h"

namespace api {

class CreateTopicsApi final : public ApiHandler {
 public:
  // Where the broker's own values stand, for the configs shown in version 5 and above. Any thread.
  using BrokerSources = std::function<config::BrokerSources()>;
  CreateTopicsApi(AdminContext context, BrokerSources sources)
      : admin_(std::move(context)), sources_(std::move(sources)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  AdminContext admin_;
  BrokerSources sources_;
};

}  // namespace api
