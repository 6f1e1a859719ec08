// Goal: the words that everything else is built from behave as their headers say.
#include <doctest/doctest.h>

#include <limits>

#include "base/buffer.h"
#include "base/crc32c.h"
#include "base/big_endian.h"
#include "base/result.h"
#include "base/saturating.h"
#include "base/types.h"

using base::Result;

namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return base::fail(base::Errc::invalid_argument, "odd");
  return n / 2;
}

Result<int> quarter(int n) {
  TRY_ASSIGN(const int once, half(n));
  TRY_ASSIGN(const int twice, half(once));
  return twice;
}

}  // namespace

TEST_CASE("an error passes through TRY_ASSIGN with its code and context") {
  CHECK_EQ(quarter(8).value(), 2);
  const auto failed = quarter(6);
  REQUIRE(!failed.has_value());
  CHECK(failed.error().is(base::Errc::invalid_argument));
  CHECK_EQ(failed.error().to_string(), "odd: invalid argument");
}

TEST_CASE("times that do not fit are the nearest that do") {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  CHECK(base::saturating_add(1, 2) == 3);
  CHECK(base::saturating_add(1, kMax) == kMax);
  CHECK(base::saturating_add(-2, kMin) == kMin);
  CHECK(base::saturating_sub(1, kMin) == kMax);
  CHECK(base::saturating_sub(-2, kMax) == kMin);
  CHECK(base::saturating_sub(7, 9) == -2);
}

TEST_CASE("errno values compare with std::errc") {
  const auto error = base::Error::from_errno(ENOSPC, "write x");
  CHECK(error.is(std::errc::no_space_on_device));
}

TEST_CASE("crc32c gives the check value of its definition, in one piece and in two") {
  const auto bytes = base::as_bytes("123456789");
  CHECK_EQ(base::crc32c(bytes), 0xe3069283u);
  CHECK_EQ(base::crc32c(bytes.subspan(4), base::crc32c(bytes.first(4))), 0xe3069283u);
}

TEST_CASE("big-endian round trip") {
  std::byte raw[8];
  base::store_be<std::int32_t>(raw, -2);
  CHECK_EQ(raw[0], std::byte{0xff});
  CHECK_EQ(base::load_be<std::int32_t>(raw), -2);
}

TEST_CASE("uuid text form is Kafka's") {
  const auto id = base::Uuid::parse("qCqvWVu9Q6OJ_udtfKYegA");
  REQUIRE(id.has_value());
  CHECK_EQ(id->to_string(), "qCqvWVu9Q6OJ_udtfKYegA");
  CHECK(!base::Uuid::parse("short").has_value());
  CHECK(!base::Uuid{}.is_usable());
}

TEST_CASE("a buffer shares its bytes and grows") {
  auto buffer = base::Buffer::with_capacity(4);
  buffer.append(base::as_bytes("abc"));
  buffer.append(base::as_bytes("defgh"));
  CHECK_EQ(base::as_text(buffer.bytes()), "abcdefgh");
  const base::Buffer shared = buffer;
  CHECK_EQ(shared.data(), buffer.data());
  CHECK(!buffer.is_sole_owner());
}
