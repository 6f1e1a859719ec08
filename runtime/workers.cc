#include "runtime/workers.h"

#include <netdb.h>

#include <chrono>
#include <cstring>
#include <thread>

namespace runtime {
namespace {

base::Result<std::vector<SocketAddress>> look_up(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  const int status = ::getaddrinfo(host.c_str(), service.c_str(), &hints, &found);
  if (status == EAI_SYSTEM) return base::fail_errno("resolve " + host);
  if (status != 0) {
    const bool may_come = status == EAI_AGAIN || status == EAI_MEMORY;
    return base::fail(may_come ? base::Errc::unavailable : base::Errc::not_found,
                      "resolve " + host + ": " + ::gai_strerror(status));
  }
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    addresses.push_back(SocketAddress::from_native(entry->ai_addr, entry->ai_addrlen));
  }
  ::freeaddrinfo(found);
  return addresses;
}

// The function object of resolve(), with its own copy of the name.
struct LookUp {
  std::string host;
  std::uint16_t port;
  base::Result<std::vector<SocketAddress>> operator()() const { return look_up(host, port); }
};

}  // namespace

void pause_worker(std::int64_t pause_ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
}

Task<base::Result<std::vector<SocketAddress>>> resolve(WorkerPool& resolver, std::string host,
                                                       std::uint16_t port, std::int64_t timeout_ms,
                                                       CancelToken token) {
  if (const auto literal = SocketAddress::from_ip(host, port)) {
    co_return std::vector<SocketAddress>{*literal};
  }
  using Addresses = base::Result<std::vector<SocketAddress>>;
  auto [sender, receiver] = one_shot<Addresses>(*Loop::current());
  resolver.submit([sender = std::move(sender), look_up = LookUp{host, port}]() mutable {
    // Behind names that hang, who asked may have given up long since.
    if (sender.is_awaited()) sender.complete(look_up());
  });
  auto found = co_await receiver.wait(timeout_ms, token);
  if (!found) co_return base::fail(std::move(found).error().with_context("resolve " + host));
  co_return *std::move(found);
}

}  // namespace runtime
