// Purpose: a 64-bit count in a file that a preloaded library shares with whoever reads it: the file
// begins with the count, native byte order, which grows while the program runs. Before the file is
// open, or where it cannot be, the count is kept in the process alone. Any thread; no allocation.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace bench {

class SharedCount {
 public:
  void note() { count_.load(std::memory_order_relaxed)->fetch_add(1, std::memory_order_relaxed); }

  // To be called once, from a constructor of the library; `variable` names the file.
  void open(const char* variable) {
    const char* path = std::getenv(variable);
    if (path == nullptr) return;
    const int file = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0 || ::ftruncate(file, sizeof(std::uint64_t)) != 0) return;
    void* page =
        ::mmap(nullptr, sizeof(std::uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (page != MAP_FAILED) count_.store(static_cast<std::atomic<std::uint64_t>*>(page));
  }

 private:
  std::atomic<std::uint64_t> before_file_{0};
  std::atomic<std::atomic<std::uint64_t>*> count_{&before_file_};
};

}  // namespace bench
