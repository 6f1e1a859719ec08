// Purpose: a small, fast pseudo-random generator, seeded by the kernel (uv) or by a test (sim).
// xoshiro256** by Blackman and Vigna (public domain).
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace runtime {

class Xoshiro {
 public:
  using State = std::array<std::uint64_t, 4>;
  explicit Xoshiro(State state) : state_(state) {
    state_[0] |= 1;  // the one forbidden state is all zeros
  }
  // Spreads a small seed over the state (splitmix64).
  explicit Xoshiro(std::uint64_t seed) {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15;
      std::uint64_t mixed = seed;
      mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
      word = mixed ^ (mixed >> 31);
    }
  }

  std::uint64_t next() {
    State& s = state_;
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

 private:
  State state_;
};

}  // namespace runtime
