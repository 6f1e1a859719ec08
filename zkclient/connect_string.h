// Purpose: `zookeeper.connect`: "host:port[,host:port...][/chroot]" (ConnectStringParser).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zkclient {

inline constexpr std::uint16_t kDefaultPort = 2181;

struct ServerName {
  std::string host;  // a name or an IP literal, without brackets
  std::uint16_t port = kDefaultPort;

  std::string to_string() const;  // "host:port", "[::1]:2181"
  friend bool operator==(const ServerName&, const ServerName&) = default;
};

struct ConnectString {
  std::vector<ServerName> servers;  // at least one, in the order given
  std::string chroot;               // "/a/b", or empty

  // Blanks around hosts are dropped; "/" alone means no chroot.
  static base::Result<ConnectString> parse(std::string_view text);
  // The servers again, without the chroot.
  std::string servers_string() const;
};

}  // namespace zkclient
