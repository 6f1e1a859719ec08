// A preloaded library that counts a process's allocations, for the gate "no allocation per record".
//
//   LD_PRELOAD=liballoc_count.so ALLOC_COUNT_FILE=/path program
//
// The file then begins with a native 64-bit count that grows while the program runs. operator new
// ends in malloc and is counted there.
#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "bench/shared_count.h"

// glibc's own names for the functions that this library stands in front of.
extern "C" {
void* __libc_malloc(std::size_t size_bytes);
void* __libc_calloc(std::size_t count, std::size_t size_bytes);
void* __libc_realloc(void* memory, std::size_t size_bytes);
void* __libc_memalign(std::size_t alignment, std::size_t size_bytes);
}

namespace {

constinit bench::SharedCount count;

void note() { count.note(); }

__attribute__((constructor)) void open_file() { count.open("ALLOC_COUNT_FILE"); }

}  // namespace

extern "C" {

void* malloc(std::size_t size_bytes) {
  note();
  return __libc_malloc(size_bytes);
}
void* calloc(std::size_t number, std::size_t size_bytes) {
  note();
  return __libc_calloc(number, size_bytes);
}
void* realloc(void* memory, std::size_t size_bytes) {
  note();
  return __libc_realloc(memory, size_bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t size_bytes) {
  note();
  return __libc_memalign(alignment, size_bytes);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size_bytes) {
  note();
  *memory = __libc_memalign(alignment, size_bytes);
  return *memory == nullptr ? 12 : 0;  // ENOMEM
}

}  // extern "C"
