// Purpose: listener lists and the security protocol map as typed values.
// Source: SocketServerConfigs.listenerListToEndPoints, CoreUtils.listenerListToEndPoints (3.9).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace config {

// Values as on the wire and in znodes.
enum class SecurityProtocol : std::int16_t {
  plaintext = 0,
  ssl = 1,
  sasl_plaintext = 2,
  sasl_ssl = 3
};

std::string_view to_string(SecurityProtocol protocol);  // "SASL_SSL"
std::optional<SecurityProtocol> parse_security_protocol(std::string_view text);
// Whether the broker can serve this protocol; a listener that needs another stops the start.
bool is_built(SecurityProtocol protocol);

using SecurityProtocolMap = std::map<std::string, SecurityProtocol, std::less<>>;

struct Listener {
  std::string name;  // upper case
  SecurityProtocol security_protocol = SecurityProtocol::plaintext;
  std::string host;  // without the brackets of IPv6; empty: every address (or, advertised, this
                     // host's canonical name)
  std::int32_t port = 0;  // 0: any free port (advertised: the bound one)

  std::string to_string() const;  // "PLAINTEXT://[::1]:9092"
  friend bool operator==(const Listener&, const Listener&) = default;
};

// Errors: Errc::invalid_argument with a context that says what is wrong with which entry.
base::Result<SecurityProtocolMap> parse_security_protocol_map(std::string_view text);
// Names must be unique and in the map; ports unique unless `distinct_ports` is false (advertised
// listeners may share one) or two listeners have an IPv4 and an IPv6 literal.
base::Result<std::vector<Listener>> parse_listeners(std::string_view text,
                                                    const SecurityProtocolMap& protocols,
                                                    bool distinct_ports);

}  // namespace config
