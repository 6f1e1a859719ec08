// Purpose: the last stable offset, out of two values that others move meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/types.h"

namespace storage {

// A transaction's start becomes known before the high watermark moves beyond it, and its end after
// that: so the high watermark is read first. The other way round a transaction that began in
// between would be overlooked. `first_unstable` gives -1 when none is open.
template <class HighWatermark, class FirstUnstable>
base::Offset last_stable_offset(HighWatermark high_watermark, FirstUnstable first_unstable) {
  const std::int64_t replicated = high_watermark();
  const std::int64_t unstable = first_unstable();
  return base::Offset(unstable >= 0 ? std::min(unstable, replicated) : replicated);
}

}  // namespace storage
