#include "broker/server/broker_addresses.h"

#include <utility>

#include "runtime/wait.h"

namespace server {
namespace {

constexpr std::int64_t kResolveTimeoutMs = 10'000;
constexpr std::int64_t kAgainAfterMs = 60'000;
// The controller sends metadata in bursts.
constexpr std::int64_t kPauseMs = 100;

}  // namespace

bool BrokerAddresses::contains(const std::string& ip) const {
  base::LockGuard guard(mutex_);
  return ips_.contains(ip);
}

std::set<std::string> BrokerAddresses::hosts() const {
  std::set<std::string> hosts;
  const auto snapshot = metadata_.snapshot();
  for (const auto& [id, broker] : *snapshot->brokers) {
    for (const auto& endpoint : broker.endpoints) hosts.insert(endpoint.host);
  }
  return hosts;
}

runtime::Task<std::set<std::string>> BrokerAddresses::resolve_all(std::set<std::string> hosts) {
  std::set<std::string> ips;
  for (const std::string& host : hosts) {
    const auto addresses =
        co_await runtime::resolve(resolver_, host, 0, kResolveTimeoutMs, scope_.token());
    if (!addresses) continue;
    for (const auto& address : *addresses) ips.insert(address.ip());
  }
  co_return ips;
}

void BrokerAddresses::publish(std::set<std::string> ips) {
  base::LockGuard guard(mutex_);
  ips_ = std::move(ips);
}

runtime::Task<void> BrokerAddresses::follow() {
  runtime::Loop& loop = *runtime::Loop::current();
  std::set<std::string> known;
  std::int64_t resolved_ms = loop.now_ms() - kAgainAfterMs;
  while (!scope_.cancelled()) {
    const std::uint64_t version = metadata_.version();
    std::set<std::string> now = hosts();
    if (now != known || loop.now_ms() - resolved_ms >= kAgainAfterMs) {
      publish(co_await resolve_all(now));
      known = std::move(now);
      resolved_ms = loop.now_ms();
    }
    (void)co_await metadata_.changed(version, kAgainAfterMs, scope_.token());
    (void)co_await runtime::sleep_ms(loop, kPauseMs, scope_.token());
  }
}

runtime::Task<void> BrokerAddresses::stop() {
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace server
