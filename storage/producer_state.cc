#include "storage/producer_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "base/saturating.h"
#include "storage/log_error.h"
#include "storage/producer_snapshot.h"
#include "storage/segment.h"

namespace storage {
namespace {

using protocol::RecordBatchView;

constexpr std::int64_t kSnapshotBytesMax = std::int64_t{1} << 30;

bool follows(std::int32_t last_sequence, std::int32_t next_sequence) {
  return next_sequence == std::int64_t{last_sequence} + 1 ||
         (next_sequence == 0 && last_sequence == INT32_MAX);
}

}  // namespace

std::int32_t ProducerBatch::first_sequence() const {
  const std::int64_t first = std::int64_t{last_sequence} - offset_delta;
  return static_cast<std::int32_t>(first < 0 && last_sequence >= 0 ? first + INT32_MAX + 1 : first);
}

void ProducerEntry::add_batch(const ProducerBatch& batch) {
  if (batch_count == kBatchesMax) {
    std::move(batches.begin() + 1, batches.end(), batches.begin());
    --batch_count;
  }
  batches[batch_count++] = batch;
}

const ProducerBatch* ProducerEntry::find_duplicate(const RecordBatchView& batch) const {
  if (batch.producer_epoch() != epoch) return nullptr;
  for (std::size_t i = 0; i < batch_count; ++i) {
    if (batches[i].last_sequence == batch.last_sequence() &&
        batches[i].first_sequence() == batch.base_sequence()) {
      return &batches[i];
    }
  }
  return nullptr;
}

ProducerState::ProducerState(LogEnvironment& environment, std::string directory,
                             base::TopicPartition name)
    : environment_(environment), directory_(std::move(directory)), name_(std::move(name)) {}

base::Result<const ProducerBatch*> ProducerState::check(const RecordBatchView& batch,
                                                        AppendOrigin origin) const {
  if (!batch.has_producer_id() || origin == AppendOrigin::replication) return nullptr;
  static const ProducerEntry kUnknown;
  const auto found = entries_.find(batch.producer_id());
  const ProducerEntry& entry = found == entries_.end() ? kUnknown : found->second;
  if (origin == AppendOrigin::client) {
    if (const ProducerBatch* duplicate = entry.find_duplicate(batch)) return duplicate;
  }
  if (batch.producer_epoch() < entry.epoch) {
    return base::fail(LogError::invalid_producer_epoch,
                      fmt::format("{} producer {} epoch {}, known {}", name_, batch.producer_id(),
                                  batch.producer_epoch(), entry.epoch));
  }
  if (batch.is_control()) {
    TRY(check_marker(entry, batch));
    return nullptr;
  }
  if (origin == AppendOrigin::client) TRY(check_sequence(entry, batch));
  if (entry.current_transaction_first_offset && !batch.is_transactional()) {
    return base::fail(LogError::invalid_txn_state,
                      fmt::format("{} producer {} writes outside its open transaction", name_,
                                  batch.producer_id()));
  }
  return nullptr;
}

base::Result<void> ProducerState::check_sequence(const ProducerEntry& entry,
                                                 const RecordBatchView& batch) const {
  // Nothing known, maybe as retention has removed it all: any sequence is welcome (KIP-360).
  if (entry.epoch == protocol::kNoProducerEpoch) return {};
  const bool is_new_epoch = batch.producer_epoch() != entry.epoch;
  const bool is_in_order = is_new_epoch ? batch.base_sequence() == 0
                                        : follows(entry.last_sequence(), batch.base_sequence());
  if (is_in_order) return {};
  return base::fail(
      LogError::out_of_order_sequence,
      fmt::format("{} producer {} epoch {} sequence {}, known epoch {} last sequence {}", name_,
                  batch.producer_id(), batch.producer_epoch(), batch.base_sequence(), entry.epoch,
                  entry.last_sequence()));
}

base::Result<void> ProducerState::check_marker(const ProducerEntry& entry,
                                               const RecordBatchView& batch) const {
  const auto marker = protocol::read_end_transaction_marker(batch);
  if (!marker) return base::fail(LogError::invalid_record, marker.error().to_string());
  if (*marker && (*marker)->coordinator_epoch < entry.coordinator_epoch) {
    return base::fail(
        LogError::transaction_coordinator_fenced,
        fmt::format("{} producer {} coordinator epoch {}, known {}", name_, batch.producer_id(),
                    (*marker)->coordinator_epoch, entry.coordinator_epoch));
  }
  return {};
}

base::Result<std::optional<CompletedTransaction>> ProducerState::apply(
    const RecordBatchView& batch) {
  std::optional<CompletedTransaction> completed;
  if (!batch.has_producer_id()) return completed;
  std::optional<protocol::EndTransactionMarker> marker;
  if (batch.is_control()) {
    TRY_ASSIGN(marker, protocol::read_end_transaction_marker(batch));
    if (!marker) return completed;  // compacted away: says nothing any more
  }
  ProducerEntry& entry = entries_[batch.producer_id()];
  entry.producer_id = batch.producer_id();
  if (entry.epoch != batch.producer_epoch()) {
    entry.epoch = batch.producer_epoch();
    entry.batch_count = 0;
  }
  entry.last_timestamp_ms = batch.max_timestamp();
  if (marker) {
    entry.coordinator_epoch = marker->coordinator_epoch;
    if (entry.current_transaction_first_offset) {
      completed = CompletedTransaction{entry.producer_id, *entry.current_transaction_first_offset,
                                       batch.base_offset(), !marker->is_commit};
      entry.current_transaction_first_offset.reset();
    }
    return completed;
  }
  entry.add_batch({batch.last_sequence(), batch.last_offset(), batch.last_offset_delta(),
                   batch.max_timestamp()});
  if (batch.is_transactional() && !entry.current_transaction_first_offset) {
    entry.current_transaction_first_offset = batch.base_offset();
    open_transactions_[batch.base_offset()] = {entry.producer_id, batch.base_offset(), {}};
  }
  return completed;
}

base::Offset ProducerState::last_stable_offset(const CompletedTransaction& transaction) const {
  for (const auto& [first_offset, open] : open_transactions_) {
    if (open.producer_id != transaction.producer_id) return first_offset;
  }
  return transaction.last_offset + 1;
}

void ProducerState::complete(const CompletedTransaction& transaction) {
  auto open = open_transactions_.extract(transaction.first_offset);
  if (open.empty()) return;  // began below the log start
  open.mapped().last_offset = transaction.last_offset;
  unreplicated_transactions_.insert(std::move(open));
}

std::optional<base::Offset> ProducerState::first_unstable_offset() const {
  std::optional<base::Offset> first;
  if (!open_transactions_.empty()) first = open_transactions_.begin()->first;
  if (!unreplicated_transactions_.empty()) {
    const base::Offset unreplicated = unreplicated_transactions_.begin()->first;
    if (!first || unreplicated < *first) first = unreplicated;
  }
  return first;
}

void ProducerState::on_high_watermark(base::Offset high_watermark) {
  std::erase_if(unreplicated_transactions_,
                [&](const auto& item) { return *item.second.last_offset < high_watermark; });
}

void ProducerState::on_log_start(base::Offset log_start) {
  on_high_watermark(log_start);
  if (map_end_offset_ < log_start) map_end_offset_ = log_start;
  last_snapshot_offset_ = latest_snapshot().value_or(log_start);
}

const ProducerEntry* ProducerState::find(std::int64_t producer_id) const {
  const auto found = entries_.find(producer_id);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<ProducerEntry> ProducerState::entries() const {
  std::vector<ProducerEntry> all;
  all.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) all.push_back(entry);
  // The order of a hash map must not reach the disk.
  std::sort(all.begin(), all.end(), [](const ProducerEntry& a, const ProducerEntry& b) {
    return a.producer_id < b.producer_id;
  });
  return all;
}

void ProducerState::remove_expired(std::int64_t now_ms, std::int64_t expiration_ms) {
  std::erase_if(entries_, [&](const auto& item) {
    const ProducerEntry& entry = item.second;
    return !entry.current_transaction_first_offset &&
           base::saturating_sub(now_ms, entry.last_timestamp_ms) >= expiration_ms;
  });
}

// --- snapshots -----------------------------------------------------------------------------------

std::string ProducerState::snapshot_path(base::Offset offset) const {
  return directory_ + "/" + segment_file_name(offset) + ".snapshot";
}

void ProducerState::set_snapshots(std::vector<base::Offset> offsets) {
  snapshots_ = std::move(offsets);
  std::sort(snapshots_.begin(), snapshots_.end());
}

std::optional<base::Offset> ProducerState::latest_snapshot() const {
  if (snapshots_.empty()) return std::nullopt;
  return snapshots_.back();
}

base::Result<void> ProducerState::take_snapshot() {
  if (map_end_offset_ <= last_snapshot_offset_) return {};
  const std::string path = snapshot_path(map_end_offset_);
  TRY_ASSIGN(const auto file, environment_.files.open(path, runtime::OpenMode::truncate));
  if (auto written = file->pwrite(base::as_bytes(encode_producer_snapshot(entries())), 0);
      !written) {
    (void)environment_.files.remove_file(path);
    return written;
  }
  const auto place = std::lower_bound(snapshots_.begin(), snapshots_.end(), map_end_offset_);
  if (place == snapshots_.end() || *place != map_end_offset_) {
    snapshots_.insert(place, map_end_offset_);
  }
  last_snapshot_offset_ = map_end_offset_;
  unsynced_snapshots_.push_back(path);
  return {};
}

void ProducerState::remove_stray_snapshots(const std::vector<base::Offset>& segment_bases) {
  const std::vector<base::Offset> all = snapshots_;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_at_base = std::binary_search(segment_bases.begin(), segment_bases.end(), all[i]);
    const bool is_beyond =
        i + 1 == all.size() && (segment_bases.empty() || all[i] > segment_bases.back());
    if (!is_at_base && !is_beyond) remove_snapshot(all[i]);
  }
}

