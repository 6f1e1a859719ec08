// Purpose: the system's clock and randomness.
#pragma once

#include <cstdint>

#include "base/mutex.h"
#include "runtime/clock.h"
#include "runtime/random.h"
#include "runtime/xoshiro.h"

namespace runtime {

class SystemClock final : public Clock {
 public:
  std::int64_t monotonic_ns() const override;
  std::int64_t wall_ms() const override;
};

// next(): a generator seeded by getrandom, for jitter and choices. fill(): getrandom itself.
class SystemRandom final : public Random {
 public:
  SystemRandom();
  std::uint64_t next() override EXCLUDES(mutex_);
  void fill(base::MutableBytes into) override;

 private:
  base::Mutex mutex_;
  Xoshiro generator_ GUARDED_BY(mutex_);
};

}  // namespace runtime
