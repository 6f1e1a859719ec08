#include "runtime/freed_memory.h"

#include <malloc.h>

namespace runtime {

void keep_freed_memory() {
  constexpr int kMmapFromBytes = 32 * 1024 * 1024;  // glibc takes no more
  // Ten requests of 1 MB with room; more would stand beside what the request budget allows.
  constexpr int kKeptBytes = 32 * 1024 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kMmapFromBytes);
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
}

}  // namespace runtime
