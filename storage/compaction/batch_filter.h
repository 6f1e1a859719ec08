// Purpose: what compaction leaves of one batch: all of it byte for byte, fewer records in a batch
// built anew, an empty batch that keeps a producer's last sequence, or nothing.
// Source: Cleaner.cleanInto, MemoryRecords.filterTo, KIP-534 (delete horizons).
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "protocol/record_batch.h"
#include "storage/compaction/offset_map.h"
#include "storage/compaction/transaction_filter.h"
#include "storage/producer_state.h"

namespace storage {

class BatchFilter {
 public:
  struct Counts {
    std::int64_t records_read = 0;
    std::int64_t records_kept = 0;
    std::int64_t records_without_key = 0;
  };

  // `latest` and `transactions` outlive the filter. `producers`: those the log knows now.
  BatchFilter(const OffsetMap& latest, TransactionFilter& transactions,
              const std::vector<ProducerEntry>& producers, std::int64_t now_ms,
              std::int64_t delete_retention_ms);

  // The next batch of the log, in order; appends to `out` what stays of it. Errc::corrupt for
  // records that make no sense.
  base::Result<void> filter(const protocol::RecordBatchView& batch, base::Buffer& out);
  const Counts& counts() const { return counts_; }

 private:
  // A producer's last sequence is known from the batch that ends here; -1: only its epoch is, from
  // markers.
  struct LastOfProducer {
    base::Offset last_data_offset;
    std::int16_t epoch = -1;
  };
  struct Kept {
    std::vector<protocol::RecordView> records;  // point into the batch, or its plain records
    bool is_whole = true;
    bool has_tombstone = false;
  };

  bool is_last_of_producer(const protocol::RecordBatchView& batch) const;
  bool is_past_horizon(const protocol::RecordBatchView& batch) const;
  base::Result<bool> is_kept(const protocol::RecordBatchView& batch,
                             const protocol::RecordView& record);
  base::Result<Kept> keep_records(const protocol::RecordBatchView& batch,
                                  base::Bytes plain_records);
  base::Result<void> append_rebuilt(const protocol::RecordBatchView& batch, const Kept& kept,
                                    bool needs_horizon, base::Buffer& out) const;

  const OffsetMap& latest_;
  TransactionFilter& transactions_;
  std::unordered_map<std::int64_t, LastOfProducer> last_of_producer_;
  const std::int64_t now_ms_;
  const std::int64_t delete_retention_ms_;
  Counts counts_;
};

}  // namespace storage
