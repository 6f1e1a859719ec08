#include "zkclient/connect_string.h"

#include <charconv>

#include "zkclient/path.h"

namespace zkclient {
namespace {

using base::Errc;
using base::fail;
using base::Result;

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view server) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > 65'535) {
    return fail(Errc::invalid_argument, "port of ZooKeeper server '" + std::string(server) + "'");
  }
  return static_cast<std::uint16_t>(port);
}

Result<ServerName> parse_server(std::string_view text) {
  ServerName server;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) {
      return fail(Errc::invalid_argument, "no ] in ZooKeeper server '" + std::string(text) + "'");
    }
    server.host = text.substr(1, bracket - 1);
    port = text.substr(bracket + 1);
    if (!port.empty() && !port.starts_with(':')) {
      return fail(Errc::invalid_argument, "ZooKeeper server '" + std::string(text) + "'");
    }
  } else {
    // The last colon, as ZooKeeper does it: an IPv6 literal without brackets keeps its port.
    const std::size_t colon = text.rfind(':');
    server.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon);
  }
  if (!port.empty()) {
    TRY_ASSIGN(server.port, parse_port(port.substr(1), text));
  }
  if (server.host.empty()) {
    return fail(Errc::invalid_argument, "no host in ZooKeeper server '" + std::string(text) + "'");
  }
  return server;
}

}  // namespace

std::string ServerName::to_string() const {
  const bool literal6 = host.find(':') != std::string::npos;
  return (literal6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string ConnectString::servers_string() const {
  std::string text;
  for (const ServerName& server : servers) {
    if (!text.empty()) text += ',';
    text += server.to_string();
  }
  return text;
}

Result<ConnectString> ConnectString::parse(std::string_view text) {
  ConnectString parsed;
  text = trim(text);
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view chroot = text.substr(slash);
    if (chroot != "/") {
      const auto valid = validate_path(chroot);
      if (!valid) return fail(Errc::invalid_argument, "chroot: " + valid.error().context());
      parsed.chroot = chroot;
    }
    text = text.substr(0, slash);
  }
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view server = trim(text.substr(0, comma));
    if (!server.empty()) {
      TRY_ASSIGN(ServerName one, parse_server(server));
      parsed.servers.push_back(std::move(one));
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (parsed.servers.empty()) return fail(Errc::invalid_argument, "no ZooKeeper server named");
  return parsed;
}

}  // namespace zkclient
