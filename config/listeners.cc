#include "config/listeners.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "config/key_table.h"

namespace config {
namespace {

constexpr std::array kProtocols = {
    std::pair{SecurityProtocol::plaintext, std::string_view("PLAINTEXT")},
    std::pair{SecurityProtocol::ssl, std::string_view("SSL")},
    std::pair{SecurityProtocol::sasl_plaintext, std::string_view("SASL_PLAINTEXT")},
    std::pair{SecurityProtocol::sasl_ssl, std::string_view("SASL_SSL")}};

std::string upper_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return upper;
}

bool is_host(std::string_view host) {
  return std::ranges::all_of(host, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-%._:").contains(c);
  });
}

bool is_ipv4(std::string_view host) {
  int parts = 0;
  for (std::size_t begin = 0; begin <= host.size(); ++parts) {
    const std::size_t dot = std::min(host.find('.', begin), host.size());
    unsigned value = 0;
    const auto [end, error] = std::from_chars(host.data() + begin, host.data() + dot, value);
    if (error != std::errc{} || end != host.data() + dot || value > 255) return false;
    begin = dot + 1;
  }
  return parts == 4;
}

// A host that passed is_host() and has a colon can be nothing else.
bool is_ipv6(std::string_view host) { return host.contains(':'); }

std::unexpected<base::Error> invalid(std::string context) {
  return base::fail(base::Errc::invalid_argument, std::move(context));
}

base::Result<Listener> parse_listener(std::string_view entry,
                                      const SecurityProtocolMap& protocols) {
  const auto malformed = [&] {
    return invalid(fmt::format("'{}' is not of the form NAME://host:port", entry));
  };
  const std::size_t scheme_end = entry.rfind("://");
  const std::size_t colon = entry.rfind(':');
  if (scheme_end == std::string_view::npos || colon < scheme_end + 3) return malformed();
  Listener listener;
  listener.name = upper_case(entry.substr(0, scheme_end));
  std::string_view host = entry.substr(scheme_end + 3, colon - scheme_end - 3);
  if (host.starts_with('[')) host.remove_prefix(1);
  if (host.ends_with(']')) host.remove_suffix(1);
  const std::string_view port = entry.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listener.port);
  if (error != std::errc{} || end != port.data() + port.size() || !is_host(host)) {
    return malformed();
  }
  if (listener.port < 0 || listener.port > 65535) {
    return invalid(fmt::format("'{}': the port must be from 0 to 65535", entry));
  }
  listener.host = host;
  const auto protocol = protocols.find(listener.name);
  if (protocol == protocols.end()) {
    return invalid(
        fmt::format("listener {} has no security protocol: add {}:PLAINTEXT (or another "
                    "protocol) to listener.security.protocol.map",
                    listener.name, listener.name));
  }
  listener.security_protocol = protocol->second;
  return listener;
}

base::Result<> check_ports(const std::vector<Listener>& listeners) {
  for (const Listener& listener : listeners) {
    if (listener.port == 0) continue;
    std::vector<const Listener*> sharing;
    for (const Listener& other : listeners) {
      if (other.port == listener.port) sharing.push_back(&other);
    }
    if (sharing.size() == 1) continue;
    const auto one_of_each = [](const Listener& a, const Listener& b) {
      return is_ipv4(a.host) && is_ipv6(b.host);
    };
    if (sharing.size() == 2 &&
        (one_of_each(*sharing[0], *sharing[1]) || one_of_each(*sharing[1], *sharing[0]))) {
      continue;
    }
    return invalid(
        fmt::format("port {} is used more than once: every listener needs a port of its "
                    "own (two may share one if one has an IPv4 and one an IPv6 address)",
                    listener.port));
  }
  return {};
}

}  // namespace

std::string_view to_string(SecurityProtocol protocol) {
  return kProtocols[static_cast<std::size_t>(protocol)].second;
}

std::optional<SecurityProtocol> parse_security_protocol(std::string_view text) {
  const std::string upper = upper_case(text);
  for (const auto& [protocol, name] : kProtocols) {
    if (name == upper) return protocol;
  }
  return std::nullopt;
}

bool is_built(SecurityProtocol protocol) { return protocol == SecurityProtocol::plaintext; }

std::string Listener::to_string() const {
  return is_ipv6(host) ? fmt::format("{}://[{}]:{}", name, host, port)
                       : fmt::format("{}://{}:{}", name, host, port);
}

base::Result<SecurityProtocolMap> parse_security_protocol_map(std::string_view text) {
  SecurityProtocolMap map;
  for (const std::string& entry : split_list(text)) {
    if (entry.empty()) continue;
    const std::size_t colon = entry.rfind(':');
    if (colon == std::string::npos || colon == 0) {
      return invalid(fmt::format("'{}' is not of the form NAME:PROTOCOL", entry));
    }
    const auto protocol = parse_security_protocol(trim(std::string_view(entry).substr(colon + 1)));
    if (!protocol) {
      return invalid(
          fmt::format("'{}': the protocol must be one of PLAINTEXT, SSL, "
                      "SASL_PLAINTEXT, SASL_SSL",
                      entry));
    }
    map[upper_case(trim(std::string_view(entry).substr(0, colon)))] = *protocol;
  }
  return map;
}

base::Result<std::vector<Listener>> parse_listeners(std::string_view text,
                                                    const SecurityProtocolMap& protocols,
                                                    bool distinct_ports) {
  std::vector<Listener> listeners;
  for (const std::string& entry : split_list(text)) {
    if (entry.empty()) continue;
    TRY_ASSIGN(Listener listener, parse_listener(entry, protocols));
    if (std::ranges::find(listeners, listener.name, &Listener::name) != listeners.end()) {
      return invalid(fmt::format("listener name {} is used twice", listener.name));
    }
    listeners.push_back(std::move(listener));
  }
  if (distinct_ports) TRY(check_ports(listeners));
  return listeners;
}

}  // namespace config
