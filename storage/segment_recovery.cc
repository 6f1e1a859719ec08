#include "storage/segment_recovery.h"

#include <fmt/format.h>

#include "base/log.h"
#include "storage/disk_failure.h"

namespace storage {
namespace {

constexpr std::int64_t kReportBytes = 16 * 1024 * 1024;

// Indexes can be missing: a full disk must not keep a log from being read.
base::Result<void> unless_full(base::Result<void> result) {
  if (!result && can_do_without(result.error())) return {};
  return result;
}

class Recovery {
 public:
  Recovery(Segment& segment, const SegmentRecovery& task) : segment_(segment), task_(task) {}

  base::Result<bool> run() {
    TRY_ASSIGN(const auto file, segment_.log_file());
    const std::int64_t size_bytes = segment_.size_bytes();
    TRY(begin());
    BatchFileReader reader(file, valid_bytes_, size_bytes);
    std::int64_t reported_bytes = valid_bytes_;
    std::string reason;
    bool is_next_newer = false;
    for (;;) {
      const auto batch = reader.next();
      if (!batch && !is_bad_content(batch.error())) {
        return base::fail(base::Error(batch.error()).with_context(segment_.path(".log")));
      }
      if (batch && !*batch) break;
      if (batch && reaches_beyond(**batch)) {
        // What a truncation had cut is back; the next segment was written after it.
        reason = "offsets reach into the next segment";
        is_next_newer = true;
        break;
      }
      const auto taken = batch ? check(**batch) : base::Result<void>(base::fail(batch.error()));
      const auto noted = taken ? take_in(**batch, reader.batch_position()) : taken;
      if (!noted) {
        if (!is_bad_content(noted.error())) return base::fail(noted.error());
        reason = noted.error().to_string();
        break;
      }
      if (task_.request.rewrites_unflushed) {
        TRY(file->pwrite((*batch)->bytes(), reader.batch_position()));
      }
      next_offset_ = (*batch)->last_offset() + 1;
      valid_bytes_ = reader.position();
      if (valid_bytes_ - reported_bytes > kReportBytes) {
        report(valid_bytes_ - reported_bytes);
        reported_bytes = valid_bytes_;
        if (task_.request.is_cancelled && task_.request.is_cancelled()) {
          return base::fail(base::Errc::cancelled, "recovery");
        }
      }
    }
    report(size_bytes - reported_bytes);
    if (valid_bytes_ < size_bytes) TRY(cut(*file, size_bytes, reason));
    TRY(unless_full(segment_.finish()));
    return valid_bytes_ == size_bytes || is_next_newer;
  }

 private:
  // What is trusted stays as it is; the indexes forget the rest.
  base::Result<void> begin() {
    next_offset_ = segment_.base_offset();
    if (task_.from > segment_.base_offset()) {
      TRY_ASSIGN(const auto place, segment_.find_batch(task_.from, segment_.size_bytes()));
      next_offset_ = place ? std::min(place->base_offset, task_.from) : task_.from;
      valid_bytes_ = place ? place->position : segment_.size_bytes();
      return segment_.keep_indexes_below(next_offset_, valid_bytes_);
    }
    TRY(segment_.reset_indexes());
    // Needs the open transactions of earlier segments to be built anew; else it stays.
    if (task_.producers == nullptr) return {};
    return segment_.transaction_index().truncate_to(segment_.base_offset());
  }

  bool reaches_beyond(const StoredBatch& batch) const {
    return task_.next_base && batch.last_offset() >= *task_.next_base &&
           batch.is_checksum_right() && batch.base_offset() >= next_offset_;
  }

  base::Result<void> check(const StoredBatch& batch) const {
    if (!batch.is_checksum_right()) {
      return base::fail(base::Errc::corrupt, "checksum does not match");
    }
    if (batch.base_offset() < next_offset_ || batch.last_offset() < batch.base_offset()) {
      return base::fail(base::Errc::corrupt, "offsets do not increase");
    }
    if (batch.last_offset() - segment_.base_offset() > INT32_MAX) {
      return base::fail(base::Errc::corrupt, "offset beyond what a segment can hold");
    }
    return {};
  }

  base::Result<void> take_in(const StoredBatch& batch, std::int64_t position) {
    if (task_.producers != nullptr && !batch.is_legacy()) {
      TRY_ASSIGN(const auto completed, task_.producers->apply(batch.v2()));
      if (completed) TRY(end_transaction(*completed));
      const auto latest = task_.epochs.latest_epoch();
      if (!latest || batch.leader_epoch() > *latest) {
        task_.epochs.assign(batch.leader_epoch(), batch.base_offset());
      }
    }
    if (task_.producers != nullptr) task_.producers->set_map_end_offset(batch.last_offset() + 1);
    return unless_full(segment_.note_batch(BatchPlace::of(batch, position),
                                           task_.request.config->index_interval_bytes));
  }

  base::Result<void> end_transaction(const CompletedTransaction& transaction) {
    const base::Offset last_stable = task_.producers->last_stable_offset(transaction);
    task_.producers->complete(transaction);
    if (!transaction.is_aborted) return {};
    return unless_full(segment_.transaction_index().append(
        {transaction.producer_id, transaction.first_offset, transaction.last_offset, last_stable}));
  }

  base::Result<void> cut(runtime::File& file, std::int64_t size_bytes, const std::string& reason) {
    LOG_WARN("{} cut at the first invalid batch segment={} offset={} lost_bytes={} reason=\"{}\"",
             task_.request.topic_partition, segment_.base_offset(), next_offset_,
             size_bytes - valid_bytes_, reason);
    TRY(segment_.truncate_to(next_offset_, valid_bytes_, task_.request.now_ms));
    // At once: the recovery point may already be above the cut, and nobody would look again.
    return file.sync();
  }

  void report(std::int64_t bytes) const {
    if (task_.request.on_recovered) task_.request.on_recovered(bytes);
  }

  Segment& segment_;
  const SegmentRecovery& task_;
  std::int64_t valid_bytes_ = 0;
  base::Offset next_offset_;
};

}  // namespace

base::Result<bool> recover_segment(Segment& segment, const SegmentRecovery& recovery) {
  return Recovery(segment, recovery).run();
}

}  // namespace storage
