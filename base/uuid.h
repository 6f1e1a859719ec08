// Purpose: 16-byte identifiers as Kafka uses them (topic ids, cluster id, directory ids).
//
// Text form: base64url without padding, 22 characters (org.apache.kafka.common.Uuid).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  // A type-4 UUID from 16 random bytes. Kafka never uses an id whose text starts with '-'
  // (it would read as a flag) nor the reserved ids 0 and 1: draw again while !is_usable().
  static Uuid from_random(std::span<const std::uint8_t, 16> random);
  static std::optional<Uuid> parse(std::string_view base64url);

  bool is_zero() const { return *this == Uuid{}; }
  bool is_usable() const;
  std::string to_string() const;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

// Base64url without padding, for ids, and its inverse; nullopt for anything malformed.
std::string base64url_encode(std::span<const std::uint8_t> bytes);
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace base

template <>
struct std::hash<base::Uuid> {
  std::size_t operator()(const base::Uuid& id) const noexcept {
    std::uint64_t low;
    std::memcpy(&low, id.bytes.data() + 8, sizeof low);
    return static_cast<std::size_t>(low);
  }
};
