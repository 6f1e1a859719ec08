// A preloaded library that counts how often a process asks the disk to make something durable:
// fsync, fdatasync, syncfs, sync_file_range. The Java broker ends in the same calls.
//
//   LD_PRELOAD=libsync_count.so SYNC_COUNT_FILE=/path program
//
// The file then begins with a native 64-bit count that grows while the program runs.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

std::atomic<std::uint64_t> before_file{0};
std::atomic<std::atomic<std::uint64_t>*> count{&before_file};

void note() { count.load(std::memory_order_relaxed)->fetch_add(1, std::memory_order_relaxed); }

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

__attribute__((constructor)) void open_file() {
  const char* path = std::getenv("SYNC_COUNT_FILE");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0 || ::ftruncate(file, sizeof(std::uint64_t)) != 0) return;
  void* page = ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (page != MAP_FAILED) count.store(static_cast<std::atomic<std::uint64_t>*>(page));
}

}  // namespace

extern "C" {

int fsync(int file) {
  static const auto real = next<int(int)>("fsync");
  note();
  return real(file);
}
int fdatasync(int file) {
  static const auto real = next<int(int)>("fdatasync");
  note();
  return real(file);
}
int syncfs(int file) noexcept {
  static const auto real = next<int(int)>("syncfs");
  note();
  return real(file);
}
int sync_file_range(int file, off64_t from, off64_t bytes, unsigned int flags) {
  static const auto real = next<int(int, off64_t, off64_t, unsigned int)>("sync_file_range");
  note();
  return real(file, from, bytes, flags);
}

}  // extern "C"