void ProducerState::remove_snapshot(base::Offset offset) {
  const auto place = std::lower_bound(snapshots_.begin(), snapshots_.end(), offset);
  if (place == snapshots_.end() || *place != offset) return;
  snapshots_.erase(place);
  // Left behind, it would be found again and judged again: no harm.
  if (const auto removed = environment_.files.remove_file(snapshot_path(offset)); !removed) {
    LOG_DEBUG("{} snapshot stays: {}", name_, removed.error().to_string());
  }
}

base::Result<std::vector<ProducerEntry>> ProducerState::read_snapshot(base::Offset offset) const {
  TRY_ASSIGN(const std::string bytes,
             environment_.files.read_file(snapshot_path(offset), kSnapshotBytesMax));
  return decode_producer_snapshot(base::as_bytes(bytes));
}

void ProducerState::truncate_and_reload(base::Offset log_start, base::Offset log_end,
                                        std::int64_t now_ms, std::int64_t expiration_ms) {
  const std::vector<base::Offset> all = snapshots_;
  for (const base::Offset offset : all) {
    if (offset > log_end || offset <= log_start) remove_snapshot(offset);
  }
  if (log_end == map_end_offset_) {
    on_log_start(log_start);
    return;  // the state is already what it should be
  }
  clear_entries();
  while (!snapshots_.empty()) {
    const base::Offset offset = snapshots_.back();
    const auto loaded = read_snapshot(offset);
    if (!loaded) {
      LOG_WARN("{} producer snapshot ignored offset={} error=\"{}\"", name_, offset,
               loaded.error().to_string());
      remove_snapshot(offset);
      continue;
    }
    for (const ProducerEntry& entry : *loaded) {
      const bool is_expired =
          !entry.current_transaction_first_offset &&
          base::saturating_sub(now_ms, entry.last_timestamp_ms) >= expiration_ms;
      if (is_expired) continue;
      entries_[entry.producer_id] = entry;
      if (const auto first = entry.current_transaction_first_offset) {
        open_transactions_[*first] = {entry.producer_id, *first, {}};
      }
    }
    map_end_offset_ = last_snapshot_offset_ = offset;
    return;
  }
  map_end_offset_ = last_snapshot_offset_ = log_start;
}

void ProducerState::clear_entries() {
  entries_.clear();
  open_transactions_.clear();
  unreplicated_transactions_.clear();
}

void ProducerState::clear_and_start_at(base::Offset offset) {
  clear_entries();
  while (!snapshots_.empty()) remove_snapshot(snapshots_.back());
  last_snapshot_offset_ = base::Offset(0);
  map_end_offset_ = offset;
}

}  // namespace storage
