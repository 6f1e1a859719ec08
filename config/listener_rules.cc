// Which listeners there are, which are advertised, and over which one brokers talk.
// Source: KafkaConfig.scala (3.9) listeners, advertisedListeners, getInterBrokerListenerName….
#include <algorithm>

#include "config/loader.h"

namespace config {
namespace {

std::string names_of(const std::vector<Listener>& listeners) {
  std::string names;
  for (const Listener& listener : listeners) {
    if (!names.empty()) names += ", ";
    names += listener.name;
  }
  return names;
}

bool has_name(const std::vector<Listener>& listeners, std::string_view name) {
  return std::ranges::find(listeners, name, &Listener::name) != listeners.end();
}

std::string upper_case(std::string text) {
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

std::vector<Listener> parse(Loader& loader, std::string_view key, std::string_view text,
                            const SecurityProtocolMap& protocols, bool distinct_ports) {
  auto listeners = parse_listeners(text, protocols, distinct_ports);
  if (listeners) return std::move(*listeners);
  loader.fault(key, listeners.error().context());
  return {};
}

std::string plaintext(std::string_view host, std::int32_t port) {
  return host.find(':') != std::string_view::npos ? fmt::format("PLAINTEXT://[{}]:{}", host, port)
                                                  : fmt::format("PLAINTEXT://{}:{}", host, port);
}

// The former keys (gone in Kafka 3.0) count where the newer are not set, as in 2.4.
std::string listeners_text(Loader& loader) {
  const BrokerValues& values = loader.values;
  const bool has_former = values.is_set("port") || values.is_set("host.name");
  if (values.is_set("listeners") || !has_former) return values.text("listeners");
  std::string text = plaintext(values.text("host.name"), values.int32("port"));
  loader.warn(values.is_set("port") ? "port" : "host.name",
              fmt::format("is a former key: write listeners={} instead", text));
  return text;
}

std::optional<std::string> advertised_text(Loader& loader, const std::vector<Listener>& listeners) {
  const BrokerValues& values = loader.values;
  if (values.is_set("advertised.listeners")) return values.text("advertised.listeners");
  const auto host = values.text_if_set("advertised.host.name");
  const bool has_port = !values.is_null("advertised.port");
  if ((!host && !has_port) || listeners.empty()) return std::nullopt;
  std::string text = plaintext(host.value_or(values.text("host.name")),
                               has_port ? values.int32("advertised.port") : listeners[0].port);
  loader.warn(host ? "advertised.host.name" : "advertised.port",
              fmt::format("is a former key: write advertised.listeners={} instead", text));
  return text;
}

void choose_inter_broker_listener(Loader& loader, NetworkConfig& network) {
  constexpr std::string_view kName = "inter.broker.listener.name";
  constexpr std::string_view kProtocol = "security.inter.broker.protocol";
  const BrokerValues& values = loader.values;
  const bool by_name = !values.is_null(kName);
  if (by_name && values.is_set(kProtocol)) {
    loader.fault(kName, "excludes security.inter.broker.protocol: remove one of the two");
    return;
  }
  if (by_name) {
    network.inter_broker_listener = upper_case(values.text(kName));
    const auto protocol = network.security_protocols.find(network.inter_broker_listener);
    if (protocol == network.security_protocols.end()) {
      loader.fault(kName, "must be a name of listener.security.protocol.map");
      return;
    }
    network.inter_broker_security_protocol = protocol->second;
  } else {
    network.inter_broker_security_protocol =
        parse_security_protocol(values.text(kProtocol)).value_or(SecurityProtocol::plaintext);
    network.inter_broker_listener = to_string(network.inter_broker_security_protocol);
  }
  if (!has_name(network.advertised_listeners, network.inter_broker_listener)) {
    loader.fault(
        by_name ? kName : kProtocol,
        fmt::format("brokers talk over the listener {}, which is none of the advertised "
                    "listeners ({}); set inter.broker.listener.name to one of these",
                    network.inter_broker_listener, names_of(network.advertised_listeners)));
  }
}

void check_advertised(Loader& loader, const NetworkConfig& network, std::string_view key) {
  if (network.advertised_listeners.empty()) {
    loader.fault(key, "must name at least one listener");
  }
  for (const Listener& listener : network.advertised_listeners) {
    if (!has_name(network.listeners, listener.name)) {
      loader.fault(key, fmt::format("{} is none of the listeners ({})", listener.name,
                                    names_of(network.listeners)));
    }
    if (listener.host == "0.0.0.0") {
      loader.fault(key,
                   "0.0.0.0 is an address that nobody can connect to: set advertised.listeners to "
                   "this host's name or address");
    }
  }
}

void choose_control_plane_listener(Loader& loader, NetworkConfig& network) {
  constexpr std::string_view kKey = "control.plane.listener.name";
  const auto name = loader.values.text_if_set(kKey);
  if (!name) return;
  network.control_plane_listener = upper_case(*name);
  if (!has_name(network.advertised_listeners, *network.control_plane_listener)) {
    loader.fault(kKey, fmt::format("must be one of the advertised listeners ({})",
                                   names_of(network.advertised_listeners)));
  } else if (*network.control_plane_listener == network.inter_broker_listener) {
    loader.fault(kKey, "must differ from the listener between brokers");
  }
}

void choose_early_start_listeners(Loader& loader, NetworkConfig& network) {
  constexpr std::string_view kKey = "early.start.listeners";
  for (const std::string& entry : split_list(loader.values.text(kKey))) {
    if (entry.empty()) continue;
    if (!has_name(network.listeners, entry)) {
      loader.fault(kKey, fmt::format("{} is none of the listeners ({})", entry,
                                     names_of(network.listeners)));
    }
    network.early_start_listeners.push_back(entry);
  }
}

// A listener whose protection is not there must not open.
void check_built(Loader& loader, const NetworkConfig& network, std::string_view key) {
  for (const Listener& listener : network.listeners) {
    if (is_built(listener.security_protocol)) continue;
    loader.fault(key, fmt::format("listener {} needs {}, which is not built yet; only PLAINTEXT is",
                                  listener.name, to_string(listener.security_protocol)));
  }
}

}  // namespace

void build_listeners(Loader& loader, NetworkConfig& network) {
  constexpr std::string_view kMap = "listener.security.protocol.map";
  auto protocols = parse_security_protocol_map(loader.values.text(kMap));
  if (!protocols) {
    loader.fault(kMap, protocols.error().context());
    return;
  }
  network.security_protocols = std::move(*protocols);
  const std::size_t errors = loader.report.errors.size();
  network.listeners =
      parse(loader, "listeners", listeners_text(loader), network.security_protocols, true);
  network.advertised_listeners = network.listeners;
  std::string_view advertised_key = "listeners";
  if (const auto text = advertised_text(loader, network.listeners)) {
    advertised_key = "advertised.listeners";
    network.advertised_listeners =
        parse(loader, advertised_key, *text, network.security_protocols, false);
  }
  if (loader.report.errors.size() != errors) return;
  check_built(loader, network, "listeners");
  check_advertised(loader, network, advertised_key);
  choose_inter_broker_listener(loader, network);
  choose_control_plane_listener(loader, network);
  choose_early_start_listeners(loader, network);
}

}  // namespace config
