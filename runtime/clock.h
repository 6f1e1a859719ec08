// Purpose: the door to time. Synchronous code takes time as a value; only shells read a clock.
#pragma once

#include <cstdint>

namespace runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t monotonic_ns() const = 0;  // never goes back; not related to the calendar
  virtual std::int64_t wall_ms() const = 0;       // since the epoch; may jump

  std::int64_t monotonic_ms() const { return monotonic_ns() / 1'000'000; }
};

}  // namespace runtime
