#include "protocol/record_batch.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/crc32c.h"

namespace protocol {
namespace {

// A legacy message with no key and no value is the smallest thing a length field can announce.
constexpr std::int32_t kLegacyLengthMin = 14;
constexpr std::int32_t kLengthMin = static_cast<std::int32_t>(kBatchHeaderBytes - kBatchFrameBytes);

base::Result<void> check_header(const RecordBatchView& batch, std::size_t available_bytes) {
  if (available_bytes <= kBatchMagicAt) return base::fail(base::Errc::end_of_stream);
  const std::int64_t length = batch.size_bytes() - static_cast<std::int64_t>(kBatchFrameBytes);
  if (length < kLegacyLengthMin) {
    return base::fail(base::Errc::corrupt, fmt::format("record batch length {}", length));
  }
  const int magic = batch.magic();
  if (magic == 0 || magic == 1) {
    return base::fail(base::Errc::unsupported, fmt::format("message format v{}", magic));
  }
  if (magic != kBatchMagic) {
    return base::fail(base::Errc::corrupt, fmt::format("record batch magic {}", magic));
  }
  if (length < kLengthMin) {
    return base::fail(base::Errc::corrupt, fmt::format("record batch length {}", length));
  }
  if (available_bytes < kBatchHeaderBytes) return base::fail(base::Errc::end_of_stream);
  return {};
}

std::unexpected<base::Error> bad_record(const char* what) {
  return base::fail(base::Errc::corrupt, std::string("record ") + what);
}

template <class Unsigned>
std::optional<Unsigned> read_base128(base::Bytes& rest, std::size_t bytes_max) {
  Unsigned value = 0;
  const std::size_t limit = std::min(rest.size(), bytes_max);
  for (std::size_t i = 0; i < limit; ++i) {
    const auto byte = std::to_integer<std::uint8_t>(rest[i]);
    value |= static_cast<Unsigned>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) {
      rest = rest.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<base::Bytes> take(base::Bytes& rest, std::int32_t count) {
  if (count < 0 || static_cast<std::size_t>(count) > rest.size()) return std::nullopt;
  const base::Bytes taken = rest.first(static_cast<std::size_t>(count));
  rest = rest.subspan(static_cast<std::size_t>(count));
  return taken;
}

// A negative length is null, as Java reads it. False: malformed.
bool take_nullable(base::Bytes& rest, std::optional<base::Bytes>& into) {
  const auto length = read_record_varint(rest);
  if (!length) return false;
  if (*length < 0) {
    into.reset();
    return true;
  }
  into = take(rest, *length);
  return into.has_value();
}

}  // namespace

std::optional<std::int32_t> read_record_varint(base::Bytes& rest) {
  const auto raw = read_base128<std::uint32_t>(rest, 5);
  if (!raw) return std::nullopt;
  return static_cast<std::int32_t>((*raw >> 1) ^ (~(*raw & 1) + 1));
}

std::optional<std::int64_t> read_record_varlong(base::Bytes& rest) {
  const auto raw = read_base128<std::uint64_t>(rest, 10);
  if (!raw) return std::nullopt;
  return static_cast<std::int64_t>((*raw >> 1) ^ (~(*raw & 1) + 1));
}

bool RecordBatchView::is_checksum_right() const {
  return crc() == base::crc32c(bytes_.subspan(kBatchChecksummedAt));
}

bool MutableRecordBatch::set_timestamp_type(TimestampType type) {
  if (timestamp_type() == type) return false;
  const int bit = type == TimestampType::log_append_time ? batch_attribute::kLogAppendTime : 0;
  const int others = attributes() & ~batch_attribute::kLogAppendTime;
  store<std::int16_t>(batch_v2_at::kAttributes, static_cast<std::int16_t>(others | bit));
  return true;
}

bool MutableRecordBatch::set_max_timestamp(std::int64_t timestamp_ms) {
  if (max_timestamp() == timestamp_ms) return false;
  store<std::int64_t>(batch_v2_at::kMaxTimestamp, timestamp_ms);
  return true;
}

void MutableRecordBatch::update_crc() {
  store<std::uint32_t>(batch_v2_at::kChecksum, base::crc32c(bytes().subspan(kBatchChecksummedAt)));
}

base::Result<RecordBatchView> frame_header(base::Bytes bytes) {
  const RecordBatchView batch(bytes);
  TRY(check_header(batch, bytes.size()));
  return batch;
}

base::Result<RecordBatchView> frame_batch(base::Bytes bytes) {
  TRY_ASSIGN(const RecordBatchView header, frame_header(bytes));
  const auto size_bytes = static_cast<std::size_t>(header.size_bytes());
  if (size_bytes > bytes.size()) return base::fail(base::Errc::end_of_stream);
  return RecordBatchView(bytes.first(size_bytes));
}

RecordReader::RecordReader(const RecordBatchView& batch, base::Bytes decompressed_records)
    : rest_(decompressed_records),
      left_(batch.record_count()),
      base_offset_(batch.base_offset()),
      base_timestamp_ms_(batch.base_timestamp()) {
  if (batch.timestamp_type() == TimestampType::log_append_time) {
    fixed_timestamp_ms_ = batch.max_timestamp();
  }
}

base::Result<std::optional<RecordView>> RecordReader::next() {
  if (left_ <= 0) {
    if (left_ < 0 || !rest_.empty()) return bad_record("count does not match the batch");
    return std::optional<RecordView>();
  }
  const auto length = read_record_varint(rest_);
  if (!length) return bad_record("length is malformed");
  const auto body = take(rest_, *length);
  if (!body) return bad_record("is longer than its batch");
  base::Bytes in = *body;
  RecordView record;
  if (!take(in, 1)) return bad_record("has no attributes");
  const auto timestamp_delta = read_record_varlong(in);
  const auto offset_delta = read_record_varint(in);
  if (!timestamp_delta || !offset_delta) return bad_record("deltas are malformed");
  if (!take_nullable(in, record.key)) return bad_record("key is malformed");
  if (!take_nullable(in, record.value)) return bad_record("value is malformed");
  const auto header_count = read_record_varint(in);
  if (!header_count || *header_count < 0) return bad_record("header count is malformed");
  record.header_count = *header_count;
  record.headers = in;
  record.offset = base_offset_ + *offset_delta;
  // Wraps like Java; signed overflow is undefined here.
  record.timestamp_ms = fixed_timestamp_ms_.value_or(
      static_cast<std::int64_t>(static_cast<std::uint64_t>(base_timestamp_ms_) +
                                static_cast<std::uint64_t>(*timestamp_delta)));
  // The headers fill the rest of the record exactly.
  HeaderReader headers(record);
  for (;;) {
    TRY_ASSIGN(const auto header, headers.next());
    if (!header) break;
  }
  --left_;
  return std::optional<RecordView>(record);
}

base::Result<std::optional<HeaderView>> HeaderReader::next() {
  if (left_ == 0) {
    if (!rest_.empty()) return bad_record("has bytes behind its headers");
    return std::optional<HeaderView>();
  }
  HeaderView header;
  std::optional<base::Bytes> key;
  if (!take_nullable(rest_, key) || !key) return bad_record("header key is malformed");
  if (!take_nullable(rest_, header.value)) return bad_record("header value is malformed");
  header.key = base::as_text(*key);
  --left_;
  return std::optional<HeaderView>(header);
}

base::Result<std::optional<EndTransactionMarker>> read_end_transaction_marker(
    const RecordBatchView& batch) {
  if (batch.is_compressed() || batch.record_count() == 0) {
    return std::optional<EndTransactionMarker>();
  }
  RecordReader reader(batch, batch.records());
  TRY_ASSIGN(const auto record, reader.next());
  if (!record || !record->key || record->key->size() < kControlKeyBytes) {
    return base::fail(base::Errc::corrupt, "control record key");
  }
  const auto version = base::load_be<std::int16_t>(record->key->data());
  const auto type = base::load_be<std::int16_t>(record->key->data() + kControlTypeAt);
  if (version < 0) return base::fail(base::Errc::corrupt, "control record key version");
  if (type != 0 && type != 1) return std::optional<EndTransactionMarker>();
  if (!record->value || record->value->size() < kMarkerValueBytes ||
      base::load_be<std::int16_t>(record->value->data()) < 0) {
    return base::fail(base::Errc::corrupt, "transaction marker value");
  }
  return std::optional<EndTransactionMarker>(EndTransactionMarker{
      type == 1, base::load_be<std::int32_t>(record->value->data() + kMarkerEpochAt)});
}

}  // namespace protocol
