#include "storage/compaction/transaction_filter.h"

namespace storage {

void TransactionFilter::add_aborted(const std::vector<AbortedTransaction>& transactions) {
  for (const AbortedTransaction& transaction : transactions) upcoming_.push(transaction);
}

void TransactionFilter::begin_up_to(base::Offset offset) {
  while (!upcoming_.empty() && upcoming_.top().first_offset <= offset) {
    const AbortedTransaction transaction = upcoming_.top();
    upcoming_.pop();
    aborted_.try_emplace(transaction.producer_id, Ongoing{transaction});
  }
}

bool TransactionFilter::on_data_batch(const protocol::RecordBatchView& batch) {
  begin_up_to(batch.last_offset());
  if (!batch.is_transactional()) return false;
  const auto aborted = aborted_.find(batch.producer_id());
  if (aborted == aborted_.end()) {
    committed_.insert(batch.producer_id());
    return false;
  }
  aborted->second.has_data = true;
  return true;
}

base::Result<bool> TransactionFilter::on_control_batch(const protocol::RecordBatchView& batch) {
  begin_up_to(batch.last_offset());
  if (batch.record_count() == 0) return true;  // compacted away before
  TRY_ASSIGN(const auto marker, protocol::read_end_transaction_marker(batch));
  if (!marker) return false;  // not ours to judge
  if (marker->is_commit) return committed_.erase(batch.producer_id()) == 0;
  const auto aborted = aborted_.extract(batch.producer_id());
  if (aborted.empty() || !aborted.mapped().has_data) return true;
  kept_.push_back(aborted.mapped().transaction);
  return false;
}

}  // namespace storage
