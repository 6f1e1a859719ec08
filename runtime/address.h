// Purpose: an IP address and port, as a value.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace runtime {

class SocketAddress {
 public:
  SocketAddress() = default;
  // `ip` is an IPv4 or IPv6 literal without brackets (a %scope is allowed); nullopt otherwise.
  static std::optional<SocketAddress> from_ip(const std::string& ip, std::uint16_t port);
  static SocketAddress from_native(const sockaddr* native, socklen_t length);

  std::uint16_t port() const;
  std::string ip() const;         // "127.0.0.1", "::1"
  std::string to_string() const;  // "127.0.0.1:9092", "[::1]:9092"
  int family() const { return storage_.ss_family; }
  const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t native_length() const { return length_; }

 private:
  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

}  // namespace runtime
