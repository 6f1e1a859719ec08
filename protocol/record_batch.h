// Purpose: record batches of format v2 (magic 2) as views on bytes: header fields, record walk.
// No copies, no ownership. Source: org.apache.kafka.common.record.DefaultRecordBatch.
//
// The checksum covers attributes to the end, so a leader sets base offset and leader epoch in
// place without touching it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/batch_layout.h"
#include "protocol/compression.h"

namespace protocol {

inline constexpr std::size_t kBatchHeaderBytes = batch_v2_at::kRecords;
inline constexpr std::size_t kBatchFrameBytes = 12;  // base offset and length
inline constexpr std::size_t kBatchMagicAt = batch_at::kMagic;
inline constexpr std::size_t kBatchChecksummedAt = batch_v2_at::kAttributes;
inline constexpr std::int8_t kBatchMagic = 2;
inline constexpr std::int64_t kNoTimestamp = -1;
inline constexpr std::int64_t kNoProducerId = -1;
inline constexpr std::int16_t kNoProducerEpoch = -1;
inline constexpr std::int32_t kNoSequence = -1;

enum class TimestampType : std::uint8_t { create_time = 0, log_append_time = 1 };

// Sequences wrap at 2^31 to 0.
constexpr std::int32_t sequence_plus(std::int32_t sequence, std::int32_t n) {
  const std::int64_t sum = std::int64_t{sequence} + n;
  return static_cast<std::int32_t>(sum > INT32_MAX ? sum - INT32_MAX - 1 : sum);
}

// Header fields of one batch. The bytes hold at least the header (frame_batch and frame_header
// check that); nothing else is assumed about them.
class RecordBatchView {
 public:
  explicit RecordBatchView(base::Bytes bytes) : bytes_(bytes) {}

  base::Bytes bytes() const { return bytes_; }
  // Header and records; what the length field says, not what the view holds.
  std::int64_t size_bytes() const {
    return std::int64_t{load<std::int32_t>(batch_at::kLength)} +
           static_cast<std::int64_t>(kBatchFrameBytes);
  }

  base::Offset base_offset() const {
    return base::Offset(load<std::int64_t>(batch_at::kBaseOffset));
  }
  base::Offset last_offset() const { return base_offset() + last_offset_delta(); }
  base::Offset next_offset() const { return last_offset() + 1; }
  base::LeaderEpoch leader_epoch() const {
    return base::LeaderEpoch(load<std::int32_t>(batch_v2_at::kLeaderEpoch));
  }
  std::int8_t magic() const { return load<std::int8_t>(kBatchMagicAt); }
  std::uint32_t crc() const { return load<std::uint32_t>(batch_v2_at::kChecksum); }
  std::int16_t attributes() const { return load<std::int16_t>(batch_v2_at::kAttributes); }
  std::int32_t last_offset_delta() const {
    return load<std::int32_t>(batch_v2_at::kLastOffsetDelta);
  }
  std::int64_t base_timestamp() const { return load<std::int64_t>(batch_v2_at::kBaseTimestamp); }
  std::int64_t max_timestamp() const { return load<std::int64_t>(batch_v2_at::kMaxTimestamp); }
  std::int64_t producer_id() const { return load<std::int64_t>(batch_v2_at::kProducerId); }
  std::int16_t producer_epoch() const { return load<std::int16_t>(batch_v2_at::kProducerEpoch); }
  std::int32_t base_sequence() const { return load<std::int32_t>(batch_v2_at::kBaseSequence); }
  std::int32_t record_count() const { return load<std::int32_t>(batch_v2_at::kRecordCount); }

  std::optional<Codec> codec() const { return codec_from_attributes(attributes()); }
  bool is_compressed() const { return (attributes() & batch_attribute::kCodecMask) != 0; }
  TimestampType timestamp_type() const {
    return has(batch_attribute::kLogAppendTime) ? TimestampType::log_append_time
                                                : TimestampType::create_time;
  }
  bool is_transactional() const { return has(batch_attribute::kTransactional); }
  bool is_control() const { return has(batch_attribute::kControl); }
  bool has_delete_horizon() const { return has(batch_attribute::kDeleteHorizon); }
  bool has_producer_id() const { return producer_id() > kNoProducerId; }
  std::int32_t last_sequence() const {
    const std::int32_t base = base_sequence();
    return base == kNoSequence ? kNoSequence : sequence_plus(base, last_offset_delta());
  }

