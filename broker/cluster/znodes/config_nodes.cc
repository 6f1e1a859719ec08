#include "broker/cluster/znodes/config_nodes.h"

#include "base/log.h"
#include "broker/cluster/znodes/json_document.h"
#include "zkclient/path.h"

namespace cluster {

std::string encode_config(const config::ConfigMap& config) {
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  json::Writer& entries = node["config"] = json::Writer::object();
  for (const auto& [key, value] : config) entries[key] = value;
  return json::dump(node);
}

base::Result<config::ConfigMap> decode_config(std::string_view text,
                                              std::vector<std::string>* dropped) {
  config::ConfigMap config;
  if (text.empty()) return config;
  TRY_ASSIGN(const auto object, json::parse_object(text, "config"));
  const json::Value* entries = json::find(object, "config");
  if (entries == nullptr) return config;
  if (!entries->is_object()) return json::bad_key("config");
  for (const auto& [key, value] : entries->items()) {
    if (value.is_string()) {
      config.emplace(key, value.get<std::string>());
    } else if (dropped != nullptr) {
      dropped->push_back(key);
    }
  }
  return config;
}

config::ConfigMap decode_config_leniently(std::string_view json, std::string_view entity_path) {
  std::vector<std::string> dropped;
  auto config = decode_config(json, &dropped);
  for (const std::string& key : dropped) {
    LOG_WARN("/config/{}: {} is ignored: its value is no text", entity_path, key);
  }
  if (config) return std::move(*config);
  LOG_WARN("/config/{} counts as empty: {}", entity_path, config.error().to_string());
  return {};
}

std::string_view ConfigNotification::type() const {
  const std::string_view path = entity_path;
  return path.substr(0, path.find('/'));
}

std::string_view ConfigNotification::name() const {
  const std::string_view path = entity_path;
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

std::string encode_config_notification(const ConfigNotification& change) {
  json::Writer node = json::Writer::object();
  node["version"] = 2;
  node["entity_path"] = change.entity_path;
  return json::dump(node);
}

base::Result<ConfigNotification> decode_config_notification(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "config change"));
  TRY_ASSIGN(const auto version, json::integer<std::int32_t>(object, "version"));
  ConfigNotification change;
  if (version == 1) {
    TRY_ASSIGN(const auto type, json::text(object, "entity_type"));
    TRY_ASSIGN(const auto name, json::text(object, "entity_name"));
    if (type != "topics" && type != "clients") return json::bad_key("entity_type");
    change.entity_path = type + "/" + name;
  } else if (version == 2) {
    TRY_ASSIGN(change.entity_path, json::text(object, "entity_path"));
  } else {
    return json::bad_key("version");
  }
  // It becomes a part of a path that is read.
  if (change.name().empty() || !zkclient::validate_path("/" + change.entity_path)) {
    return json::bad_key("entity_path");
  }
  return change;
}

}  // namespace cluster
