#include "protocol/writer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace protocol {

void Writer::adopt() {
  begin_ = buffer_.mutable_data();
  cursor_ = begin_ + buffer_.size();
  end_ = begin_ + buffer_.capacity();
}

void Writer::commit() { buffer_.commit(position() - buffer_.size()); }

void Writer::grow(std::size_t size_bytes) {
  commit();
  const std::size_t needed = buffer_.size() + size_bytes;
  buffer_.reserve(std::max({needed, 2 * buffer_.size(), std::size_t{64}}));
  adopt();
}

base::Buffer Writer::take() {
  commit();
  base::Buffer taken = std::exchange(buffer_, {});
  begin_ = cursor_ = end_ = nullptr;
  spliced_size_bytes_ = 0;
  return taken;
}

void Writer::write_raw(base::Bytes bytes) {
  if (bytes.empty()) return;
  reserve(bytes.size());
  std::memcpy(cursor_, bytes.data(), bytes.size());
  cursor_ += bytes.size();
}

void Writer::patch_int32(std::size_t position, std::int32_t value) {
  VERIFY(position + sizeof value <= this->position());
  base::store_be(begin_ + position, value);
}

void Writer::write_unsigned_varint(std::uint32_t value) {
  reserve(unsigned_varint_size(value));
  while (value >= 0x80u) {
    *cursor_++ = static_cast<std::byte>((value & 0x7fu) | 0x80u);
    value >>= 7;
  }
  *cursor_++ = static_cast<std::byte>(value);
}

void Writer::write_varlong(std::int64_t value) {
  std::uint64_t bits =
      (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  reserve((static_cast<std::size_t>(std::bit_width(bits | 1u)) + 6) / 7);
  while (bits >= 0x80u) {
    *cursor_++ = static_cast<std::byte>((bits & 0x7fu) | 0x80u);
    bits >>= 7;
  }
  *cursor_++ = static_cast<std::byte>(bits);
}

void Writer::write_string(std::string_view text, bool compact) {
  text = text.substr(0, kWireStringLengthMax);
  if (compact) {
    write_unsigned_varint(static_cast<std::uint32_t>(text.size()) + 1);
  } else {
    write_int16(static_cast<std::int16_t>(text.size()));
  }
  write_raw(base::as_bytes(text));
}

void Writer::write_nullable_string(std::optional<std::string_view> text, bool compact) {
  if (text.has_value()) {
    write_string(*text, compact);
  } else if (compact) {
    write_unsigned_varint(0);
  } else {
    write_int16(-1);
  }
}

void Writer::write_bytes(base::Bytes bytes, bool compact) {
  write_count(bytes.size(), compact);
  write_raw(bytes);
}

void Writer::write_null_bytes(bool compact) { write_null_count(compact); }

void Writer::write_records_field(const RecordsField& records, bool compact) {
  if (records.external_size_bytes > 0) {
    write_count(records.external_size_bytes, compact);
    splices_.push_back({position(), records.external_size_bytes});
    spliced_size_bytes_ += records.external_size_bytes;
  } else if (records.is_null) {
    write_null_bytes(compact);
  } else {
    write_bytes(records.inline_bytes, compact);
  }
}

std::size_t records_field_size(const RecordsField& records, bool compact) {
  if (records.external_size_bytes > 0) return count_size(records.external_size_bytes, compact);
  if (records.is_null) return null_count_size(compact);
  return bytes_size(records.inline_bytes.size(), compact);
}

void Writer::write_count(std::size_t count, bool compact) {
  if (count > 0x7fffffffu && failure_.empty()) failure_ = "an array of more than 2^31 elements";
  if (compact) {
    write_unsigned_varint(static_cast<std::uint32_t>(count) + 1);
  } else {
    write_int32(static_cast<std::int32_t>(count));
  }
}

void Writer::write_null_count(bool compact) {
  if (compact) {
    write_unsigned_varint(0);
  } else {
    write_int32(-1);
  }
}

void Writer::fail(const char* field, const char* problem, std::int16_t version) {
  if (!failure_.empty()) return;
  failure_ = std::string(field) + " " + problem + " (version " + std::to_string(version) + ")";
}

}  // namespace protocol
