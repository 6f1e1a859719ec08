#include "broker/network/connection_limits.h"

#include <utility>

#include "base/check.h"

namespace network {

ConnectionLimits::Slot::Slot(Slot&& other) noexcept
    : limits_(std::exchange(other.limits_, nullptr)),
      listener_(std::move(other.listener_)),
      ip_(std::move(other.ip_)) {}

ConnectionLimits::Slot::~Slot() {
  if (limits_ != nullptr) limits_->release(listener_, ip_);
}

ConnectionLimits::~ConnectionLimits() {
  VERIFY(connection_count() == 0, "connection limits were destroyed under {} connections",
         connection_count());
}

bool ConnectionLimits::is_full(const std::string& listener) const {
  const auto limit = values_.per_listener_max.find(listener);
  const auto count = by_listener_.find(listener);
  if (limit != values_.per_listener_max.end() && count != by_listener_.end() &&
      count->second >= limit->second) {
    return true;
  }
  return listener != protected_listener_ && connection_count() >= values_.total_max;
}

base::Result<ConnectionLimits::Slot> ConnectionLimits::take(std::string listener, std::string ip) {
  const auto override_max = values_.per_ip_overrides.find(ip);
  const std::int32_t ip_max =
      override_max != values_.per_ip_overrides.end() ? override_max->second : values_.per_ip_max;
  // Not operator[]: an address that is refused leaves nothing behind.
  const auto found = by_ip_.find(ip);
  if ((found == by_ip_.end() ? 0 : found->second) >= ip_max) {
    return base::fail(base::Errc::unavailable, "address " + ip + " has reached its limit of " +
                                                   std::to_string(ip_max) +
                                                   " (max.connections.per.ip)");
  }
  ++by_ip_[ip];
  ++by_listener_[listener];
  total_.fetch_add(1, std::memory_order_relaxed);
  Slot slot;
  slot.limits_ = this;
  slot.listener_ = std::move(listener);
  slot.ip_ = std::move(ip);
  return slot;
}

std::optional<base::Result<ConnectionLimits::Slot>> ConnectionLimits::take_or_queue(
    const std::string& listener, const std::string& ip, runtime::Sender<std::monostate> sender) {
  base::LockGuard guard(mutex_);
  if (!is_full(listener)) return take(listener, ip);
  waiting_.push_back(std::move(sender));
  return std::nullopt;
}

runtime::Task<base::Result<ConnectionLimits::Slot>> ConnectionLimits::acquire(
    std::string listener, std::string ip, runtime::CancelToken token) {
  for (;;) {
    auto [sender, receiver] = runtime::one_shot<std::monostate>(*runtime::Loop::current());
    auto slot = take_or_queue(listener, ip, std::move(sender));
    if (slot) co_return std::move(*slot);
    CO_TRY(co_await receiver.wait(runtime::kNoTimeout, token));
  }
}

void ConnectionLimits::release(const std::string& listener, const std::string& ip) {
  {
    base::LockGuard guard(mutex_);
    const auto by_ip = by_ip_.find(ip);
    if (--by_ip->second == 0) by_ip_.erase(by_ip);
    --by_listener_[listener];
    total_.fetch_sub(1, std::memory_order_relaxed);
  }
  wake();
}

void ConnectionLimits::wake() {
  std::vector<runtime::Sender<std::monostate>> waiting;
  {
    base::LockGuard guard(mutex_);
    waiting.swap(waiting_);
  }
  for (auto& sender : waiting) sender.complete({});
}

bool ConnectionLimits::is_exceeded() const {
  base::LockGuard guard(mutex_);
  return connection_count() > values_.total_max;
}

void ConnectionLimits::update(ConnectionLimitValues values) {
  {
    base::LockGuard guard(mutex_);
    values_ = std::move(values);
  }
  wake();
}

}  // namespace network
