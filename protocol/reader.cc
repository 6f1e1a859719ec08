#include "protocol/reader.h"

#include <cstring>

namespace protocol {
namespace {

// Kafka refuses longer strings in either form, since its String sizes are int16 everywhere.
constexpr std::size_t kStringLengthMax = 0x7fff;
// Tagged fields that nobody knows are counted like elements of this size.
constexpr std::size_t kTagBytes = 32;
constexpr std::size_t kElementBytesMin = 32;

}  // namespace

base::Result<> Reader::status() const {
  if (ok()) return {};
  return base::fail(base::Errc::corrupt, failure_);
}

base::Uuid Reader::read_uuid() {
  base::Uuid id;
  const base::Bytes raw = read_view(id.bytes.size());
  if (!raw.empty()) std::memcpy(id.bytes.data(), raw.data(), raw.size());
  return id;
}

std::uint32_t Reader::read_long_unsigned_varint() {
  std::uint32_t value = 0;
  for (int shift = 0; shift <= 28; shift += 7) {
    if (cursor_ == end_) {
      fail("varint ends early");
      return 0;
    }
    const auto byte = std::to_integer<std::uint32_t>(*cursor_++);
    value |= (byte & 0x7fu) << shift;
    if ((byte & 0x80u) == 0) {
      if (shift == 28 && byte > 0x0fu) break;
      return value;
    }
  }
  fail("varint of more than 32 bits");
  return 0;
}

std::int64_t Reader::read_varlong() {
  std::uint64_t value = 0;
  for (int shift = 0; shift <= 63; shift += 7) {
    if (cursor_ == end_) {
      fail("varlong ends early");
      return 0;
    }
    const auto byte = std::to_integer<std::uint64_t>(*cursor_++);
    value |= (byte & 0x7fu) << shift;
    if ((byte & 0x80u) == 0) {
      if (shift == 63 && byte > 1) break;
      return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
    }
  }
  fail("varlong of more than 64 bits");
  return 0;
}

base::Bytes Reader::read_view(std::size_t size_bytes) {
  if (remaining() < size_bytes) {
    fail("message ends early");
    return {};
  }
  const base::Bytes view{cursor_, size_bytes};
  cursor_ += size_bytes;
  return view;
}

std::optional<std::size_t> Reader::read_string_length(bool compact) {
  const std::int64_t length =
      compact ? static_cast<std::int64_t>(read_unsigned_varint()) - 1 : read_int16();
  if (!ok()) return 0;
  if (length == -1) return std::nullopt;
  if (length < 0 || static_cast<std::size_t>(length) > kStringLengthMax) {
    fail("string length out of range");
    return 0;
  }
  return static_cast<std::size_t>(length);
}

std::optional<std::size_t> Reader::read_bytes_length(bool compact) {
  const std::int64_t length =
      compact ? static_cast<std::int64_t>(read_unsigned_varint()) - 1 : read_int32();
  if (!ok()) return 0;
  if (length == -1) return std::nullopt;
  if (length < 0 || static_cast<std::size_t>(length) > remaining()) {
    fail("byte array length out of range");
    return 0;
  }
  return static_cast<std::size_t>(length);
}

std::optional<std::string_view> Reader::read_nullable_string_view(bool compact) {
  const auto length = read_string_length(compact);
  if (!length) return std::nullopt;
  return base::as_text(read_view(*length));
}

std::string_view Reader::read_string_view(bool compact) {
  const auto text = read_nullable_string_view(compact);
  if (!text) fail("null string where none may be");
  return text.value_or(std::string_view());
}

std::optional<std::string> Reader::read_nullable_string(bool compact) {
  const auto text = read_nullable_string_view(compact);
  if (!text) return std::nullopt;
  return std::string(*text);
}

std::optional<RecordsView> Reader::read_nullable_records(bool compact) {
  const auto length = read_bytes_length(compact);
  if (!length) return std::nullopt;
  return read_view(*length);
}

RecordsView Reader::read_records(bool compact) {
  const auto view = read_nullable_records(compact);
  if (!view) fail("null records where none may be");
  return view.value_or(RecordsView());
}

RecordsField Reader::read_records_field(bool compact) {
  const auto view = read_nullable_records(compact);
  return {.inline_bytes = view.value_or(RecordsView()), .is_null = !view.has_value()};
}

std::optional<std::string> Reader::read_nullable_bytes(bool compact) {
  const auto view = read_nullable_records(compact);
  if (!view) return std::nullopt;
  return std::string(base::as_text(*view));
}

std::string Reader::read_bytes(bool compact) {
  auto bytes = read_nullable_bytes(compact);
  if (!bytes) fail("null byte array where none may be");
  return std::move(bytes).value_or(std::string());
}

std::optional<std::size_t> Reader::read_nullable_count(bool compact,
                                                       std::size_t element_size_min_bytes,
                                                       std::size_t decoded_size_bytes) {
  const std::int64_t count =
      compact ? static_cast<std::int64_t>(read_unsigned_varint()) - 1 : read_int32();
  if (!ok()) return 0;
  if (count == -1) return std::nullopt;
  if (count < 0 || static_cast<std::size_t>(count) > remaining() / element_size_min_bytes) {
    fail("array count out of range");
    return 0;
  }
  // Whoever takes the message makes something of each element, however small it is itself.
  const std::size_t counted_bytes =
      decoded_size_bytes == 0 ? 0 : std::max(decoded_size_bytes, kElementBytesMin);
  take_decoded(static_cast<std::size_t>(count) * counted_bytes);
  if (!ok()) return 0;
  return static_cast<std::size_t>(count);
}

std::size_t Reader::read_count(bool compact, std::size_t element_size_min_bytes,
                               std::size_t decoded_size_bytes) {
  const auto count = read_nullable_count(compact, element_size_min_bytes, decoded_size_bytes);
  if (!count) fail("null array where none may be");
  return count.value_or(0);
}

Reader::Tag Reader::begin_tag() {
  take_decoded(kTagBytes);
  Tag tag{.number = read_unsigned_varint(), .size_bytes = read_unsigned_varint()};
  if (tag.size_bytes > remaining()) fail("tagged field ends early");
  tag.end_position = position() + tag.size_bytes;
  return tag;
}

void Reader::skip_tagged_fields() {
  for (std::uint32_t left = read_unsigned_varint(); left > 0 && ok(); --left) {
    skip(begin_tag().size_bytes);
  }
}

}  // namespace protocol
