#include <map>

#include "broker/api/config_resources.h"
#include "broker/api/configs.h"
#include "protocol/gen/alter_configs.h"
#include "protocol/gen/incremental_alter_configs.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;

config::ConfigChange change_of(
    const protocol::AlterConfigsRequest::AlterConfigsResource::AlterableConfig& config) {
  return {config.name, config.value, 0};
}
config::ConfigChange change_of(
    const protocol::IncrementalAlterConfigsRequest::AlterConfigsResource::AlterableConfig& config) {
  return {config.name, config.value, config.config_operation};
}

// Both APIs have requests and responses of one shape.
template <class Request, class Response>
runtime::Task<network::Reply> alter(const ConfigContext& config_context,
                                    network::RequestContext& context, bool replaces) {
  const auto request = decode_request<Request>(context);
  if (!request) co_return network::close_reply();
  std::map<std::pair<std::int8_t, std::string>, int> times_named;
  runtime::TurnBudget turn;
  for (const auto& resource : request->resources) {
    if (turn.is_spent()) co_await turn.yield();
    ++times_named[{resource.resource_type, resource.resource_name}];
  }
  Response response;
  for (const auto& resource : request->resources) {
    if (turn.is_spent()) co_await turn.yield();
    auto& result = response.responses.emplace_back();
    result.resource_type = resource.resource_type;
    result.resource_name = resource.resource_name;
    if (times_named[{resource.resource_type, resource.resource_name}] > 1) {
      result.error_code = protocol::to_wire(ErrorCode::kInvalidRequest);
      result.error_message = "Each resource must appear at most once.";
      continue;
    }
    std::vector<config::ConfigChange> changes;
    for (const auto& config : resource.configs) changes.push_back(change_of(config));
    const auto outcome =
        co_await alter_resource(config_context, resource.resource_type, resource.resource_name,
                                std::move(changes), replaces, request->validate_only);
    result.error_code = protocol::to_wire(outcome.error);
    result.error_message.reset();
    if (outcome.error != ErrorCode::kNone) result.error_message = outcome.message;
  }
  co_return network::reply(context, response);
}

}  // namespace

runtime::Task<network::Reply> AlterConfigsApi::handle(network::RequestContext& context,
                                                      std::int16_t) {
  co_return co_await alter<protocol::AlterConfigsRequest, protocol::AlterConfigsResponse>(
      context_, context, true);
}

runtime::Task<network::Reply> IncrementalAlterConfigsApi::handle(network::RequestContext& context,
                                                                 std::int16_t) {
  co_return co_await alter<protocol::IncrementalAlterConfigsRequest,
                           protocol::IncrementalAlterConfigsResponse>(context_, context, false);
}

}  // namespace api
