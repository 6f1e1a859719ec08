#include "protocol/record_batch_builder.h"

#include <array>

#include "base/big_endian.h"
#include "base/check.h"

namespace protocol {
namespace {

std::uint32_t zigzag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

template <class Unsigned>
std::size_t base128_bytes(Unsigned value) {
  std::size_t count = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++count;
  }
  return count;
}
std::size_t varint_bytes(std::int32_t value) { return base128_bytes(zigzag(value)); }

template <class Unsigned>
void put_base128(base::Buffer& out, Unsigned value) {
  std::array<std::byte, 10> bytes;
  std::size_t count = 0;
  while (value >= 0x80) {
    bytes[count++] = static_cast<std::byte>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  bytes[count++] = static_cast<std::byte>(value);
  out.append({bytes.data(), count});
}
void put_varint(base::Buffer& out, std::int32_t value) { put_base128(out, zigzag(value)); }

std::size_t nullable_bytes(const std::optional<base::Bytes>& bytes) {
  if (!bytes) return 1;
  return varint_bytes(static_cast<std::int32_t>(bytes->size())) + bytes->size();
}
void put_nullable(base::Buffer& out, const std::optional<base::Bytes>& bytes) {
  put_varint(out, bytes ? static_cast<std::int32_t>(bytes->size()) : -1);
  if (bytes) out.append(*bytes);
}

template <class T>
void store(base::Buffer& buffer, std::size_t at, T value) {
  base::store_be<T>(buffer.mutable_data() + at, value);
}

}  // namespace

RecordBatchBuilder::RecordBatchBuilder(BatchOptions options) : options_(options) {
  buffer_ = base::Buffer::with_capacity(kBatchHeaderBytes + 512);
  buffer_.commit(kBatchHeaderBytes);
}

void RecordBatchBuilder::begin_record(std::int64_t timestamp_ms, std::int32_t offset_delta,
                                      std::size_t rest_bytes) {
  VERIFY(offset_delta > last_offset_delta_, "offset_delta={}", offset_delta);
  if (record_count_ == 0) base_timestamp_ms_ = options_.delete_horizon_ms.value_or(timestamp_ms);
  if (timestamp_ms > max_timestamp_ms_) max_timestamp_ms_ = timestamp_ms;
  last_offset_delta_ = offset_delta;
  ++record_count_;
  const auto timestamp_delta = static_cast<std::int64_t>(
      static_cast<std::uint64_t>(timestamp_ms) - static_cast<std::uint64_t>(base_timestamp_ms_));
  const std::size_t body_bytes =
      1 + base128_bytes(zigzag(timestamp_delta)) + varint_bytes(offset_delta) + rest_bytes;
  put_varint(buffer_, static_cast<std::int32_t>(body_bytes));
  const std::byte attributes{0};
  buffer_.append({&attributes, 1});
  put_base128(buffer_, zigzag(timestamp_delta));
  put_varint(buffer_, offset_delta);
}

void RecordBatchBuilder::append(std::int64_t timestamp_ms, std::optional<base::Bytes> key,
                                std::optional<base::Bytes> value,
                                const std::vector<HeaderView>& headers) {
  std::size_t rest_bytes = nullable_bytes(key) + nullable_bytes(value) +
                           varint_bytes(static_cast<std::int32_t>(headers.size()));
  for (const HeaderView& header : headers) {
    rest_bytes += nullable_bytes(base::as_bytes(header.key)) + nullable_bytes(header.value);
  }
  begin_record(timestamp_ms, last_offset_delta_ + 1, rest_bytes);
  put_nullable(buffer_, key);
  put_nullable(buffer_, value);
  put_varint(buffer_, static_cast<std::int32_t>(headers.size()));
  for (const HeaderView& header : headers) {
    put_nullable(buffer_, base::as_bytes(header.key));
    put_nullable(buffer_, header.value);
  }
}

void RecordBatchBuilder::append_record(const RecordView& record, std::int32_t offset_delta) {
  begin_record(record.timestamp_ms, offset_delta,
               nullable_bytes(record.key) + nullable_bytes(record.value) +
                   varint_bytes(record.header_count) + record.headers.size());
  put_nullable(buffer_, record.key);
  put_nullable(buffer_, record.value);
  put_varint(buffer_, record.header_count);
  buffer_.append(record.headers);
}

base::Result<base::Buffer> RecordBatchBuilder::build() {
  base::Buffer out;
  if (options_.codec == Codec::none) {
    out = std::move(buffer_);
  } else {
    TRY_ASSIGN(
        const base::Buffer packed,
        compress(options_.codec, buffer_.bytes().subspan(kBatchHeaderBytes), options_.level));
    out = base::Buffer::with_capacity(kBatchHeaderBytes + packed.size());
    out.commit(kBatchHeaderBytes);
    out.append(packed.bytes());
  }
  const bool is_append_time = options_.timestamp_type == TimestampType::log_append_time;
  const int attributes = static_cast<int>(options_.codec) |
                         (is_append_time ? batch_attribute::kLogAppendTime : 0) |
                         (options_.is_transactional ? batch_attribute::kTransactional : 0) |
                         (options_.is_control ? batch_attribute::kControl : 0) |
                         (options_.delete_horizon_ms ? batch_attribute::kDeleteHorizon : 0);
  store<std::int64_t>(out, batch_at::kBaseOffset, options_.base_offset.value());
  store<std::int32_t>(out, batch_at::kLength,
                      static_cast<std::int32_t>(out.size() - kBatchFrameBytes));
  store<std::int32_t>(out, batch_v2_at::kLeaderEpoch, options_.leader_epoch.value());
  store<std::int8_t>(out, batch_at::kMagic, kBatchMagic);
  store<std::int16_t>(out, batch_v2_at::kAttributes, static_cast<std::int16_t>(attributes));
  store<std::int32_t>(out, batch_v2_at::kLastOffsetDelta,
                      options_.last_offset_delta.value_or(last_offset_delta_));
  store<std::int64_t>(out, batch_v2_at::kBaseTimestamp, base_timestamp_ms_);
  store<std::int64_t>(out, batch_v2_at::kMaxTimestamp,
                      is_append_time ? options_.log_append_time_ms : max_timestamp_ms_);
  store<std::int64_t>(out, batch_v2_at::kProducerId, options_.producer_id);
  store<std::int16_t>(out, batch_v2_at::kProducerEpoch, options_.producer_epoch);
  store<std::int32_t>(out, batch_v2_at::kBaseSequence, options_.base_sequence);
  store<std::int32_t>(out, batch_v2_at::kRecordCount, record_count_);
  MutableRecordBatch(out.mutable_bytes()).update_crc();
  return out;
}

base::Buffer build_end_transaction_marker(const EndTransactionMarker& marker,
                                          std::int64_t producer_id, std::int16_t producer_epoch,
                                          std::int64_t timestamp_ms) {
  BatchOptions options;
  options.producer_id = producer_id;
  options.producer_epoch = producer_epoch;
  options.is_transactional = true;
  options.is_control = true;
  std::array<std::byte, kControlKeyBytes> key{};
  base::store_be<std::int16_t>(key.data() + kControlTypeAt, marker.is_commit ? 1 : 0);
  std::array<std::byte, kMarkerValueBytes> value{};
  base::store_be<std::int32_t>(value.data() + kMarkerEpochAt, marker.coordinator_epoch);
  RecordBatchBuilder builder(options);
  builder.append(timestamp_ms, base::Bytes(key), base::Bytes(value));
  auto built = builder.build();
  VERIFY(built.has_value(), "an uncompressed batch is always built");
  return std::move(*built);
}

}  // namespace protocol
