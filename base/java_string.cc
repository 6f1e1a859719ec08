#include "base/java_string.h"

#include <climits>

namespace base {
namespace {

constexpr std::uint32_t kReplacement = 0xfffd;

// The shape of a sequence by its first byte; size 0 if none starts so.
struct Lead {
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned second_min = 0x80;  // overlong forms and surrogates show in the second byte
  unsigned second_max = 0xbf;
};

Lead lead_of(unsigned byte) {
  if (byte < 0x80) return {1, byte};
  if (byte >= 0xc2 && byte <= 0xdf) return {2, byte & 0x1f};
  if (byte == 0xe0) return {3, byte & 0x0f, 0xa0, 0xbf};
  if (byte == 0xed) return {3, byte & 0x0f, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {3, byte & 0x0f};
  if (byte == 0xf0) return {4, byte & 0x07, 0x90, 0xbf};
  if (byte == 0xf4) return {4, byte & 0x07, 0x80, 0x8f};
  if (byte >= 0xf1 && byte <= 0xf3) return {4, byte & 0x07};
  return {};
}

// Cuts one code point off; a sequence that breaks off becomes one replacement character.
std::uint32_t next_code_point(std::string_view& rest) {
  const Lead lead = lead_of(static_cast<unsigned char>(rest.front()));
  if (lead.size == 0) {
    rest.remove_prefix(1);
    return kReplacement;
  }
  std::uint32_t point = lead.bits;
  for (std::size_t i = 1; i < lead.size; ++i) {
    const unsigned byte = i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0;
    const unsigned low = i == 1 ? lead.second_min : 0x80;
    const unsigned high = i == 1 ? lead.second_max : 0xbf;
    if (byte < low || byte > high) {
      rest.remove_prefix(i);
      return kReplacement;
    }
    point = point << 6 | (byte & 0x3f);
  }
  rest.remove_prefix(lead.size);
  return point;
}

template <class Visit>
void for_each_unit(std::string_view utf8, Visit visit) {
  while (!utf8.empty()) {
    const std::uint32_t point = next_code_point(utf8);
    if (point < 0x10000) {
      visit(point);
    } else {
      visit(0xd800 + ((point - 0x10000) >> 10));
      visit(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
}

}  // namespace

std::int32_t java_hash_code(std::string_view utf8) {
  std::uint32_t hash = 0;
  for_each_unit(utf8, [&hash](std::uint32_t unit) { hash = hash * 31 + unit; });
  return static_cast<std::int32_t>(hash);
}

std::size_t java_length(std::string_view utf8) {
  std::size_t length = 0;
  for_each_unit(utf8, [&length](std::uint32_t) { ++length; });
  return length;
}

std::int32_t java_hash_partition(std::string_view utf8, std::int32_t count) {
  const std::int32_t hash = java_hash_code(utf8);
  if (hash == INT_MIN) return 0;
  return (hash < 0 ? -hash : hash) % count;
}

}  // namespace base