  base::Bytes records() const { return bytes_.subspan(kBatchHeaderBytes); }
  // The view holds the whole batch.
  bool is_checksum_right() const;

 private:
  bool has(int attribute) const { return (attributes() & attribute) != 0; }
  template <class T>
  T load(std::size_t at) const {
    return base::load_be<T>(bytes_.data() + at);
  }

  base::Bytes bytes_;
};

// Changes header fields in place. After the last change to a checksummed field: update_crc().
class MutableRecordBatch : public RecordBatchView {
 public:
  explicit MutableRecordBatch(base::MutableBytes bytes)
      : RecordBatchView(bytes), mutable_bytes_(bytes) {}

  void set_base_offset(base::Offset offset) { store(batch_at::kBaseOffset, offset.value()); }
  void set_leader_epoch(base::LeaderEpoch epoch) {
    store(batch_v2_at::kLeaderEpoch, epoch.value());
  }
  // Both return whether a checksummed byte changed.
  bool set_timestamp_type(TimestampType type);
  bool set_max_timestamp(std::int64_t timestamp_ms);
  void update_crc();

 private:
  template <class T>
  void store(std::size_t at, T value) {
    base::store_be<T>(mutable_bytes_.data() + at, value);
  }

  base::MutableBytes mutable_bytes_;
};

// Cuts the first batch off `bytes`, by its length field. Errors: end_of_stream when the bytes end
// inside the batch (a fetch response may cut its last one), corrupt for an impossible length or
// magic, unsupported for magic 0 and 1. The checksum is not looked at.
base::Result<RecordBatchView> frame_batch(base::Bytes bytes);
// The same from a header alone (kBatchHeaderBytes, fewer only at the end of a file).
base::Result<RecordBatchView> frame_header(base::Bytes bytes);

struct RecordView {
  base::Offset offset;
  std::int64_t timestamp_ms = kNoTimestamp;
  std::optional<base::Bytes> key;
  std::optional<base::Bytes> value;
  std::int32_t header_count = 0;
  base::Bytes headers;  // encoded; read with HeaderReader
};

struct HeaderView {
  std::string_view key;
  std::optional<base::Bytes> value;
};

// Walks the records of one batch. For a compressed one, hand in the decompressed records.
class RecordReader {
 public:
  RecordReader(const RecordBatchView& batch, base::Bytes decompressed_records);
  // nullopt behind the last record; corrupt when the bytes don't hold what they declare.
  base::Result<std::optional<RecordView>> next();

 private:
  base::Bytes rest_;
  std::int32_t left_ = 0;
  base::Offset base_offset_;
  std::int64_t base_timestamp_ms_;
  std::optional<std::int64_t> fixed_timestamp_ms_;  // log append time
};

class HeaderReader {
 public:
  explicit HeaderReader(const RecordView& record)
      : rest_(record.headers), left_(record.header_count) {}
  base::Result<std::optional<HeaderView>> next();

 private:
  base::Bytes rest_;
  std::int32_t left_;
};

// Zig-zag varints of records. `rest` moves behind what was read; nullopt: malformed or cut off.
std::optional<std::int32_t> read_record_varint(base::Bytes& rest);
std::optional<std::int64_t> read_record_varlong(base::Bytes& rest);

// The content of a transaction marker (control batch, types 0 and 1).
struct EndTransactionMarker {
  bool is_commit = false;
  std::int32_t coordinator_epoch = 0;
};
// nullopt: an empty control batch (compacted) or another control type; corrupt if malformed.
base::Result<std::optional<EndTransactionMarker>> read_end_transaction_marker(
    const RecordBatchView& batch);

}  // namespace protocol
