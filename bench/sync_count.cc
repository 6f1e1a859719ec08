// A preloaded library that counts how often a process asks the disk to make something durable:
// fsync, fdatasync, syncfs, sync_file_range. The Java broker ends in the same calls.
//
//   LD_PRELOAD=libsync_count.so SYNC_COUNT_FILE=/path program
//
// The file then begins with a native 64-bit count that grows while the program runs.
#include <dlfcn.h>

#include <cstdint>
#include <cstdlib>

#include "bench/shared_count.h"

namespace {

constinit bench::SharedCount count;

void note() { count.note(); }

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

__attribute__((constructor)) void open_file() { count.open("SYNC_COUNT_FILE"); }

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
