#include "runtime/uv/system.h"

#include <sys/random.h>
#include <time.h>

#include <cerrno>

#include "base/check.h"

namespace runtime {
namespace {

std::int64_t read_clock_ns(clockid_t clock) {
  timespec time;
  ::clock_gettime(clock, &time);
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

void fill_from_kernel(base::MutableBytes into) {
  while (!into.empty()) {
    const ssize_t count = ::getrandom(into.data(), into.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    VERIFY(count > 0, "getrandom failed with errno {}", errno);
    into = into.subspan(static_cast<std::size_t>(count));
  }
}

Xoshiro::State seed_from_kernel() {
  Xoshiro::State state;
  fill_from_kernel(std::as_writable_bytes(std::span(state)));
  return state;
}

}  // namespace

std::int64_t SystemClock::monotonic_ns() const { return read_clock_ns(CLOCK_MONOTONIC); }
std::int64_t SystemClock::wall_ms() const { return read_clock_ns(CLOCK_REALTIME) / 1'000'000; }

SystemRandom::SystemRandom() : generator_(seed_from_kernel()) {}

std::uint64_t SystemRandom::next() {
  base::LockGuard guard(mutex_);
  return generator_.next();
}

void SystemRandom::fill(base::MutableBytes into) { fill_from_kernel(into); }

}  // namespace runtime
