#include "broker/cluster/znodes/config_nodes.h"

#include "broker/cluster/znodes/json_document.h"

namespace cluster {

std::string encode_config(const config::ConfigMap& config) {
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  json::Writer& entries = node["config"] = json::Writer::object();
  for (const auto& [key, value] : config) entries[key] = value;
  return json::dump(node);
}

base::Result<config::ConfigMap> decode_config(std::string_view text) {
  config::ConfigMap config;
  if (text.empty()) return config;
  TRY_ASSIGN(const auto object, json::parse_object(text, "config"));
  const json::Value* entries = json::find(object, "config");
  if (entries == nullptr) return config;
  if (!entries->is_object()) return json::bad_key("config");
  for (const auto& [key, value] : entries->items()) {
    if (!value.is_string()) return json::bad_key(key);
    config.emplace(key, value.get<std::string>());
  }
  return config;
}

std::string_view ConfigChange::type() const {
  const std::string_view path = entity_path;
  return path.substr(0, path.find('/'));
}

std::string_view ConfigChange::name() const {
  const std::string_view path = entity_path;
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

std::string encode_config_change(const ConfigChange& change) {
  json::Writer node = json::Writer::object();
  node["version"] = 2;
  node["entity_path"] = change.entity_path;
  return json::dump(node);
}

base::Result<ConfigChange> decode_config_change(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "config change"));
  TRY_ASSIGN(const auto version, json::integer<std::int32_t>(object, "version"));
  ConfigChange change;
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
  if (change.name().empty() || change.entity_path.starts_with('/') ||
      change.entity_path.ends_with('/') || change.entity_path.find("//") != std::string::npos) {
    return json::bad_key("entity_path");
  }
  return change;
}

}  // namespace cluster
