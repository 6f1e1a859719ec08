#include "client/endpoint.h"

#include <fmt/core.h>

#include <charconv>

namespace client {

namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

base::Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto bad = [&] {
    return base::fail(base::Errc::invalid_argument,
                      fmt::format("\"{}\" is not host:port (IPv6 as [address]:port)", text));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return bad();
  }
  std::uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (host.empty() || error != std::errc() || end != port_text.data() + port_text.size()) {
    return bad();
  }
  return Endpoint{std::string(host), port};
}

}  // namespace

std::string Endpoint::to_string() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return is_ipv6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

base::Result<std::vector<Endpoint>> parse_bootstrap(std::string_view text) {
  std::vector<Endpoint> endpoints;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view entry = trim(text.substr(0, comma));
    if (!entry.empty()) {
      TRY_ASSIGN(Endpoint endpoint, parse_endpoint(entry));
      endpoints.push_back(std::move(endpoint));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (endpoints.empty()) {
    return base::fail(base::Errc::invalid_argument, "no broker address given");
  }
  return endpoints;
}

}  // namespace client
