#include "runtime/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace runtime {
namespace {

const sockaddr_in& as_v4(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& as_v6(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in6&>(storage);
}

}  // namespace

std::optional<SocketAddress> SocketAddress::from_ip(const std::string& ip, std::uint16_t port) {
  if (ip.empty()) return std::nullopt;
  addrinfo hints{};
  hints.ai_family = ip.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (hints.ai_family == AF_INET) {
    // getaddrinfo also takes "127.1" and octal forms, which are names to everybody else.
    sockaddr_in native{};
    native.sin_family = AF_INET;
    native.sin_port = htons(port);
    if (::inet_pton(AF_INET, ip.c_str(), &native.sin_addr) != 1) return std::nullopt;
    return from_native(reinterpret_cast<const sockaddr*>(&native), sizeof native);
  }
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(ip.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  SocketAddress address = from_native(found->ai_addr, found->ai_addrlen);
  ::freeaddrinfo(found);
  reinterpret_cast<sockaddr_in6&>(address.storage_).sin6_port = htons(port);
  return address;
}

SocketAddress SocketAddress::from_native(const sockaddr* native, socklen_t length) {
  SocketAddress address;
  address.length_ = std::min<socklen_t>(length, sizeof address.storage_);
  std::memcpy(&address.storage_, native, address.length_);
  return address;
}

std::uint16_t SocketAddress::port() const {
  switch (storage_.ss_family) {
    case AF_INET: return ntohs(as_v4(storage_).sin_port);
    case AF_INET6: return ntohs(as_v6(storage_).sin6_port);
    default: return 0;
  }
}

std::string SocketAddress::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage_.ss_family == AF_INET) {
    ::inet_ntop(AF_INET, &as_v4(storage_).sin_addr, text, sizeof text);
    return text;
  }
  if (storage_.ss_family != AF_INET6) return {};
  const sockaddr_in6& v6 = as_v6(storage_);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d; users and ACLs mean a.b.c.d.
    ::inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, text, sizeof text);
    return text;
  }
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  if (v6.sin6_scope_id == 0) return text;
  char interface[IF_NAMESIZE];
  const char* name = ::if_indextoname(v6.sin6_scope_id, interface);
  return std::string(text) + "%" + (name != nullptr ? name : std::to_string(v6.sin6_scope_id));
}

std::string SocketAddress::to_string() const {
  const std::string host = ip();
  const std::string port_text = std::to_string(port());
  if (host.find(':') != std::string::npos) return "[" + host + "]:" + port_text;
  return host + ":" + port_text;
}

}  // namespace runtime
