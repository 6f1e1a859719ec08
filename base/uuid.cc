#include "base/uuid.h"

namespace base {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::optional<std::uint32_t> digit_value(char c) {
  const std::size_t value = kAlphabet.find(c);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

}  // namespace

std::string base64url_encode(std::span<const std::uint8_t> bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (std::uint8_t byte : bytes) {
    bits = (bits << 8) | byte;
    bit_count += 8;
    while (bit_count >= 6) {
      bit_count -= 6;
      text += kAlphabet[(bits >> bit_count) & 63];
    }
  }
  if (bit_count > 0) text += kAlphabet[(bits << (6 - bit_count)) & 63];
  return text;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  std::string bytes;
  std::uint32_t bits = 0;
  int bit_count = 0;
  for (char c : text) {
    const auto value = digit_value(c);
    if (!value) return std::nullopt;
    bits = (bits << 6) | *value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes += static_cast<char>((bits >> bit_count) & 0xff);
    }
  }
  return bytes;
}

Uuid Uuid::from_random(std::span<const std::uint8_t, 16> random) {
  Uuid id;
  std::memcpy(id.bytes.data(), random.data(), 16);
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  return id;
}

std::optional<Uuid> Uuid::parse(std::string_view base64url) {
  // Java accepts padding and ids written by hand; 22 characters is what Kafka writes.
  while (base64url.ends_with('=')) base64url.remove_suffix(1);
  if (base64url.size() != 22) return std::nullopt;
  const auto decoded = base64url_decode(base64url);
  if (!decoded || decoded->size() != 16) return std::nullopt;
  Uuid id;
  std::memcpy(id.bytes.data(), decoded->data(), 16);
  return id;
}

bool Uuid::is_usable() const {
  Uuid one;
  one.bytes[15] = 1;
  return !is_zero() && *this != one && !to_string().starts_with('-');
}

std::string Uuid::to_string() const { return base64url_encode(bytes); }

}  // namespace base
