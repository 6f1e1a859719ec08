// A preloaded library that counts a process's allocations, for the gate "no allocation per record".
//
//   LD_PRELOAD=liballoc_count.so ALLOC_COUNT_FILE=/path program
//
// The file then begins with a native 64-bit count that grows while the program runs. operator new
// ends in malloc and is counted there.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// glibc's own names for the functions that this library stands in front of.
extern "C" {
void* __libc_malloc(std::size_t size_bytes);
void* __libc_calloc(std::size_t count, std::size_t size_bytes);
void* __libc_realloc(void* memory, std::size_t size_bytes);
void* __libc_memalign(std::size_t alignment, std::size_t size_bytes);
}

namespace {

std::atomic<std::uint64_t> before_file{0};
std::atomic<std::atomic<std::uint64_t>*> count{&before_file};

void note() { count.load(std::memory_order_relaxed)->fetch_add(1, std::memory_order_relaxed); }

__attribute__((constructor)) void open_file() {
  const char* path = std::getenv("ALLOC_COUNT_FILE");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0 || ::ftruncate(file, sizeof(std::uint64_t)) != 0) return;
  void* page = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (page != MAP_FAILED) count.store(static_cast<std::atomic<std::uint64_t>*>(page));
}

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
