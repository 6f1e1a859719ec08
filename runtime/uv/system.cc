#include "runtime/uv/system.h"

#include <sys/random.h>
#include <time.h>

#include <bit>
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

}  // namespace

std::int64_t SystemClock::monotonic_ns() const { return read_clock_ns(CLOCK_MONOTONIC); }
std::int64_t SystemClock::wall_ms() const { return read_clock_ns(CLOCK_REALTIME) / 1'000'000; }

SystemRandom::SystemRandom() {
  fill_from_kernel(std::as_writable_bytes(std::span(state_)));
  state_[0] |= 1;  // the one forbidden state is all zeros
}

// xoshiro256** by Blackman and Vigna (public domain).
std::uint64_t SystemRandom::next() {
  base::LockGuard guard(mutex_);
  auto& s = state_;
  const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
  const std::uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

void SystemRandom::fill(base::MutableBytes into) { fill_from_kernel(into); }

}  // namespace runtime
