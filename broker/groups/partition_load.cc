#include "broker/groups/partition_load.h"

#include "base/log.h"
#include "protocol/compression.h"

namespace groups {
namespace {

// Batches of the coordinator are small; a compacted one may hold as much as a segment.
constexpr std::size_t kDecompressedBytesMax = 256 * 1024 * 1024;
constexpr std::int64_t kDamageLogIntervalMs = 1000;

}  // namespace

void PartitionLoader::add(const protocol::RecordBatchView& batch) {
  loaded_.counts.bytes += static_cast<std::int64_t>(batch.bytes().size());
  if (!batch.is_checksum_right()) {
    return damaged(batch, base::Error(base::Errc::corrupt, "wrong checksum"));
  }
  if (batch.is_control()) return on_marker(batch);
  if (const auto added = add_records(batch); !added) damaged(batch, added.error());
}

base::Result<void> PartitionLoader::add_records(const protocol::RecordBatchView& batch) {
  const auto codec = batch.codec();
  if (!codec) return base::fail(base::Errc::corrupt, "unknown compression");
  base::Buffer decompressed;
  base::Bytes records = batch.records();
  if (*codec != protocol::Codec::none) {
    TRY_ASSIGN(decompressed, protocol::decompress(*codec, records, kDecompressedBytesMax));
    records = decompressed.bytes();
  }
  protocol::RecordReader reader(batch, records);
  for (;;) {
    TRY_ASSIGN(const auto record, reader.next());
    if (!record) return {};
    ++loaded_.counts.records;
    if (const auto added = add_record(batch, *record); !added) damaged(batch, added.error());
  }
}

base::Result<void> PartitionLoader::add_record(const protocol::RecordBatchView& batch,
                                               const protocol::RecordView& record) {
  if (!record.key) return base::fail(base::Errc::corrupt, "record without a key");
  TRY_ASSIGN(const RecordKey key, decode_key(*record.key));
  if (const auto* offset = std::get_if<OffsetKey>(&key)) {
    return on_offset(batch, *offset, record.value);
  }
  if (const auto* group = std::get_if<GroupKey>(&key)) return on_group(*group, record.value);
  ++loaded_.counts.skipped;
  return {};
}

base::Result<void> PartitionLoader::on_offset(const protocol::RecordBatchView& batch,
                                              const OffsetKey& key,
                                              const std::optional<base::Bytes>& value) {
  const PendingKey pending_key{std::string(key.group_id), {std::string(key.topic), key.partition}};
  if (!value) {
    if (batch.is_transactional()) {
      pending_[batch.producer_id()].erase(pending_key);
    } else if (const auto known = loaded_.groups.find(pending_key.group_id);
               known != loaded_.groups.end()) {
      known->second.offsets.remove(key.topic, key.partition);
    }
    return {};
  }
  TRY_ASSIGN(CommittedOffset offset, decode_offset_value(*value));
  if (batch.is_transactional()) {
    pending_[batch.producer_id()].insert_or_assign(
        pending_key, PendingOffset{std::move(offset), batch.base_offset()});
  } else {
    group(key.group_id)
        .offsets.load(key.topic, key.partition, std::move(offset), batch.base_offset());
  }
  return {};
}

base::Result<void> PartitionLoader::on_group(const GroupKey& key,
                                             const std::optional<base::Bytes>& value) {
  if (value) {
    TRY_ASSIGN(GroupRecord record, decode_group_value(*value));
    group(key.group_id).record = std::move(record);
  } else if (const auto known = loaded_.groups.find(std::string(key.group_id));
             known != loaded_.groups.end()) {
    known->second.record.reset();
  }
  return {};
}

void PartitionLoader::on_marker(const protocol::RecordBatchView& batch) {
  const auto marker = protocol::read_end_transaction_marker(batch);
  if (!marker) return damaged(batch, marker.error());
  auto ended = pending_.extract(batch.producer_id());
  if (ended.empty() || !*marker || !(*marker)->is_commit) return;
  const base::ProducerId producer(batch.producer_id());
  for (auto& [key, pending] : ended.mapped()) {
    GroupOffsets& offsets = group(key.group_id).offsets;
    offsets.load_pending(producer, key.id.topic, key.id.partition, std::move(pending.value),
                         pending.log_offset);
    offsets.end_transaction(producer, true);
  }
}

LoadedPartition PartitionLoader::finish() && {
  for (auto& [producer, offsets] : pending_) {
    for (auto& [key, pending] : offsets) {
      group(key.group_id)
          .offsets.load_pending(base::ProducerId(producer), key.id.topic, key.id.partition,
                                std::move(pending.value), pending.log_offset);
    }
  }
  std::erase_if(loaded_.groups, [](const auto& entry) {
    return !entry.second.record && entry.second.offsets.empty();
  });
  return std::move(loaded_);
}

LoadedGroup& PartitionLoader::group(std::string_view id) { return loaded_.groups[std::string(id)]; }

void PartitionLoader::damaged(const protocol::RecordBatchView& batch, const base::Error& error) {
  ++loaded_.counts.damaged;
  static base::RateLimit limit{std::chrono::milliseconds(kDamageLogIntervalMs)};
  std::int64_t suppressed = 0;
  if (!limit.allow(suppressed)) return;
  LOG_ERROR("{} a record of groups or offsets is unreadable and ignored batch_offset={}: {}", name_,
            batch.base_offset().value(), error.to_string());
}

base::Result<LoadedPartition> load_partition(storage::PartitionLog& log, std::int64_t buffer_bytes,
                                             const std::atomic<bool>& stop) {
  PartitionLoader loader(log.topic_partition().to_string());
  base::Offset at = log.log_start_offset();
  while (at < log.log_end_offset()) {
    if (stop.load(std::memory_order_relaxed)) return base::fail(base::Errc::cancelled);
    storage::ReadRequest request;
    request.from = at;
    request.up_to = log.log_end_offset();
    request.max_bytes = buffer_bytes;
    request.at_least_one_batch = true;
    TRY_ASSIGN(const base::Buffer bytes, log.read(request));
    const base::Offset before = at;
    for (base::Bytes rest = bytes.bytes(); !rest.empty();) {
      const auto batch = protocol::frame_batch(rest);
      if (!batch && batch.error().is(base::Errc::end_of_stream)) break;  // cut by the buffer
      if (!batch) return base::fail(batch.error());
      loader.add(*batch);
      at = batch->next_offset();
      rest = rest.subspan(batch->bytes().size());
    }
    if (at <= before) break;  // compaction left nothing up to the end
  }
  return std::move(loader).finish();
}

}  // namespace groups
