#include "broker/cluster/znodes/broker_info.h"

#include <charconv>

#include "broker/cluster/znodes/json_document.h"

namespace cluster {
namespace {

using config::InterBrokerProtocol;

std::int32_t json_version(InterBrokerProtocol protocol) {
  if (protocol >= InterBrokerProtocol::v2_7_iv0) return 5;
  if (protocol >= InterBrokerProtocol::v0_10_0_iv1) return 4;
  return 2;
}

bool is_host_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == '%' || c == '.' || c == '_' || c == ':';
}

// "NAME://host:port", "NAME://[::1]:port" (EndPoint.scala).
base::Result<config::Listener> parse_endpoint(std::string_view text,
                                              const config::SecurityProtocolMap& protocols) {
  const auto bad = [text] {
    return base::fail(base::Errc::corrupt, "endpoint \"" + std::string(text) + "\"");
  };
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return bad();
  config::Listener endpoint;
  endpoint.name = text.substr(0, scheme);
  std::string_view address = text.substr(scheme + 3);

  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return bad();
  const std::string_view port = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (error != std::errc() || end != port.data() + port.size()) return bad();
  if (endpoint.port < 0 || endpoint.port > 65535) return bad();
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[')) host.remove_prefix(1);
  if (host.ends_with(']')) host.remove_suffix(1);
  for (const char c : host) {
    if (!is_host_character(c)) return bad();
  }
  endpoint.host = host;

  if (const auto it = protocols.find(endpoint.name); it != protocols.end()) {
    endpoint.security_protocol = it->second;
  } else if (const auto named = config::parse_security_protocol(endpoint.name)) {
    endpoint.security_protocol = *named;
  } else {
    return bad();
  }
  return endpoint;
}

base::Result<config::SecurityProtocolMap> parse_protocols(const json::Value& object) {
  config::SecurityProtocolMap protocols;
  const json::Value* map = json::find(object, "listener_security_protocol_map");
  if (map == nullptr) return protocols;
  if (!map->is_object()) return json::bad_key("listener_security_protocol_map");
  for (const auto& [listener, value] : map->items()) {
    if (!value.is_string()) return json::bad_key("listener_security_protocol_map");
    const auto protocol = config::parse_security_protocol(value.get_ref<const std::string&>());
    if (!protocol) return json::bad_key("listener_security_protocol_map");
    protocols.emplace(listener, *protocol);
  }
  return protocols;
}

base::Result<std::vector<config::Listener>> parse_endpoints(const json::Value& object,
                                                            std::int32_t version) {
  std::vector<config::Listener> endpoints;
  if (version == 1) {
    config::Listener endpoint;
    endpoint.name = "PLAINTEXT";
    TRY_ASSIGN(endpoint.host, json::text(object, "host"));
    TRY_ASSIGN(endpoint.port, json::integer<std::int32_t>(object, "port"));
    endpoints.push_back(std::move(endpoint));
    return endpoints;
  }
  TRY_ASSIGN(const auto protocols, parse_protocols(object));
  const json::Value* list = json::find(object, "endpoints");
  if (list == nullptr || !list->is_array()) return json::bad_key("endpoints");
  for (const json::Value& element : *list) {
    if (!element.is_string()) return json::bad_key("endpoints");
    TRY_ASSIGN(auto endpoint, parse_endpoint(element.get_ref<const std::string&>(), protocols));
    endpoints.push_back(std::move(endpoint));
  }
  return endpoints;
}

base::Result<void> parse_features(const json::Value& object, BrokerInfo& broker) {
  const json::Value* features = json::find(object, "features");
  if (features == nullptr) return {};
  if (!features->is_object()) return json::bad_key("features");
  for (const auto& [name, value] : features->items()) {
    if (!value.is_object()) return json::bad_key("features");
    FeatureRange range;
    TRY_ASSIGN(range.min_version, json::integer<std::int16_t>(value, "min_version"));
    TRY_ASSIGN(range.max_version, json::integer<std::int16_t>(value, "max_version"));
    broker.features.emplace(name, range);
  }
  return {};
}

}  // namespace

const config::Listener* BrokerInfo::find_endpoint(std::string_view listener) const {
  for (const config::Listener& endpoint : endpoints) {
    if (endpoint.name == listener) return &endpoint;
  }
  return nullptr;
}

std::string encode_broker_info(const BrokerInfo& broker, InterBrokerProtocol protocol) {
  const std::int32_t version = json_version(protocol);
  json::Writer node = json::Writer::object();
  if (version >= 5) {
    json::Writer& features = node["features"] = json::Writer::object();
    for (const auto& [name, range] : broker.features) {
      features[name] = {{"min_version", range.min_version}, {"max_version", range.max_version}};
    }
  }
  if (version >= 4) {
    json::Writer& protocols = node["listener_security_protocol_map"] = json::Writer::object();
    for (const config::Listener& endpoint : broker.endpoints) {
      protocols[endpoint.name] = std::string(config::to_string(endpoint.security_protocol));
    }
  }
  json::Writer& endpoints = node["endpoints"] = json::Writer::array();
  const config::Listener* plaintext = nullptr;  // for readers older than endpoints
  for (const config::Listener& endpoint : broker.endpoints) {
    endpoints.push_back(endpoint.to_string());
    if (plaintext == nullptr && endpoint.security_protocol == config::SecurityProtocol::plaintext) {
      plaintext = &endpoint;
    }
  }
  if (version >= 3 && broker.rack) node["rack"] = *broker.rack;
  node["jmx_port"] = broker.jmx_port;
  node["port"] = plaintext != nullptr ? plaintext->port : -1;
  if (plaintext != nullptr) {
    node["host"] = plaintext->host;
  } else {
    node["host"] = nullptr;
  }
  node["version"] = version;
  node["timestamp"] = std::to_string(broker.timestamp_ms);
  return json::dump(node);
}

base::Result<BrokerInfo> decode_broker_info(std::int32_t id, std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "/brokers/ids/" + std::to_string(id)));
  BrokerInfo broker;
  broker.id = id;
  TRY_ASSIGN(broker.version, json::integer<std::int32_t>(object, "version"));
  if (broker.version < 1) return json::bad_key("version");
  TRY_ASSIGN(broker.jmx_port, json::integer<std::int32_t>(object, "jmx_port"));
  TRY_ASSIGN(broker.timestamp_ms, json::quoted_integer_or(object, "timestamp", 0));
  TRY_ASSIGN(broker.endpoints, parse_endpoints(object, broker.version));
  if (json::find(object, "rack") != nullptr) {
    TRY_ASSIGN(broker.rack, json::text(object, "rack"));
  }
  TRY(parse_features(object, broker));
  return broker;
}

}  // namespace cluster
