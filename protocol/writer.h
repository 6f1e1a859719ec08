// Purpose: writes Kafka's wire primitives into one buffer.
//
// A message's encode() reserves its exact size first, so the buffer is allocated once. Every
// write still checks the room (a wrong reservation costs a copy, never memory safety).
//
// What the wire cannot carry (a field that the version does not have, a null where none may be, an
// array or frame beyond the format's limits) fails the Writer, and the caller asks once at the end
// (failure()): whoever made the message has a fault, and the process goes on. Bytes that are sent
// from a file instead of memory appear as Splices.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/big_endian.h"
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/uuid.h"
#include "protocol/records.h"

namespace protocol {

// Between the buffer's bytes before and after position_in_buffer go size_bytes from elsewhere.
struct Splice {
  std::size_t position_in_buffer = 0;
  std::uint32_t size_bytes = 0;
};

// A string longer than the wire can carry (it can only come from ZooKeeper, a setting or an error
// text of our own) is cut to this length; Kafka would fail the request instead.
inline constexpr std::size_t kWireStringLengthMax = 0x7fff;

class Writer {
 public:
  Writer() = default;
  // Appends behind the buffer's content.
  explicit Writer(base::Buffer buffer) : buffer_(std::move(buffer)) { adopt(); }

  // Makes room for that many bytes more.
  void reserve(std::size_t size_bytes) {
    if (static_cast<std::size_t>(end_ - cursor_) < size_bytes) grow(size_bytes);
  }
  // Bytes in the buffer so far (spliced bytes not counted).
  std::size_t position() const { return static_cast<std::size_t>(cursor_ - begin_); }
  // Bytes that will be on the wire: the buffer and all splices.
  std::size_t wire_size_bytes() const { return position() + spliced_size_bytes_; }
  const std::vector<Splice>& splices() const { return splices_; }
  std::vector<Splice> take_splices() { return std::exchange(splices_, {}); }
  base::Bytes written() const { return {begin_, position()}; }
  bool ok() const { return failure_.empty(); }
  // The first thing that could not be written, for a log line; what was written is void then.
  const std::string& failure() const { return failure_; }
  // Hands out the buffer; the Writer is empty afterwards.
  base::Buffer take();

  void write_int8(std::int8_t value) { write_integer(value); }
  void write_int16(std::int16_t value) { write_integer(value); }
  void write_uint16(std::uint16_t value) { write_integer(value); }
  void write_int32(std::int32_t value) { write_integer(value); }
  void write_uint32(std::uint32_t value) { write_integer(value); }
  void write_int64(std::int64_t value) { write_integer(value); }
  void write_bool(bool value) { write_integer<std::uint8_t>(value ? 1 : 0); }
  void write_float64(double value) { write_integer(std::bit_cast<std::uint64_t>(value)); }
  void write_uuid(const base::Uuid& id) { write_raw(std::as_bytes(std::span(id.bytes))); }
  void write_raw(base::Bytes bytes);
  // Overwrites four bytes written earlier, such as a frame's length.
  void patch_int32(std::size_t position, std::int32_t value);

  void write_unsigned_varint(std::uint32_t value);
  void write_varint(std::int32_t value) {  // zigzag
    const auto bits = static_cast<std::uint32_t>(value);
    write_unsigned_varint((bits << 1) ^ static_cast<std::uint32_t>(value >> 31));
  }
  void write_varlong(std::int64_t value);  // zigzag

  // `compact` selects the flexible form. nullopt is written as null.
  void write_string(std::string_view text, bool compact);
  void write_nullable_string(std::optional<std::string_view> text, bool compact);
  void write_bytes(base::Bytes bytes, bool compact);
  void write_bytes(std::string_view bytes, bool compact) {
    write_bytes(base::as_bytes(bytes), compact);
  }
  void write_null_bytes(bool compact);
  void write_records_field(const RecordsField& records, bool compact);

  void write_count(std::size_t count, bool compact);
  void write_null_count(bool compact);

  // "`field` `problem` (version 3)".
  void fail(const char* field, const char* problem, std::int16_t version);
  // For generated encoders: a field with another value than its default that the version does not
  // have and whose loss would change the meaning; a null where the version has none.
  void expect_absent(bool at_default, const char* field, std::int16_t version) {
    if (!at_default) [[unlikely]]
      fail(field, "is set, but the version cannot carry it", version);
  }
  void expect_present(bool present, const char* field, std::int16_t version) {
    if (!present) [[unlikely]]
      fail(field, "is null, but may not be", version);
  }

 private:
  template <class T>
  void write_integer(T value) {
    reserve(sizeof value);
    base::store_be(cursor_, value);
    cursor_ += sizeof value;
  }
  void adopt();   // takes cursor and end from the buffer
  void commit();  // tells the buffer what was written
  void grow(std::size_t size_bytes);

  base::Buffer buffer_;
  std::byte* begin_ = nullptr;
  std::byte* cursor_ = nullptr;
  std::byte* end_ = nullptr;
  std::vector<Splice> splices_;
  std::size_t spliced_size_bytes_ = 0;
  std::string failure_;
};

// Sizes of what the Writer writes.
constexpr std::size_t unsigned_varint_size(std::uint32_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1u)) + 6) / 7;
}
inline std::size_t string_size(std::string_view text, bool compact) {
  const std::size_t length = std::min(text.size(), kWireStringLengthMax);
  return (compact ? unsigned_varint_size(static_cast<std::uint32_t>(length) + 1) : 2) + length;
}
inline std::size_t nullable_string_size(std::optional<std::string_view> text, bool compact) {
  if (text.has_value()) return string_size(*text, compact);
  return compact ? 1 : 2;
}
inline std::size_t count_size(std::size_t count, bool compact) {
  return compact ? unsigned_varint_size(static_cast<std::uint32_t>(count) + 1) : 4;
}
inline std::size_t null_count_size(bool compact) { return compact ? 1 : 4; }
inline std::size_t bytes_size(std::size_t length, bool compact) {
  return count_size(length, compact) + length;
}
// What stands in the buffer: the length and the inline bytes.
std::size_t records_field_size(const RecordsField& records, bool compact);

}  // namespace protocol
