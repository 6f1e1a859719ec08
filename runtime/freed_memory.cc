#include "runtime/freed_memory.h"

#include <malloc.h>

namespace runtime {

void keep_freed_memory() {
  constexpr int kMmapFromBytes = 32 * 1024 * 1024;  // glibc takes no more
  constexpr int kKeptBytes = 256 * 1024 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kMmapFromBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

}  // namespace runtime
