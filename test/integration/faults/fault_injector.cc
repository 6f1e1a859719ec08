// Goal: a real broker meets a failing disk and runs out of descriptors, by seed. Method: preloaded
// in front of libc (LD_PRELOAD) it lets calls fail, come short or take long as a control file says,
// and writes down what it did.
//
// FAULT_CONTROL names the control file; it is read anew whenever it has been replaced. Its lines:
//   seed N
//   rule OPERATION EFFECT PER_MILLE COUNT PREFIX [SUFFIX]
// OPERATION: write sync syncfs open accept rename remove truncate read. EFFECT: an errno's name, or
// short, or delay:MS. PER_MILLE: how often, by the seed. COUNT: at most so many times; 0: no bound.
// PREFIX, SUFFIX: of the path, and "-" for any. What happened is appended to FAULT_CONTROL.trace:
//   MONOTONIC_MS THREAD OPERATION EFFECT PATH
// It calls the kernel itself, so that nothing here meets its own faults.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kRulesMax = 32;
constexpr std::size_t kPathMax = 512;

struct Rule {
  char operation[16] = "";
  char effect[24] = "";
  char prefix[kPathMax] = "";
  char suffix[64] = "";
  unsigned per_mille = 0;
  long left = 0;
  std::uint64_t asked = 0;
};

struct Plan {
  std::atomic_flag busy = ATOMIC_FLAG_INIT;
  ino_t inode = 0;
  timespec written{};
  std::uint64_t seed = 0;
  Rule rules[kRulesMax];
  int rule_count = 0;
};

Plan g_plan;

const char* control_file() {
  static const char* const path = std::getenv("FAULT_CONTROL");
  return path;
}

long raw_open(const char* path, int flags) {
  return ::syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0644);
}

class Held {
 public:
  Held() {
    while (g_plan.busy.test_and_set(std::memory_order_acquire)) ::syscall(SYS_sched_yield);
  }
  ~Held() { g_plan.busy.clear(std::memory_order_release); }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;
};

void read_line(char* line) {
  Rule rule;
  unsigned long seed = 0;
  if (std::sscanf(line, "seed %lu", &seed) == 1) {
    g_plan.seed = seed;
  } else if (g_plan.rule_count < kRulesMax &&
             std::sscanf(line, "rule %15s %23s %u %ld %511s %63s", rule.operation, rule.effect,
                         &rule.per_mille, &rule.left, rule.prefix, rule.suffix) >= 5) {
    if (rule.left == 0) rule.left = LONG_MAX;
    if (rule.suffix[0] == '-') rule.suffix[0] = '\0';
    g_plan.rules[g_plan.rule_count++] = rule;
  }
}

void refresh() {
  struct stat status;
  if (::syscall(SYS_newfstatat, AT_FDCWD, control_file(), &status, 0) != 0) {
    g_plan.rule_count = 0;
    g_plan.inode = 0;
    return;
  }
  if (status.st_ino == g_plan.inode && status.st_mtim.tv_sec == g_plan.written.tv_sec &&
      status.st_mtim.tv_nsec == g_plan.written.tv_nsec) {
    return;
  }
  const long file = raw_open(control_file(), O_RDONLY);
  if (file < 0) return;
  static char text[16 * 1024];
  const long size = ::syscall(SYS_read, file, text, sizeof text - 1);
  ::syscall(SYS_close, file);
  text[std::max(size, 0L)] = '\0';
  g_plan.inode = status.st_ino;
  g_plan.written = status.st_mtim;
  g_plan.rule_count = 0;
  char* rest = nullptr;
  for (char* line = ::strtok_r(text, "\n", &rest); line != nullptr;
       line = ::strtok_r(nullptr, "\n", &rest)) {
    read_line(line);
  }
}

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ (x >> 33);
}

bool matches(const Rule& rule, const char* operation, const char* path) {
  if (std::strcmp(rule.operation, operation) != 0) return false;
  const std::size_t size = std::strlen(path), suffix = std::strlen(rule.suffix);
  return (rule.prefix[0] == '-' ||
          std::strncmp(path, rule.prefix, std::strlen(rule.prefix)) == 0) &&
         size >= suffix && std::strcmp(path + size - suffix, rule.suffix) == 0;
}

void note(const char* operation, const char* effect, const char* path) {
  char name[kPathMax];
  std::snprintf(name, sizeof name, "%s.trace", control_file());
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  char line[kPathMax + 128];
  const int size =
      std::snprintf(line, sizeof line, "%lld %ld %s %s %s\n",
                    static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000,
                    ::syscall(SYS_gettid), operation, effect, path);
  const long file = raw_open(name, O_WRONLY | O_APPEND | O_CREAT);
  if (file < 0) return;
  ::syscall(SYS_write, file, line, std::min<std::size_t>(size, sizeof line - 1));
  ::syscall(SYS_close, file);
}

