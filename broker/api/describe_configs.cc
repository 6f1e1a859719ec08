#include <string_view>
#include <unordered_set>

#include "broker/api/answer_budget.h"
#include "broker/api/config_resources.h"
#include "broker/api/configs.h"
#include "broker/cluster/topic_name.h"
#include "protocol/gen/describe_configs.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using Wanted = protocol::DescribeConfigsRequest::DescribeConfigsResource;
using Result = protocol::DescribeConfigsResponse::DescribeConfigsResult;

void set_error(Result& result, ErrorCode code, std::string message) {
  result.error_code = protocol::to_wire(code);
  result.error_message = std::move(message);
}

// The names that are asked for; empty: all.
std::unordered_set<std::string_view> wanted_names(const Wanted& wanted) {
  if (!wanted.configuration_keys) return {};
  return {wanted.configuration_keys->begin(), wanted.configuration_keys->end()};
}

// Version 0's is_default stays false whatever the value, as Kafka 3.9 has it.
void add_entries(Result& result, const Wanted& wanted,
                 const std::vector<config::ConfigEntry>& entries,
                 const protocol::DescribeConfigsRequest& request) {
  const auto names = wanted_names(wanted);
  for (const auto& entry : entries) {
    if (!names.empty() && !names.contains(entry.name)) continue;
    auto& shown = result.configs.emplace_back();
    shown.name = entry.name;
    shown.value = entry.value;
    shown.read_only = entry.is_read_only;
    shown.config_source = static_cast<std::int8_t>(entry.source);
    shown.is_sensitive = entry.is_sensitive;
    shown.config_type = entry.type;
    shown.documentation.reset();
    if (request.include_documentation && !entry.documentation.empty()) {
      shown.documentation = std::string(entry.documentation);
    }
    if (!request.include_synonyms) continue;
    for (const auto& synonym : entry.synonyms) {
      shown.synonyms.push_back(
          {synonym.name, synonym.value, static_cast<std::int8_t>(synonym.source)});
    }
  }
}

std::size_t size_of(const Result& result) {
  std::size_t size = sizeof result;
  for (const auto& shown : result.configs) {
    size += sizeof shown + shown.value.value_or("").size() +
            shown.documentation.value_or("").size() +
            shown.synonyms.size() * sizeof(shown.synonyms[0]);
  }
  return size;
}

}  // namespace

config::BrokerSources broker_sources(const ConfigContext& context) {
  return {*context.store.own_broker(), *context.store.default_broker(), context.file.to_map()};
}

runtime::Task<network::Reply> DescribeConfigsApi::handle(network::RequestContext& context,
                                                         std::int16_t) {
  const auto request = decode_request<protocol::DescribeConfigsRequest>(context);
  if (!request) co_return network::close_reply();
  protocol::DescribeConfigsResponse response;
  runtime::TurnBudget turn;
  AnswerBudget budget;
  bool is_answered = true;  // by ZooKeeper; once it was not, the other topics are not asked for
  for (const auto& wanted : request->resources) {
    if (turn.is_spent()) co_await turn.yield();
    if (context.cancel.cancelled()) co_return network::close_reply();  // nobody waits any more
    if (!response.results.empty()) budget.take(size_of(response.results.back()));
    Result& result = response.results.emplace_back();
    result.resource_type = wanted.resource_type;
    result.resource_name = wanted.resource_name;
    if (budget.is_spent()) {
      set_error(result, ErrorCode::kInvalidRequest, kAnswerTooLarge);
      continue;
    }
    const auto type = static_cast<ConfigResource>(wanted.resource_type);
    if (type == ConfigResource::topic) {
      if (auto fault = cluster::invalid_topic_name(wanted.resource_name)) {
        set_error(result, ErrorCode::kInvalidTopicException, *fault);
      } else if (!co_await topic_exists(context_, wanted.resource_name)) {
        set_error(result, ErrorCode::kUnknownTopicOrPartition, "");
      } else {
        const auto overrides =
            co_await topic_overrides(context_, wanted.resource_name, &is_answered);
        add_entries(result, wanted, config::describe_topic(overrides, broker_sources(context_)),
                    *request);
      }
    } else if (type == ConfigResource::broker) {
      const auto broker = parse_broker_name(wanted.resource_name, context_.broker_id);
      if (!broker) {
        set_error(result, ErrorCode::kInvalidRequest,
                  is_number(wanted.resource_name)
                      ? "Unexpected broker id, expected " + std::to_string(context_.broker_id) +
                            " or empty string, but received " + wanted.resource_name
                      : "Broker id must be an integer, but it is: " + wanted.resource_name);
        continue;
      }
      const auto sources = broker_sources(context_);
      add_entries(result, wanted,
                  broker->has_value() ? config::describe_broker(sources)
                                      : config::describe_default_broker(sources),
                  *request);
    } else {
      set_error(result, ErrorCode::kInvalidRequest,
                std::string(protocol::message(ErrorCode::kInvalidRequest)));
    }
  }
  co_return network::reply(context, response);
}

}  // namespace api
