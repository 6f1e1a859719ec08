// Purpose: reads Kafka's wire primitives from a frame that somebody else keeps alive.
//
// Errors are sticky: the first read that does not fit fails the Reader, every later read gives
// zero, empty or null, and the caller asks once at the end (status()). That keeps generated
// decoders free of a branch per field. Views (string views, records) point into the frame.
//
// A count read here is bounded twice before anything is made of it: by the bytes that are left, and
// by the room that the decoded elements of the whole message may take. An element of one byte on
// the wire can be a hundred bytes in memory, so the first bound alone does not hold.
// Source of the formats: KIP-482 (compact types, tagged fields), Kafka's ByteBufferAccessor.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/uuid.h"
#include "protocol/records.h"

namespace protocol {

class Reader {
 public:
  static constexpr std::size_t kUnlimited = SIZE_MAX;

  // `decoded_bytes_max`: what all array elements of the message may take when decoded.
  explicit Reader(base::Bytes bytes, std::size_t decoded_bytes_max = kUnlimited)
      : begin_(bytes.data()),
        cursor_(begin_),
        end_(begin_ + bytes.size()),
        decoded_bytes_max_(decoded_bytes_max),
        decoded_bytes_left_(decoded_bytes_max) {}

  bool ok() const { return failure_ == nullptr; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - cursor_); }
  std::size_t position() const { return static_cast<std::size_t>(cursor_ - begin_); }
  // Errc::corrupt with the reason of the first failure.
  base::Result<> status() const;
  // Room that array elements and unknown tagged fields have taken so far.
  std::size_t decoded_bytes() const { return decoded_bytes_max_ - decoded_bytes_left_; }
  void fail(const char* reason) {
    if (failure_ == nullptr) failure_ = reason;
    cursor_ = end_;
  }

  std::int8_t read_int8() { return read_integer<std::int8_t>(); }
  std::int16_t read_int16() { return read_integer<std::int16_t>(); }
  std::uint16_t read_uint16() { return read_integer<std::uint16_t>(); }
  std::int32_t read_int32() { return read_integer<std::int32_t>(); }
  std::uint32_t read_uint32() { return read_integer<std::uint32_t>(); }
  std::int64_t read_int64() { return read_integer<std::int64_t>(); }
  bool read_bool() { return read_integer<std::uint8_t>() != 0; }
  double read_float64() { return std::bit_cast<double>(read_integer<std::uint64_t>()); }
  base::Uuid read_uuid();

  // At most 5 (10 for varlong) bytes and no bits beyond the type's width, else a failure.
  std::uint32_t read_unsigned_varint() {
    if (cursor_ < end_ && (std::to_integer<unsigned>(*cursor_) & 0x80u) == 0) [[likely]] {
      return std::to_integer<std::uint32_t>(*cursor_++);
    }
    return read_long_unsigned_varint();
  }
  std::int32_t read_varint() {  // zigzag
    const std::uint32_t raw = read_unsigned_varint();
    return static_cast<std::int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
  }
  std::int64_t read_varlong();  // zigzag

  // A run of bytes as a view; fails when fewer are left.
  base::Bytes read_view(std::size_t size_bytes);
  void skip(std::size_t size_bytes) { static_cast<void>(read_view(size_bytes)); }

  // `compact` selects the flexible form (length + 1 as an unsigned varint; 0 is null). The plain
  // forms fail on null.
  std::string_view read_string_view(bool compact);
  std::optional<std::string_view> read_nullable_string_view(bool compact);
  std::string read_string(bool compact) { return std::string(read_string_view(compact)); }
  std::optional<std::string> read_nullable_string(bool compact);
  std::string read_bytes(bool compact);
  std::optional<std::string> read_nullable_bytes(bool compact);
  RecordsView read_records(bool compact);
  std::optional<RecordsView> read_nullable_records(bool compact);
  RecordsField read_records_field(bool compact);  // null becomes is_null

  // An array's element count; fails when the elements, of at least `element_size_min_bytes` each,
  // cannot fit in what is left, or would take more room than the message may (`decoded_size_bytes`
  // each). nullopt is a null array.
  std::size_t read_count(bool compact, std::size_t element_size_min_bytes,
                         std::size_t decoded_size_bytes = 0);
  std::optional<std::size_t> read_nullable_count(bool compact, std::size_t element_size_min_bytes,
                                                 std::size_t decoded_size_bytes = 0);

  // Tagged fields: the count of them, then for each begin_tag ... end_tag around its value.
  // end_tag fails if the value's decoder did not consume exactly the announced size.
  struct Tag {
    std::uint32_t number = 0;
    std::uint32_t size_bytes = 0;
    std::size_t end_position = 0;
  };
  Tag begin_tag();
  void end_tag(const Tag& tag) {
    if (ok() && position() != tag.end_position) fail("tagged field of another size than announced");
  }
  // Reads a whole section of tagged fields that are all unknown.
  void skip_tagged_fields();

 private:
  template <class T>
  T read_integer() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail("message ends early");
      return 0;
    }
    const T value = base::load_be<T>(cursor_);
    cursor_ += sizeof(T);
    return value;
  }
  std::uint32_t read_long_unsigned_varint();
  void take_decoded(std::size_t size_bytes) {
    if (size_bytes > decoded_bytes_left_) {
      fail("message of more elements than one may have");
    } else {
      decoded_bytes_left_ -= size_bytes;
    }
  }
  // Lengths of the nullable forms: nullopt is null.
  std::optional<std::size_t> read_string_length(bool compact);
  std::optional<std::size_t> read_bytes_length(bool compact);

  const std::byte* begin_;
  const std::byte* cursor_;
  const std::byte* end_;
  std::size_t decoded_bytes_max_;
  std::size_t decoded_bytes_left_;
  const char* failure_ = nullptr;
};

// How many elements a decoder reserves room for before it has seen them: enough for ordinary
// messages, while a hostile count costs little until its elements have really arrived.
inline std::size_t reserve_count(std::size_t count) { return std::min<std::size_t>(count, 1024); }

// What one element of a decoded array takes, without what it points to.
template <class T>
constexpr std::size_t element_bytes(const std::vector<T>&) {
  return sizeof(T);
}
template <class T>
constexpr std::size_t element_bytes(const std::optional<std::vector<T>>&) {
  return sizeof(T);
}

}  // namespace protocol
