// Purpose: messages of formats v0 and v1 (magic 0 and 1), which logs of upgraded clusters still
// hold: header fields, checksum, and the messages inside a compressed one. Views, no ownership.
// Source: LegacyRecord, AbstractLegacyRecordBatch.
//
// A log entry is an offset, a size and one message; a compressed message holds entries as its
// value, and its own offset is that of the last one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/batch_layout.h"
#include "protocol/record_batch.h"

namespace protocol {

// Fields of one entry. The bytes hold at least the fixed ones (frame_legacy_header checks that).
class LegacyMessageView {
 public:
  // Up to the timestamp and the key's length, of v1.
  static constexpr std::size_t kHeaderBytes = 30;

  explicit LegacyMessageView(base::Bytes bytes) : bytes_(bytes) {}

  base::Bytes bytes() const { return bytes_; }
  std::int64_t size_bytes() const {
    return std::int64_t{load<std::int32_t>(batch_at::kLength)} +
           static_cast<std::int64_t>(kBatchFrameBytes);
  }
  // Of the last message inside, if it is compressed.
  base::Offset offset() const { return base::Offset(load<std::int64_t>(batch_at::kBaseOffset)); }
  std::uint32_t crc() const { return load<std::uint32_t>(legacy_at::kChecksum); }
  std::int8_t magic() const { return load<std::int8_t>(batch_at::kMagic); }
  std::int8_t attributes() const { return load<std::int8_t>(legacy_at::kAttributes); }
  // The largest inside; none in v0.
  std::int64_t timestamp() const {
    return magic() == 0 ? kNoTimestamp : load<std::int64_t>(legacy_at::kTimestamp);
  }
  bool is_compressed() const { return (attributes() & batch_attribute::kCodecMask) != 0; }
  bool is_log_append_time() const {
    return magic() == 1 && (attributes() & batch_attribute::kLogAppendTime) != 0;
  }
  // nullopt: none that these formats have.
  std::optional<Codec> codec() const;
  // Both: the view holds the whole entry.
  bool is_checksum_right() const;
  // nullopt: null; corrupt when lengths do not fit the entry.
  base::Result<std::optional<base::Bytes>> value() const;

 private:
  template <class T>
  T load(std::size_t at) const {
    return base::load_be<T>(bytes_.data() + at);
  }

  base::Bytes bytes_;
};

// For bytes whose magic is 0 or 1. Errors: end_of_stream when they end inside the fixed fields,
// corrupt for an impossible size. The checksum is not looked at.
base::Result<LegacyMessageView> frame_legacy_header(base::Bytes bytes);

struct LegacyRecord {
  base::Offset offset;
  std::int64_t timestamp_ms = kNoTimestamp;
};

// Visits the message, or those inside it, until `visit` says false. Errors: corrupt when they make
// no sense, too_large above `output_limit_bytes`.
base::Result<void> for_each_legacy_record(const LegacyMessageView& message,
                                          std::size_t output_limit_bytes,
                                          const std::function<bool(const LegacyRecord&)>& visit);

}  // namespace protocol
