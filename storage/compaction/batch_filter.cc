#include "storage/compaction/batch_filter.h"

#include "base/big_endian.h"
#include "protocol/compression.h"
#include "protocol/record_batch_builder.h"

namespace storage {
namespace {

using protocol::RecordBatchView;
using protocol::RecordView;
using protocol::TimestampType;

constexpr std::size_t kPlainBytesMax = std::size_t{1} << 30;

std::int64_t plus_saturated(std::int64_t a, std::int64_t b) {
  return b > INT64_MAX - a ? INT64_MAX : a + b;
}

// Header only: offsets, sequences, epochs, timestamp type, transactional and control bits stay.
void append_empty(const RecordBatchView& batch, base::Buffer& out) {
  constexpr std::int16_t kKeptAttributes = 0x08 | 0x10 | 0x20;
  base::Buffer header = base::Buffer::copy_of(batch.bytes().first(protocol::kBatchHeaderBytes));
  std::byte* const bytes = header.mutable_data();
  base::store_be<std::int32_t>(bytes + 8, static_cast<std::int32_t>(protocol::kBatchHeaderBytes -
                                                                    protocol::kBatchFrameBytes));
  base::store_be<std::int16_t>(bytes + 21,
                               static_cast<std::int16_t>(batch.attributes() & kKeptAttributes));
  base::store_be<std::int64_t>(bytes + 27, protocol::kNoTimestamp);
  base::store_be<std::int32_t>(bytes + 57, 0);
  protocol::MutableRecordBatch(header.mutable_bytes()).update_crc();
  out.append(header.bytes());
}

}  // namespace

BatchFilter::BatchFilter(const OffsetMap& latest, TransactionFilter& transactions,
                         const std::vector<ProducerEntry>& producers, std::int64_t now_ms,
                         std::int64_t delete_retention_ms)
    : latest_(latest),
      transactions_(transactions),
      now_ms_(now_ms),
      delete_retention_ms_(delete_retention_ms) {
  for (const ProducerEntry& producer : producers) {
    last_of_producer_[producer.producer_id] = {producer.last_data_offset(), producer.epoch};
  }
}

bool BatchFilter::is_last_of_producer(const RecordBatchView& batch) const {
  if (!batch.has_producer_id()) return false;
  const auto found = last_of_producer_.find(batch.producer_id());
  if (found == last_of_producer_.end()) return false;
  const LastOfProducer& last = found->second;
  if (last.last_data_offset >= base::Offset(0)) return batch.last_offset() == last.last_data_offset;
  return batch.is_control() && batch.producer_epoch() == last.epoch;
}

bool BatchFilter::is_past_horizon(const RecordBatchView& batch) const {
  return batch.has_delete_horizon() && now_ms_ >= batch.base_timestamp();
}

base::Result<void> BatchFilter::filter(const RecordBatchView& batch, base::Buffer& out) {
  bool can_discard = false;
  if (batch.is_control()) {
    TRY_ASSIGN(can_discard, transactions_.on_control_batch(batch));
  } else {
    can_discard = transactions_.on_data_batch(batch);
  }
  counts_.records_read += batch.record_count();
  const bool discards_records =
      can_discard && (!batch.is_control() || is_past_horizon(batch) || batch.record_count() == 0);
  if (discards_records || batch.record_count() == 0) {
    if (is_last_of_producer(batch)) append_empty(batch, out);
    return {};
  }
  const auto codec = batch.codec();
  if (!codec) return base::fail(base::Errc::corrupt, "batch codec");
  base::Buffer plain;
  if (*codec != protocol::Codec::none) {
    TRY_ASSIGN(plain, protocol::decompress(*codec, batch.records(), kPlainBytesMax));
  }
  TRY_ASSIGN(const Kept kept, keep_records(batch, *codec == protocol::Codec::none ? batch.records()
                                                                                  : plain.bytes()));
  counts_.records_kept += static_cast<std::int64_t>(kept.records.size());
  if (kept.records.empty()) {
    if (is_last_of_producer(batch)) append_empty(batch, out);
    return {};
  }
  const bool is_marker_alone = can_discard && batch.is_control();
  const bool needs_horizon = (kept.has_tombstone || is_marker_alone) && !batch.has_delete_horizon();
  if (kept.is_whole && !needs_horizon) {
    out.append(batch.bytes());
    return {};
  }
  return append_rebuilt(batch, kept, needs_horizon, out);
}

base::Result<bool> BatchFilter::is_kept(const RecordBatchView& batch, const RecordView& record) {
  if (batch.is_control() || record.offset > latest_.latest_offset()) return true;
  if (!record.key) {
    ++counts_.records_without_key;
    return false;
  }
  TRY_ASSIGN(const auto latest, latest_.get(*record.key));
  if (latest && record.offset < *latest) return false;
  return record.value.has_value() || !is_past_horizon(batch);
}

base::Result<BatchFilter::Kept> BatchFilter::keep_records(const RecordBatchView& batch,
                                                          base::Bytes plain_records) {
  Kept kept;
  protocol::RecordReader reader(batch, plain_records);
  for (;;) {
    TRY_ASSIGN(const auto record, reader.next());
    if (!record) return kept;
    TRY_ASSIGN(const bool stays, is_kept(batch, *record));
    if (!stays) {
      kept.is_whole = false;
      continue;
    }
    if (!record->value) kept.has_tombstone = true;
    kept.records.push_back(*record);
  }
}

base::Result<void> BatchFilter::append_rebuilt(const RecordBatchView& batch, const Kept& kept,
                                               bool needs_horizon, base::Buffer& out) const {
  protocol::BatchOptions options;
  options.base_offset = batch.base_offset();
  options.leader_epoch = batch.leader_epoch();
  options.codec = *batch.codec();
  options.timestamp_type = batch.timestamp_type();
  options.log_append_time_ms = batch.max_timestamp();
  options.producer_id = batch.producer_id();
  options.producer_epoch = batch.producer_epoch();
  options.base_sequence = batch.base_sequence();
  options.is_transactional = batch.is_transactional();
  options.is_control = batch.is_control();
  options.last_offset_delta = batch.last_offset_delta();
  if (needs_horizon) {
    options.delete_horizon_ms = plus_saturated(now_ms_, delete_retention_ms_);
  } else if (batch.has_delete_horizon()) {
    options.delete_horizon_ms = batch.base_timestamp();
  }
  protocol::RecordBatchBuilder builder(options);
  base::Offset previous = batch.base_offset() - 1;
  for (const RecordView& record : kept.records) {
    if (record.offset <= previous || record.offset > batch.last_offset()) {
      return base::fail(base::Errc::corrupt, "record offsets do not increase within their batch");
    }
    previous = record.offset;
    builder.append_record(record, static_cast<std::int32_t>(record.offset - batch.base_offset()));
  }
  TRY_ASSIGN(const base::Buffer rebuilt, builder.build());
  out.append(rebuilt.bytes());
  return {};
}

}  // namespace storage
