// Goal: a burst of one second's worth passes, what follows is spread evenly.
#include "broker/network/creation_rate.h"

#include <doctest/doctest.h>

namespace network {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

TEST_CASE("connections beyond the rate wait") {
  CreationRate rate;
  const std::int64_t start_ns = 5 * kSecondNs;
  for (int i = 0; i <= 10; ++i) CHECK(rate.take(start_ns, 10) == 0);
  CHECK(rate.take(start_ns, 10) == 101);
  CHECK(rate.take(start_ns, 10) == 201);
  CHECK(rate.take(start_ns + 10 * kSecondNs, 10) == 0);  // long quiet: a new burst
}

TEST_CASE("no limit, and the smallest one") {
  CreationRate rate;
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(rate.take(1, CreationRate::kUnlimited) > 0);
  CHECK(rate.take(1, 0) == 0);
  CHECK(rate.take(1, 0) == 0);
  CHECK(rate.take(1, 0) > 900);
}

}  // namespace
}  // namespace network
