// Purpose: DescribeConfigs (32), AlterConfigs (33), IncrementalAlterConfigs (44) for topics and
// brokers.
#pragma once

#include <functional>

#include "broker/api/api_handler.h"
#include "broker/api/control.h"
#include "broker/cluster/config_store.h"
#include "config/alter.h"
#include "config/describe.h"

namespace api {

// What the three need beyond AdminContext.
struct ConfigContext {
  AdminContext admin;
  const cluster::ConfigStore& store;
  std::int32_t broker_id = -1;
  const config::Properties& file;                       // server.properties with --override
  std::function<config::TopicConfig()> topic_defaults;  // the broker's effective ones; any thread
};

// The broker's values by level.
config::BrokerSources broker_sources(const ConfigContext& context);

class DescribeConfigsApi final : public ApiHandler {
 public:
  explicit DescribeConfigsApi(ConfigContext context) : context_(std::move(context)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  ConfigContext context_;
};

class AlterConfigsApi final : public ApiHandler {
 public:
  explicit AlterConfigsApi(ConfigContext context) : context_(std::move(context)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  ConfigContext context_;
};

class IncrementalAlterConfigsApi final : public ApiHandler {
 public:
  explicit IncrementalAlterConfigsApi(ConfigContext context) : context_(std::move(context)) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  ConfigContext context_;
};

}  // namespace api
