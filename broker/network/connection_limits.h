// Purpose: how many connections there may be: in all, per listener, per address.
//
// Full: the acceptor waits, so connections wait in the backlog. An address over its own limit: the
// connection is closed at once. The inter-broker listener, when it is not the only one, is not held
// back by the broker's limit; somebody else's connection is closed for it instead.
// Source: ConnectionQuotas in Kafka's SocketServer (KIP-306, KIP-402, KIP-612).
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/wait.h"

namespace network {

struct ConnectionLimitValues {
  static constexpr std::int32_t kUnlimited = std::numeric_limits<std::int32_t>::max();
  std::int32_t total_max = kUnlimited;
  std::int32_t per_ip_max = kUnlimited;
  std::map<std::string, std::int32_t> per_ip_overrides;  // by address, not name
  std::map<std::string, std::int32_t> per_listener_max;  // by listener name
};

// Any thread.
class ConnectionLimits {
 public:
  // One connection's place; gives it back when destroyed, on any thread. The limits live longer.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept;
    Slot& operator=(Slot&&) = delete;
    ~Slot();

   private:
    friend class ConnectionLimits;
    ConnectionLimits* limits_ = nullptr;
    std::string listener_;
    std::string ip_;
  };

  // `protected_listener`: the inter-broker listener if there are others, else empty.
  ConnectionLimits(ConnectionLimitValues values, std::string protected_listener)
      : values_(std::move(values)), protected_listener_(std::move(protected_listener)) {}
  ~ConnectionLimits();
  ConnectionLimits(const ConnectionLimits&) = delete;
  ConnectionLimits& operator=(const ConnectionLimits&) = delete;

  // Waits on the calling loop until the listener may have one more. Errc::unavailable: this address
  // has too many (the context names limit and address); Errc::cancelled.
  runtime::Task<base::Result<Slot>> acquire(std::string listener, std::string ip,
                                            runtime::CancelToken token) EXCLUDES(mutex_);
  // More than total_max: the protected listener went over it, somebody has to go.
  bool is_exceeded() const EXCLUDES(mutex_);
  void update(ConnectionLimitValues values) EXCLUDES(mutex_);
  std::int64_t connection_count() const { return total_.load(std::memory_order_relaxed); }
  const std::string& protected_listener() const { return protected_listener_; }

 private:
  bool is_full(const std::string& listener) const REQUIRES(mutex_);
  base::Result<Slot> take(std::string listener, std::string ip) REQUIRES(mutex_);
  // Nullopt: full, `sender` will be told when there may be room.
  std::optional<base::Result<Slot>> take_or_queue(const std::string& listener,
                                                  const std::string& ip,
                                                  runtime::Sender<std::monostate> sender)
      EXCLUDES(mutex_);
  void release(const std::string& listener, const std::string& ip) EXCLUDES(mutex_);
  void wake() EXCLUDES(mutex_);

  mutable base::Mutex mutex_;
  ConnectionLimitValues values_ GUARDED_BY(mutex_);
  const std::string protected_listener_;
  std::atomic<std::int64_t> total_{0};  // written under mutex_
  std::unordered_map<std::string, std::int32_t> by_ip_ GUARDED_BY(mutex_);
  std::map<std::string, std::int32_t> by_listener_ GUARDED_BY(mutex_);
  std::vector<runtime::Sender<std::monostate>> waiting_ GUARDED_BY(mutex_);
};

}  // namespace network
