#include "storage/record_walk.h"

#include <algorithm>

#include "storage/log_error.h"

namespace storage {

RecordWalk::RecordWalk(const protocol::RecordBatchView& batch, protocol::DecompressStream* stream)
    : stream_(stream),
      base_timestamp_ms_(batch.base_timestamp()),
      max_timestamp_ms_(batch.max_timestamp()),
      is_log_append_time_(batch.timestamp_type() == protocol::TimestampType::log_append_time) {
  const base::Bytes records = batch.records();
  begin_ = at_ = records.data();
  end_ = stream == nullptr ? begin_ + records.size() : begin_;
  has_ended_ = stream == nullptr;
}

bool RecordWalk::refill() {
  if (has_ended_) return false;
  consumed_before_ += at_ - begin_;
  const auto piece = stream_->next();
  if (!piece) {
    stream_error_ = piece.error();
    has_ended_ = true;
    begin_ = at_ = end_;
    return false;
  }
  has_ended_ = piece->empty();
  begin_ = at_ = piece->data();
  end_ = at_ + piece->size();
  return !piece->empty();
}

bool RecordWalk::read_byte(std::uint8_t& byte) {
  if (at_ == end_ && !refill()) return false;
  byte = std::to_integer<std::uint8_t>(*at_++);
  return true;
}

template <class Unsigned>
bool RecordWalk::read_base128(Unsigned& value, int bytes_max) {
  value = 0;
  for (int i = 0; i < bytes_max; ++i) {
    std::uint8_t byte = 0;
    if (!read_byte(byte)) return false;
    value |= static_cast<Unsigned>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

bool RecordWalk::read_varint(std::int32_t& value) {
  std::uint32_t raw = 0;
  if (!read_base128(raw, 5)) return false;
  value = static_cast<std::int32_t>((raw >> 1) ^ (~(raw & 1) + 1));
  return true;
}

bool RecordWalk::read_varlong(std::int64_t& value) {
  std::uint64_t raw = 0;
  if (!read_base128(raw, 10)) return false;
  value = static_cast<std::int64_t>((raw >> 1) ^ (~(raw & 1) + 1));
  return true;
}

bool RecordWalk::skip(std::int64_t bytes) {
  while (bytes > end_ - at_) {
    bytes -= end_ - at_;
    at_ = end_;
    if (!refill()) return false;
  }
  at_ += bytes;
  return true;
}

bool RecordWalk::skip_nullable(bool& is_null) {
  std::int32_t length = 0;
  if (!read_varint(length)) return false;
  is_null = length < 0;
  return is_null || skip(length);
}

bool RecordWalk::skip_headers() {
  std::int32_t count = 0;
  if (!read_varint(count) || count < 0) return false;
  for (std::int32_t i = 0; i < count; ++i) {
    bool is_null = false;
    if (!skip_nullable(is_null) || is_null) return false;
    if (!skip_nullable(is_null)) return false;
  }
  return true;
}

bool RecordWalk::read_record(WalkedRecord& record) {
  std::int32_t length = 0;
  if (!read_varint(length) || length < 0) return false;
  const std::int64_t begin = consumed();
  std::int64_t timestamp_delta = 0;
  bool is_key_null = false;
  bool is_value_null = false;
  if (!skip(1) || !read_varlong(timestamp_delta) || !read_varint(record.offset_delta) ||
      !skip_nullable(is_key_null) || !skip_nullable(is_value_null) || !skip_headers()) {
    return false;
  }
  record.has_key = !is_key_null;
  // Wraps as in Java; signed overflow would be undefined.
  record.timestamp_ms =
      is_log_append_time_
          ? max_timestamp_ms_
          : static_cast<std::int64_t>(static_cast<std::uint64_t>(base_timestamp_ms_) +
                                      static_cast<std::uint64_t>(timestamp_delta));
  return consumed() - begin == length;
}

std::unexpected<base::Error> RecordWalk::failure() const {
  // A producer that is told so splits its batch.
  if (stream_error_ && stream_error_->is(base::Errc::too_large)) {
    return base::fail(LogError::message_too_large, stream_error_->to_string());
  }
  return base::fail(LogError::invalid_record, stream_error_ ? stream_error_->to_string()
                                                            : "a record is malformed or cut off");
}

base::Result<WalkedRecord> RecordWalk::next() {
  WalkedRecord record;
  if (!read_record(record)) return failure();
  return record;
}

base::Result<void> RecordWalk::expect_end() {
  if (at_ == end_ && !refill() && !stream_error_) return {};
  if (stream_error_) return failure();
  return base::fail(LogError::invalid_record, "more records than the batch declares");
}

}  // namespace storage
