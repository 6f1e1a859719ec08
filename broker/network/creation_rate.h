// Purpose: how fast connections may come in (max.connection.creation.rate, KIP-612).
//
// One second's worth may come at once, then they are spread evenly. (Kafka counts over a window of
// quota.window.num seconds and waits longer after a burst.)
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace network {

// One thread.
class CreationRate {
 public:
  static constexpr std::int32_t kUnlimited = std::numeric_limits<std::int32_t>::max();

  // Counts a connection; how long to wait before it is served.
  std::int64_t take(std::int64_t now_ns, std::int32_t per_second_max) {
    if (per_second_max == kUnlimited) return 0;
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    constexpr std::int64_t kNsPerMs = 1'000'000;
    due_ns_ = std::max(due_ns_, now_ns);
    const std::int64_t wait_ns = due_ns_ - now_ns - kNsPerSecond;
    due_ns_ += kNsPerSecond / std::max(per_second_max, 1);
    return wait_ns <= 0 ? 0 : wait_ns / kNsPerMs + 1;
  }

 private:
  std::int64_t due_ns_ = 0;  // when the connections so far would have come, evenly spread
};

}  // namespace network
