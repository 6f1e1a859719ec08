// Purpose: what a log knows about its idempotent and transactional producers: the last batches,
// epochs and open transactions; the rules by which a leader accepts or refuses their batches; and
// the snapshots of it on disk.
// Source: ProducerStateManager, ProducerStateEntry, ProducerAppendInfo.
//
// Not thread-safe: the log's append lock guards it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "protocol/record_batch.h"
#include "storage/batch_validator.h"
#include "storage/log_environment.h"

namespace storage {

// A batch as remembered for the detection of duplicates.
struct ProducerBatch {
  std::int32_t last_sequence = -1;
  base::Offset last_offset{-1};
  std::int32_t offset_delta = 0;  // last - first offset
  std::int64_t timestamp_ms = -1;

  std::int32_t first_sequence() const;
  base::Offset first_offset() const { return last_offset - offset_delta; }
};

struct ProducerEntry {
  static constexpr std::size_t kBatchesMax = 5;

  std::int64_t producer_id = -1;
  std::int16_t epoch = -1;
  std::int32_t coordinator_epoch = -1;
  std::int64_t last_timestamp_ms = -1;
  std::optional<base::Offset> current_transaction_first_offset;
  std::array<ProducerBatch, kBatchesMax> batches;  // oldest first
  std::size_t batch_count = 0;

  bool has_batches() const { return batch_count > 0; }
  const ProducerBatch& last_batch() const { return batches[batch_count - 1]; }
  std::int32_t last_sequence() const { return has_batches() ? last_batch().last_sequence : -1; }
  base::Offset last_data_offset() const {
    return has_batches() ? last_batch().last_offset : base::Offset(-1);
  }
  void add_batch(const ProducerBatch& batch);
  const ProducerBatch* find_duplicate(const protocol::RecordBatchView& batch) const;
};

// A transaction that ended with the batch just appended.
struct CompletedTransaction {
  std::int64_t producer_id = -1;
  base::Offset first_offset;
  base::Offset last_offset;  // the marker's
  bool is_aborted = false;
};

class ProducerState {
 public:
  ProducerState(LogEnvironment& environment, std::string directory, base::TopicPartition name);

  // Whether a leader takes the batch. Not null: it was appended before, at these offsets.
  // Errors: LogError. Changes nothing. Replicated batches are always taken.
  base::Result<const ProducerBatch*> check(const protocol::RecordBatchView& batch,
                                           AppendOrigin origin) const;
  // Takes in a batch that was appended (or is read again from the log). Offsets are final.
  base::Result<std::optional<CompletedTransaction>> apply(const protocol::RecordBatchView& batch);
  // The last stable offset to be stored with an aborted transaction; before complete().
  base::Offset last_stable_offset(const CompletedTransaction& transaction) const;
  void complete(const CompletedTransaction& transaction);

  // First offset of the earliest transaction that is open, or whose end is not yet below the high
  // watermark.
  std::optional<base::Offset> first_unstable_offset() const;
  void on_high_watermark(base::Offset high_watermark);
  void on_log_start(base::Offset log_start);

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const ProducerEntry* find(std::int64_t producer_id) const;
  std::vector<ProducerEntry> entries() const;
  void remove_expired(std::int64_t now_ms, std::int64_t expiration_ms);

  // Everything below this offset is in the state.
  base::Offset map_end_offset() const { return map_end_offset_; }
  void set_map_end_offset(base::Offset offset) { map_end_offset_ = offset; }

  // --- snapshots -------------------------------------------------------------------------------
  // Offsets of the snapshot files that the loader found in the directory.
  void set_snapshots(std::vector<base::Offset> offsets);
  std::optional<base::Offset> latest_snapshot() const;
  // Writes `<map end>.snapshot` unless one as new is there. Not synced: see
  // take_unsynced_snapshots.
  base::Result<void> take_snapshot();
  // Keeps those at segment bases (ascending) and the newest if it lies beyond the last base.
  void remove_stray_snapshots(const std::vector<base::Offset>& segment_bases);
  void remove_snapshot(base::Offset offset);
  // Drops snapshots outside (log start, log end], loads the newest readable one; corrupt ones are
  // deleted. The state then reaches up to map_end_offset().
  void truncate_and_reload(base::Offset log_start, base::Offset log_end, std::int64_t now_ms,
                           std::int64_t expiration_ms);
  void clear_and_start_at(base::Offset offset);  // removes all snapshots too
  void set_directory(std::string directory) { directory_ = std::move(directory); }
  // Snapshot files written since the last call, for a flush to sync.
  std::vector<std::string> take_unsynced_snapshots() {
    return std::exchange(unsynced_snapshots_, {});
  }
  // The flush did not sync them.
  void give_back_unsynced_snapshots(std::vector<std::string> paths) {
    unsynced_snapshots_.insert(unsynced_snapshots_.end(), std::make_move_iterator(paths.begin()),
                               std::make_move_iterator(paths.end()));
  }

 private:
  struct Transaction {
    std::int64_t producer_id;
    base::Offset first_offset;
    std::optional<base::Offset> last_offset;
  };

  std::string snapshot_path(base::Offset offset) const;
  base::Result<std::vector<ProducerEntry>> read_snapshot(base::Offset offset) const;
  void clear_entries();
  base::Result<void> check_sequence(const ProducerEntry& entry,
                                    const protocol::RecordBatchView& batch) const;
  base::Result<void> check_marker(const ProducerEntry& entry,
                                  const protocol::RecordBatchView& batch) const;

  LogEnvironment& environment_;
  std::string directory_;
  const base::TopicPartition name_;
  std::unordered_map<std::int64_t, ProducerEntry> entries_;
  std::map<base::Offset, Transaction> open_transactions_;          // by first offset
  std::map<base::Offset, Transaction> unreplicated_transactions_;  // ended above high watermark
  std::vector<base::Offset> snapshots_;                            // ascending
  std::vector<std::string> unsynced_snapshots_;
  base::Offset map_end_offset_{0};
  base::Offset last_snapshot_offset_{0};
};

}  // namespace storage