// The effect of the first rule that fires, copied out.
bool fires(const char* operation, const char* path, char* effect, std::size_t effect_bytes) {
  if (control_file() == nullptr) return false;
  Held held;
  refresh();
  for (int i = 0; i < g_plan.rule_count; ++i) {
    Rule& rule = g_plan.rules[i];
    if (rule.left <= 0 || !matches(rule, operation, path)) continue;
    const std::uint64_t drawn = mixed(g_plan.seed + mixed(++rule.asked * 64 + i)) % 1000;
    if (drawn >= rule.per_mille) continue;
    --rule.left;
    std::snprintf(effect, effect_bytes, "%s", rule.effect);
    note(operation, effect, path);
    return true;
  }
  return false;
}

int errno_of(const char* name) {
  constexpr struct {
    const char* name;
    int value;
  } kNames[] = {{"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EMFILE", EMFILE},
                {"ENFILE", ENFILE}, {"EROFS", EROFS},   {"EINTR", EINTR}};
  for (const auto& each : kNames) {
    if (std::strcmp(name, each.name) == 0) return each.value;
  }
  return 0;
}

enum class Outcome { real, fail, cut };

// What becomes of the call; errno is set for `fail`. A delay has passed when this returns.
Outcome outcome_of(const char* operation, const char* path) {
  const int before = errno;
  char effect[24];
  if (!fires(operation, path, effect, sizeof effect)) {
    errno = before;
    return Outcome::real;
  }
  if (std::strncmp(effect, "delay:", 6) == 0) {
    const long ms = std::strtol(effect + 6, nullptr, 10);
    timespec left{ms / 1000, ms % 1000 * 1'000'000};
    while (::nanosleep(&left, &left) != 0) {
    }
    errno = before;
    return Outcome::real;
  }
  if (std::strcmp(effect, "short") == 0) {
    errno = before;
    return Outcome::cut;
  }
  errno = errno_of(effect);
  return Outcome::fail;
}

Outcome outcome_of(const char* operation, int descriptor) {
  if (control_file() == nullptr) return Outcome::real;
  char link[64];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  char path[kPathMax];
  const long size = ::syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  path[std::max(size, 0L)] = '\0';
  return outcome_of(operation, path);
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t pwritev64(int descriptor, const iovec* parts, int count, off64_t position) {
  static auto* const real = next<decltype(pwritev64)>("pwritev64");
  switch (outcome_of("write", descriptor)) {
    case Outcome::fail: return -1;
    case Outcome::real: return real(descriptor, parts, count, position);
    case Outcome::cut: break;
  }
  // Half of the first part, at least a byte: what a signal or a nearly full disk lets through.
  if (count == 0) return real(descriptor, parts, count, position);
  const iovec part{parts[0].iov_base, std::max<std::size_t>(parts[0].iov_len / 2, 1)};
  return real(descriptor, parts[0].iov_len == 0 ? parts : &part, 1, position);
}

int fdatasync(int descriptor) {
  static auto* const real = next<decltype(fdatasync)>("fdatasync");
  return outcome_of("sync", descriptor) == Outcome::fail ? -1 : real(descriptor);
}

int fsync(int descriptor) {
  static auto* const real = next<decltype(fsync)>("fsync");
  return outcome_of("sync", descriptor) == Outcome::fail ? -1 : real(descriptor);
}

int syncfs(int descriptor) noexcept {
  static auto* const real = next<decltype(syncfs)>("syncfs");
  return outcome_of("syncfs", descriptor) == Outcome::fail ? -1 : real(descriptor);
}

int ftruncate64(int descriptor, off64_t size) noexcept {
  static auto* const real = next<decltype(ftruncate64)>("ftruncate64");
  return outcome_of("truncate", descriptor) == Outcome::fail ? -1 : real(descriptor, size);
}

ssize_t pread64(int descriptor, void* into, size_t size, off64_t position) {
  static auto* const real = next<decltype(pread64)>("pread64");
  return outcome_of("read", descriptor) == Outcome::fail ? -1
                                                         : real(descriptor, into, size, position);
}

ssize_t preadv64v2(int descriptor, const iovec* parts, int count, off64_t position, int flags) {
  static auto* const real = next<decltype(preadv64v2)>("preadv64v2");
  if (outcome_of("read", descriptor) == Outcome::fail) return -1;
  return real(descriptor, parts, count, position, flags);
}

int open64(const char* path, int flags, ...) {
  static auto* const real = next<decltype(open64)>("open64");
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  return outcome_of("open", path) == Outcome::fail ? -1 : real(path, flags, mode);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = next<decltype(rename)>("rename");
  return outcome_of("rename", from) == Outcome::fail ? -1 : real(from, to);
}

int unlink(const char* path) noexcept {
  static auto* const real = next<decltype(unlink)>("unlink");
  return outcome_of("remove", path) == Outcome::fail ? -1 : real(path);
}

int accept4(int descriptor, sockaddr* address, socklen_t* size, int flags) {
  static auto* const real = next<decltype(accept4)>("accept4");
  return outcome_of("accept", "-") == Outcome::fail ? -1 : real(descriptor, address, size, flags);
}

}  // extern "C"
