#include "config/alter.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "config/broker_values.h"
#include "config/key_table.h"
#include "config/server_config.h"

namespace config {
namespace {

std::unexpected<AlterError> refuse(AlterFault fault, std::string message) {
  return std::unexpected(AlterError{fault, std::move(message)});
}

// What a request may not look like, whatever it is about.
std::optional<AlterError> request_fault(const std::vector<ConfigChange>& changes) {
  std::set<std::string_view> names;
  for (const ConfigChange& change : changes) {
    if (!names.insert(change.name).second) {
      return AlterError{AlterFault::invalid_request, "Error due to duplicate config keys"};
    }
    if (change.operation < 0 || change.operation > 3) {
      return AlterError{AlterFault::invalid_request,
                        fmt::format("Unknown operations type {}", change.operation)};
    }
    if (!change.value && change.operation != static_cast<std::int8_t>(AlterOperation::remove)) {
      return AlterError{AlterFault::invalid_request,
                        fmt::format("Null value not supported for : {}", change.name)};
    }
  }
  return std::nullopt;
}

// As String.split(","): no trimming, trailing empty elements dropped.
std::vector<std::string> split_plainly(std::string_view text) {
  std::vector<std::string> elements;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    elements.emplace_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  while (!elements.empty() && elements.back().empty()) elements.pop_back();
  return elements;
}

std::string join(const std::vector<std::string>& elements) {
  return value_to_text(Value(elements)).value_or("");
}

// Append and subtract start from what is stored at this level, else from the built-in default,
// never from the file.
AlterResult apply_list_change(ConfigMap map, const ConfigChange& change, const Key* key) {
  const bool is_append = change.operation == static_cast<std::int8_t>(AlterOperation::append);
  if (key == nullptr) {
    return refuse(AlterFault::unknown_server_error,
                  fmt::format("Unknown config name: {}", change.name));
  }
  if (key->type != KeyType::list) {
    return refuse(AlterFault::invalid_config,
                  fmt::format("Config value {} is not allowed for config key: {}",
                              is_append ? "append" : "subtract", change.name));
  }
  const auto stored = map.find(change.name);
  std::vector<std::string> elements = split_plainly(
      stored != map.end() ? stored->second : value_to_text(default_value(*key)).value_or(""));
  for (std::string& element : split_plainly(*change.value)) {
    const auto present = std::ranges::find(elements, element);
    if (is_append && present == elements.end()) {
      elements.push_back(std::move(element));
    } else if (!is_append && present != elements.end()) {
      elements.erase(present);
    }
  }
  map[change.name] = join(elements);
  return map;
}

AlterResult apply_changes(ConfigMap map, const std::vector<ConfigChange>& changes,
                          const std::function<const Key*(std::string_view)>& find_key) {
  for (const ConfigChange& change : changes) {
    switch (static_cast<AlterOperation>(change.operation)) {
      case AlterOperation::set: map[change.name] = *change.value; break;
      case AlterOperation::remove: map.erase(change.name); break;
      case AlterOperation::append:
      case AlterOperation::subtract: {
        auto changed = apply_list_change(std::move(map), change, find_key(change.name));
        if (!changed) return changed;
        map = std::move(*changed);
      }
    }
  }
  return map;
}

AlterResult check_topic(std::string_view topic, ConfigMap map, const TopicConfig& broker_defaults) {
  if (topic.empty()) {
    return refuse(AlterFault::invalid_request, "Default topic resources are not allowed.");
  }
  if (auto fault = validate_topic_configs(map, broker_defaults)) {
    // Kafka wraps what is wrong with a value, not what is wrong with a name.
    if (fault->starts_with("Unknown ")) {
      return refuse(AlterFault::invalid_config, std::move(*fault));
    }
    return refuse(AlterFault::invalid_config,
                  fmt::format("Invalid config value for resource ConfigResource(type=TOPIC, "
                              "name='{}'): {}",
                              topic, *fault));
  }
  return map;
}

ConfigMap to_map(const std::vector<ConfigChange>& entries) {
  ConfigMap map;
  for (const ConfigChange& entry : entries) map[entry.name] = entry.value.value_or("");
  return map;
}

// The TLS store keys: a listener's own only.
bool needs_listener_prefix(std::string_view name) {
  constexpr std::array<std::string_view, 10> kStoreKeys = {
      "ssl.keystore.type",          "ssl.keystore.location",   "ssl.keystore.password",
      "ssl.key.password",           "ssl.keystore.key",        "ssl.keystore.certificate.chain",
      "ssl.truststore.type",        "ssl.truststore.location", "ssl.truststore.password",
      "ssl.truststore.certificates"};
  return std::ranges::find(kStoreKeys, name) != kStoreKeys.end();
}

bool may_be_cluster_wide(std::string_view name, const Key& key) {
  constexpr std::array<std::string_view, 3> kListenerLimits = {
      "max.connections", "max.connection.creation.rate", "num.network.threads"};
  if (key.name == name) return key.mode == UpdateMode::cluster_wide;
  return std::ranges::find(kListenerLimits, key.name) != kListenerLimits.end();
}

std::optional<AlterError> broker_entry_fault(std::string_view name, const std::string& text,
                                             bool is_default_level, const ConfigMap& file) {
  const auto invalid = [](std::string message) {
    return AlterError{AlterFault::invalid_request, std::move(message)};
  };
  const Key* key = find_base_key(name);
  if (key == nullptr) return std::nullopt;  // a plugin's
  if (key->name == name && key->mode == UpdateMode::read_only) {
    return invalid(fmt::format("Cannot update these configs dynamically: Set({})", name));
  }
  if (needs_listener_prefix(name)) {
    return invalid(fmt::format(
        "These security configs can be dynamically updated only per-listener using the listener "
        "prefix: Set({})",
        name));
  }
  const auto value = parse_value(*key, text);
  if (!value) {
    return invalid(fmt::format("Invalid value {} for configuration {}: {}",
                               key->is_password() ? "[hidden]" : text, key->name, value.error()));
  }
  const bool is_limit =
      key->name == "max.connections" || key->name == "max.connection.creation.rate";
  if (is_limit && std::get<std::int64_t>(*value) < 1) {
    return invalid(fmt::format("Invalid value {} for configuration {}: Value must be at least 1",
                               text, key->name));
  }
  if (is_default_level && !may_be_cluster_wide(name, *key)) {
    return invalid(fmt::format(
        "Cannot update these configs at default cluster level, broker id must be specified: "
        "Set({})",
        name));
  }
  const bool is_about_sockets =
      key->name == "listeners" || key->name == "listener.security.protocol.map";
  if (is_about_sockets && dynamic_entry_fault(name, text, false, file)) {
    return invalid(fmt::format(
        "Invalid value {} for configuration {}: Listeners of a running broker cannot be changed: "
        "set them in server.properties and restart it",
        text, name));
  }
  if (key->support == Support::pending && *value != default_value(*key)) {
    return invalid(fmt::format(
        "Invalid value {} for configuration {}: It is not built yet and would have no effect",
        key->is_password() ? "[hidden]" : text, name));
  }
  // Stored passwords must be encrypted, which is not built yet.
  if (key->is_password()) {
    return AlterError{AlterFault::invalid_config,
                      fmt::format("Password config {} cannot be updated dynamically: passwords in "
                                  "ZooKeeper are not supported yet",
                                  name)};
  }
  return std::nullopt;
}

// A thread pool may at most double or halve per change.
std::optional<AlterError> thread_count_fault(const Properties& file,
                                             const ConfigMap& before_default,
                                             const ConfigMap& before_broker,
                                             const ConfigMap& after_default,
                                             const ConfigMap& after_broker) {
  constexpr std::array<std::string_view, 6> kKeys = {
      "num.io.threads",       "num.network.threads",
      "num.replica.fetchers", "num.recovery.threads.per.data.dir",
      "background.threads",   "log.cleaner.threads"};
  const auto effective = [&](std::string_view name, const ConfigMap& lower,
                             const ConfigMap& upper) -> std::int64_t {
    const Key& key = *find_broker_key(name);
    for (const ConfigMap& level : {upper, lower, file.to_map()}) {
      const auto found = level.find(name);
      if (found == level.end()) continue;
      if (const auto value = parse_value(key, found->second)) return std::get<std::int64_t>(*value);
    }
    return std::get<std::int64_t>(default_value(key));
  };
  for (const std::string_view name : kKeys) {
    const std::int64_t before = effective(name, before_default, before_broker);
    const std::int64_t after = effective(name, after_default, after_broker);
    if (after == before) continue;
    std::string_view rule;
    if (after < 1) {
      rule = "value should be at least 1";
    } else if (after < before / 2) {
      rule = "value should be at least half the current value";
    } else if (after > before * 2) {
      rule = "value should not be greater than double the current value";
    } else {
      continue;
    }
    return AlterError{AlterFault::invalid_request,
                      fmt::format("Dynamic thread count update validation failed for {}={}: {}, "
                                  "current value {}",
                                  name, after, rule, before)};
  }
  return std::nullopt;
}

AlterResult check_broker(const BrokerLevels& levels, bool is_default_level, ConfigMap map) {
  const ConfigMap file = levels.file.to_map();
  const ConfigMap& stored = is_default_level ? levels.dynamic_default : levels.dynamic_broker;
  for (const auto& [name, text] : map) {
    auto fault = broker_entry_fault(name, text, is_default_level, file);
    // What stands there already, from Apache Kafka or written by hand, is left out when it is read:
    // it must not keep other keys from being changed.
    const auto former = stored.find(name);
    if (!fault || (former != stored.end() && former->second == text)) continue;
    return std::unexpected(std::move(*fault));
  }
  const ConfigMap& after_default = is_default_level ? map : levels.dynamic_default;
  const ConfigMap& after_broker = is_default_level ? levels.dynamic_broker : map;
  if (auto fault = thread_count_fault(levels.file, levels.dynamic_default, levels.dynamic_broker,
                                      after_default, after_broker)) {
    return std::unexpected(std::move(*fault));
  }
  LoadReport report;
  const auto whole = load_with_dynamic(levels.file, after_default, after_broker, report);
  if (!whole) return refuse(AlterFault::invalid_request, whole.error().context());
  return map;
}

}  // namespace

AlterResult alter_topic_incrementally(std::string_view topic, const ConfigMap& current,
                                      const std::vector<ConfigChange>& changes,
                                      const TopicConfig& broker_defaults) {
  if (auto fault = request_fault(changes)) return std::unexpected(std::move(*fault));
  auto changed = apply_changes(current, changes, [](std::string_view name) {
    const TopicKey* topic_key = find_topic_key(name);
    return topic_key == nullptr ? nullptr : &topic_key->key;
  });
  if (!changed) return changed;
  return check_topic(topic, std::move(*changed), broker_defaults);
}

AlterResult replace_topic_configs(std::string_view topic, const std::vector<ConfigChange>& entries,
                                  const TopicConfig& broker_defaults) {
  if (auto fault = request_fault(entries)) return std::unexpected(std::move(*fault));
  return check_topic(topic, to_map(entries), broker_defaults);
}

AlterResult alter_broker_incrementally(const BrokerLevels& levels, bool is_default_level,
                                       const std::vector<ConfigChange>& changes) {
  if (auto fault = request_fault(changes)) return std::unexpected(std::move(*fault));
  auto changed =
      apply_changes(is_default_level ? levels.dynamic_default : levels.dynamic_broker, changes,
                    [](std::string_view name) { return find_broker_key(name); });
  if (!changed) return changed;
  return check_broker(levels, is_default_level, std::move(*changed));
}

AlterResult replace_broker_configs(const BrokerLevels& levels, bool is_default_level,
                                   const std::vector<ConfigChange>& entries) {
  if (auto fault = request_fault(entries)) return std::unexpected(std::move(*fault));
  return check_broker(levels, is_default_level, to_map(entries));
}

}  // namespace config
