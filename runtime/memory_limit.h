// Purpose: how much memory this process may use at most.
#pragma once

#include <cstdint>

#include "runtime/file.h"

namespace runtime {

// The smaller of the machine's memory and the cgroup's limit (v2, else v1); 0 if neither is known.
std::int64_t memory_limit_bytes(FileSystem& files);

}  // namespace runtime
