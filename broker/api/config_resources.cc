#include "broker/api/config_resources.h"

#include <charconv>

#include "broker/cluster/topic_name.h"

namespace api {
namespace {

using protocol::ErrorCode;

cluster::TopicOutcome refusal(config::AlterError error) {
  switch (error.fault) {
    case config::AlterFault::invalid_request:
      return cluster::refuse(ErrorCode::kInvalidRequest, std::move(error.message));
    case config::AlterFault::invalid_config:
      return cluster::refuse(ErrorCode::kInvalidConfig, std::move(error.message));
    case config::AlterFault::unknown_server_error: break;
  }
  return cluster::refuse(ErrorCode::kUnknownServerError, std::move(error.message));
}

std::expected<config::ConfigMap, cluster::TopicOutcome> edited(config::AlterResult altered) {
  if (!altered) return std::unexpected(refusal(std::move(altered).error()));
  return std::move(*altered);
}

ConfigOutcome outcome_of(const base::Result<cluster::TopicOutcome>& written) {
  if (!written) return {ErrorCode::kRequestTimedOut, written.error().to_string()};
  return {written->error, written->message};
}

runtime::Task<ConfigOutcome> alter_topic(const ConfigContext& context, std::string topic,
                                         std::vector<config::ConfigChange> changes, bool replaces,
                                         bool validate_only) {
  if (topic.empty()) {
    co_return ConfigOutcome{ErrorCode::kInvalidRequest, "Default topic resources are not allowed."};
  }
  if (!co_await topic_exists(context, topic)) {
    co_return ConfigOutcome{ErrorCode::kUnknownTopicOrPartition,
                            "The topic '" + topic + "' does not exist."};
  }
  cluster::ConfigEdit edit = [topic, changes = std::move(changes), replaces,
                              defaults = context.topic_defaults()](const auto& stored) {
    return edited(replaces ? config::replace_topic_configs(topic, changes, defaults)
                           : config::alter_topic_incrementally(topic, stored, changes, defaults));
  };
  co_return outcome_of(co_await runtime::call_on(
      context.admin.control_scope,
      [admin = &context.admin.admin, topic, edit = std::move(edit), validate_only] {
        return admin->edit_topic_config(topic, edit, validate_only);
      }));
}

runtime::Task<ConfigOutcome> alter_broker(const ConfigContext& context, std::string name,
                                          std::vector<config::ConfigChange> changes, bool replaces,
                                          bool validate_only) {
  const auto broker = parse_broker_name(name, context.broker_id);
  if (!broker) {
    co_return ConfigOutcome{ErrorCode::kInvalidRequest,
                            is_number(name)
                                ? "Unexpected broker id, expected " +
                                      std::to_string(context.broker_id) + ", but received " + name
                                : "Node id must be an integer, but it is: " + name};
  }
  cluster::ConfigEdit edit = [changes = std::move(changes), replaces,
                              is_default_level = !broker->has_value(), file = &context.file,
                              store = &context.store](const config::ConfigMap& stored) {
    const auto dynamic_default = store->default_broker();
    const auto dynamic_broker = store->own_broker();
    const config::BrokerLevels levels{*file, is_default_level ? stored : *dynamic_default,
                                      is_default_level ? *dynamic_broker : stored};
    return edited(replaces ? config::replace_broker_configs(levels, is_default_level, changes)
                           : config::alter_broker_incrementally(levels, is_default_level, changes));
  };
  co_return outcome_of(co_await runtime::call_on(
      context.admin.control_scope,
      [admin = &context.admin.admin, id = *broker, edit = std::move(edit), validate_only] {
        return admin->edit_broker_config(id, edit, validate_only);
      }));
}

std::optional<std::int32_t> number_of(std::string_view name) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

}  // namespace

bool is_number(std::string_view name) { return number_of(name).has_value(); }

std::optional<std::optional<std::int32_t>> parse_broker_name(const std::string& name,
                                                             std::int32_t own_id) {
  using Parsed = std::optional<std::optional<std::int32_t>>;
  if (name.empty()) return Parsed(std::in_place, std::nullopt);
  const std::optional<std::int32_t> id = number_of(name);
  if (id != own_id) return {};
  return Parsed(std::in_place, id);
}

runtime::Task<bool> topic_exists(const ConfigContext& context, std::string topic) {
  const auto snapshot = context.admin.metadata.snapshot();
  if (snapshot->find_topic(topic) != nullptr) co_return true;
  if (snapshot->knows_topics()) co_return false;
  const auto exists = co_await runtime::call_on(
      context.admin.control_scope,
      [admin = &context.admin.admin, topic] { return admin->topic_exists(topic); });
  co_return exists && *exists;
}

runtime::Task<config::ConfigMap> topic_overrides(const ConfigContext& context, std::string topic,
                                                 bool* is_answered) {
  if (!*is_answered) co_return *context.store.topic(topic);
  auto stored = co_await runtime::call_on(context.admin.control_scope,
                                          [admin = &context.admin.admin, path = "topics/" + topic] {
                                            return admin->read_config(path);
                                          });
  if (stored) co_return std::move(*stored);
  *is_answered = false;
  co_return *context.store.topic(topic);
}

runtime::Task<ConfigOutcome> alter_resource(const ConfigContext& context, std::int8_t type,
                                            std::string name,
                                            std::vector<config::ConfigChange> changes,
                                            bool replaces, bool validate_only) {
  switch (static_cast<ConfigResource>(type)) {
    case ConfigResource::topic:
      co_return co_await alter_topic(context, std::move(name), std::move(changes), replaces,
                                     validate_only);
    case ConfigResource::broker:
      co_return co_await alter_broker(context, std::move(name), std::move(changes), replaces,
                                      validate_only);
    case ConfigResource::broker_logger: break;
  }
  co_return ConfigOutcome{ErrorCode::kInvalidRequest,
                          "Unknown resource type " + std::to_string(type)};
}

}  // namespace api
