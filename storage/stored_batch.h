// Purpose: what the entries of a `.log` file have in common, whatever their format: record batches
// v2, and messages v0 and v1 of clusters that were upgraded.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "base/types.h"
#include "protocol/legacy_message.h"
#include "protocol/record_batch.h"

namespace storage {

class StoredBatch {
 public:
  // From its header alone (61 bytes, fewer only at the end of a file). Errors: end_of_stream when
  // the bytes end inside it, corrupt for an impossible length or magic.
  static base::Result<StoredBatch> from_header(base::Bytes bytes);
  // `bytes` hold the whole of what from_header took.
  explicit StoredBatch(base::Bytes bytes)
      : bytes_(bytes), magic_(protocol::RecordBatchView(bytes).magic()) {}

  StoredBatch() = default;  // to be assigned to

  base::Bytes bytes() const { return bytes_; }
  std::int8_t magic() const { return magic_; }
  bool is_legacy() const { return magic_ < protocol::kBatchMagic; }
  // The one of the two that is_legacy() names.
  protocol::RecordBatchView v2() const { return protocol::RecordBatchView(bytes_); }
  protocol::LegacyMessageView legacy() const { return protocol::LegacyMessageView(bytes_); }

  std::int64_t size_bytes() const {
    return is_legacy() ? legacy().size_bytes() : v2().size_bytes();
  }
  // A compressed message says only where it ends: its first offset is then taken for the last.
  base::Offset base_offset() const { return v2().base_offset(); }
  base::Offset last_offset() const { return is_legacy() ? legacy().offset() : v2().last_offset(); }
  base::LeaderEpoch leader_epoch() const {
    return is_legacy() ? base::kNoLeaderEpoch : v2().leader_epoch();
  }
  std::int64_t max_timestamp() const {
    return is_legacy() ? legacy().timestamp() : v2().max_timestamp();
  }
  // False for what compaction left of a batch to keep a producer's sequence.
  bool has_records() const { return is_legacy() || v2().record_count() > 0; }
  // The view holds the whole batch.
  bool is_checksum_right() const {
    return is_legacy() ? legacy().is_checksum_right() : v2().is_checksum_right();
  }

 private:
  base::Bytes bytes_;
  std::int8_t magic_ = protocol::kBatchMagic;
};

}  // namespace storage
