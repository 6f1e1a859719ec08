// Purpose: the system's clock and randomness.
#pragma once

#include <array>
#include <cstdint>

#include "base/mutex.h"
#include "runtime/clock.h"
#include "runtime/random.h"

namespace runtime {

class SystemClock final : public Clock {
 public:
  std::int64_t monotonic_ns() const override;
  std::int64_t wall_ms() const override;
};

// next(): xoshiro256** seeded by getrandom, for jitter and choices. fill(): getrandom itself.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  std::uint64_t next() override EXCLUDES(mutex_);
  void fill(base::MutableBytes into) override;

 private:
  base::Mutex mutex_;
  std::array<std::uint64_t, 4> state_ GUARDED_BY(mutex_);
};

}  // namespace runtime
