// Purpose: CRC-32C (Castagnoli), the checksum of record batches v2 and producer snapshots.
// Backed by ISA-L, which picks the fastest form for the processor at run time.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace base {

// `previous` continues an earlier call's result over adjacent bytes.
std::uint32_t crc32c(Bytes bytes, std::uint32_t previous = 0);

}  // namespace base
