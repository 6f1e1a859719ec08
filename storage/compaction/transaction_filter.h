// Purpose: follows transactions while a log is read in order, and says what of them is no longer
// needed: data of aborted transactions, and markers behind whose data nothing is left.
// Source: CleanedTransactionMetadata.
#pragma once

#include <optional>
#include <queue>
#include <set>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "protocol/record_batch.h"
#include "storage/transaction_index.h"

namespace storage {

class TransactionFilter {
 public:
  // Aborted transactions of the range that comes next; one that was named before does no harm.
  void add_aborted(const std::vector<AbortedTransaction>& transactions);

  // A data batch, in order: true if it belongs to an aborted transaction.
  bool on_data_batch(const protocol::RecordBatchView& batch);
  // A control batch, in order: true if no data of its transaction was read since add_aborted's
  // first range, so that the marker is only kept for those who are behind.
  base::Result<bool> on_control_batch(const protocol::RecordBatchView& batch);

  // Aborted transactions whose marker and data were read since the last call: what the new
  // segment's index must keep.
  std::vector<AbortedTransaction> take_kept() { return std::exchange(kept_, {}); }

 private:
  struct Ongoing {
    AbortedTransaction transaction;
    bool has_data = false;
  };
  struct StartsLater {
    bool operator()(const AbortedTransaction& a, const AbortedTransaction& b) const {
      return a.first_offset > b.first_offset;
    }
  };
  void begin_up_to(base::Offset offset);

  std::priority_queue<AbortedTransaction, std::vector<AbortedTransaction>, StartsLater> upcoming_;
  std::unordered_map<std::int64_t, Ongoing> aborted_;  // by producer
  std::set<std::int64_t> committed_;                   // producers with data and no marker yet
  std::vector<AbortedTransaction> kept_;
};

}  // namespace storage
