// Purpose: the door to randomness. Each simulated run draws from one seed.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/uuid.h"

namespace runtime {

// Any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
  // Fit for passwords and ids (getrandom on Linux).
  virtual void fill(base::MutableBytes into) = 0;

  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  base::Uuid uuid() {
    for (;;) {
      std::array<std::uint8_t, 16> bytes;
      fill({reinterpret_cast<std::byte*>(bytes.data()), bytes.size()});
      const base::Uuid id = base::Uuid::from_random(bytes);
      if (id.is_usable()) return id;
    }
  }
};

}  // namespace runtime
