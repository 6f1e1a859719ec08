// Purpose: builds one batch of format v2: for the broker's own records, for clients, for
// recompression. Source: MemoryRecordsBuilder, DefaultRecord.writeTo.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "protocol/record_batch.h"

namespace protocol {

struct BatchOptions {
  base::Offset base_offset{0};
  base::LeaderEpoch leader_epoch{-1};
  Codec codec = Codec::none;
  std::optional<int> level;  // compression level
  TimestampType timestamp_type = TimestampType::create_time;
  std::int64_t log_append_time_ms = kNoTimestamp;  // the max timestamp under log_append_time
  std::int64_t producer_id = kNoProducerId;
  std::int16_t producer_epoch = kNoProducerEpoch;
  std::int32_t base_sequence = kNoSequence;
  bool is_transactional = false;
  bool is_control = false;
  // What compaction needs: when tombstones and markers may go (KIP-534; takes the place of the base
  // timestamp), and the original batch's last offset, whatever is left of its records.
  std::optional<std::int64_t> delete_horizon_ms;
  std::optional<std::int32_t> last_offset_delta;
};

class RecordBatchBuilder {
 public:
  explicit RecordBatchBuilder(BatchOptions options);

  // The next record: its offset is one above the last one's.
  void append(std::int64_t timestamp_ms, std::optional<base::Bytes> key,
              std::optional<base::Bytes> value, const std::vector<HeaderView>& headers = {});
  // A record of another batch with its encoded headers; `offset_delta` from this batch's base.
  void append_record(const RecordView& record, std::int32_t offset_delta);

  std::int32_t record_count() const { return record_count_; }
  // Before compression.
  std::size_t size_bytes() const { return buffer_.size(); }
  // The finished batch, its checksum set; the builder is used up. Fails when compression does.
  base::Result<base::Buffer> build();

 private:
  void begin_record(std::int64_t timestamp_ms, std::int32_t offset_delta,
                    std::size_t key_value_bytes);

  BatchOptions options_;
  base::Buffer buffer_;  // header, then plain records
  std::int32_t record_count_ = 0;
  std::int32_t last_offset_delta_ = -1;
  std::int64_t base_timestamp_ms_ = kNoTimestamp;
  std::int64_t max_timestamp_ms_ = kNoTimestamp;
};

// A transaction marker: control batch with one record.
base::Buffer build_end_transaction_marker(const EndTransactionMarker& marker,
                                          std::int64_t producer_id, std::int16_t producer_epoch,
                                          std::int64_t timestamp_ms);

}  // namespace protocol
