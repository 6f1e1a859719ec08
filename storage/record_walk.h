// Purpose: walks the records of a batch without materialising them: from memory, or piece by piece
// as they come out of a decompressor. Constant memory, one pass.
// Source: DefaultRecord.readFrom and readPartiallyFrom (the structural rules).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/compression.h"
#include "protocol/record_batch.h"

namespace storage {

// What a validator wants to know of a record.
struct WalkedRecord {
  std::int64_t timestamp_ms = -1;
  std::int32_t offset_delta = 0;
  bool has_key = false;
};

class RecordWalk {
 public:
  // `stream` (may be null: records are plain) and the batch's bytes outlive the walk.
  RecordWalk(const protocol::RecordBatchView& batch, protocol::DecompressStream* stream);

  // The next of record_count() records; LogError::invalid_record when the bytes make no sense.
  base::Result<WalkedRecord> next();
  // After the last one: nothing may follow.
  base::Result<void> expect_end();

 private:
  bool refill();
  bool read_byte(std::uint8_t& byte);
  template <class Unsigned>
  bool read_base128(Unsigned& value, int bits_max);
  bool read_varint(std::int32_t& value);
  bool read_varlong(std::int64_t& value);
  bool skip(std::int64_t bytes);
  bool skip_nullable(bool& is_null);
  bool skip_headers();
  bool read_record(WalkedRecord& record);
  std::int64_t consumed() const { return consumed_before_ + (at_ - begin_); }
  std::unexpected<base::Error> failure() const;

  protocol::DecompressStream* const stream_;
  const std::int64_t base_timestamp_ms_;
  const std::int64_t max_timestamp_ms_;
  const bool is_log_append_time_;
  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::int64_t consumed_before_ = 0;  // bytes of earlier pieces
  bool has_ended_ = false;
  std::optional<base::Error> stream_error_;
};

}  // namespace storage
