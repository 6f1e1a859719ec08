// The parts of the dumper for the files beside a `.log`: `.index`, `.timeindex`, `.snapshot` and
// `.txnindex`.
#include <fmt/format.h>

#include <algorithm>

#include "base/big_endian.h"
#include "base/crc32c.h"
#include "base/result.h"
#include "tools/dump_log/batch_file.h"
#include "tools/dump_log/dump.h"

namespace dump_log {

using tools::failure;
using tools::Outcome;

namespace {

constexpr std::size_t kOffsetEntryBytes = 8;
constexpr std::size_t kTimeEntryBytes = 12;
constexpr std::size_t kAbortedTransactionBytes = 34;

template <class T>
T load(std::string_view bytes, std::size_t at) {
  return base::load_be<T>(base::as_bytes(bytes).data() + at);
}

struct OffsetEntry {
  std::int64_t offset = 0;
  std::int64_t position = 0;
};

// Up to the first zero entry: Kafka preallocates active indexes.
std::vector<OffsetEntry> read_offset_entries(std::string_view bytes, std::int64_t base_offset) {
  std::vector<OffsetEntry> entries;
  for (std::size_t at = 0; at + kOffsetEntryBytes <= bytes.size(); at += kOffsetEntryBytes) {
    const auto relative = load<std::int32_t>(bytes, at);
    if (relative == 0 && !entries.empty()) break;
    entries.push_back({base_offset + relative, load<std::int32_t>(bytes, at + 4)});
  }
  return entries;
}

std::int64_t lookup(const std::vector<OffsetEntry>& entries, std::int64_t offset) {
  const auto above = std::ranges::upper_bound(entries, offset, {}, &OffsetEntry::offset);
  return above == entries.begin() ? 0 : std::prev(above)->position;
}

// A file whose length is no multiple of its entries, or whose last entry does not lie behind its
// first offset, is rebuilt by a broker at start.
Outcome<> check_sanity(const std::string& path, std::size_t size_bytes, std::size_t entry_bytes,
                       std::int64_t last_offset, std::int64_t base_offset) {
  if (size_bytes % entry_bytes != 0) {
    return failure(
        fmt::format("Corrupt index found, index file ({}) has {} bytes, which is not a "
                    "multiple of {}",
                    path, size_bytes, entry_bytes));
  }
  if (size_bytes > 0 && last_offset < base_offset) {
    return failure(fmt::format(
        "Corrupt index found, index file ({}) has non-zero size but the last offset is {} which is "
        "less than the base offset {}",
        path, last_offset, base_offset));
  }
  return {};
}

}  // namespace

Outcome<> Dumper::dump_offset_index(const std::string& path) {
  TRY_ASSIGN(const SegmentFile segment, parse_segment_path(path));
  TRY_ASSIGN(const BatchFile log, BatchFile::open(files_, segment.stem + ".log"));
  TRY_ASSIGN(const std::string bytes, read(path));
  if (bytes.size() < kOffsetEntryBytes) {
    print_(fmt::format("{} is empty.\n", path));
    return {};
  }
  const auto entries = read_offset_entries(bytes, segment.base_offset);
  if (settings_.index_sanity_check) {
    TRY(check_sanity(path, bytes.size(), kOffsetEntryBytes, entries.back().offset,
                     segment.base_offset));
    print_(fmt::format("{} passed sanity check.\n", path));
    return {};
  }
  for (const OffsetEntry& entry : entries) {
    TRY_ASSIGN(const auto batch, log.batch_at(entry.position, log.size_bytes()));
    const std::int64_t found = batch ? batch->last_offset() : -1;
    if (found != entry.offset) findings_.offset_mismatch(absolute_path(path), entry.offset, found);
    if (settings_.verify_index_only) continue;
    print_(fmt::format("offset: {} position: {}\n", entry.offset, entry.position));
  }
  return {};
}

Outcome<> Dumper::dump_time_index(const std::string& path) {
  TRY_ASSIGN(const SegmentFile segment, parse_segment_path(path));
  TRY_ASSIGN(const BatchFile log, BatchFile::open(files_, segment.stem + ".log"));
  TRY_ASSIGN(const std::string index_bytes, read(segment.stem + ".index"));
  const auto offset_entries = read_offset_entries(index_bytes, segment.base_offset);
  TRY_ASSIGN(const std::string bytes, read(path));
  const std::string absolute = absolute_path(path);
  std::int64_t previous_timestamp = protocol::kNoTimestamp;
  std::int64_t last_offset = segment.base_offset;
  for (std::size_t at = 0; at + kTimeEntryBytes <= bytes.size(); at += kTimeEntryBytes) {
    const auto timestamp = load<std::int64_t>(bytes, at);
    const auto relative = load<std::int32_t>(bytes, at + 8);
    if (relative == 0 && at > 0) break;
    last_offset = segment.base_offset + relative;
    if (settings_.index_sanity_check) continue;
    std::int64_t position = lookup(offset_entries, last_offset);
    std::optional<Batch> holder;
    while (true) {
      TRY_ASSIGN(auto batch, log.batch_at(position, log.size_bytes()));
      if (!batch) break;
      position += batch->size_bytes();
      if (batch->last_offset() < last_offset) continue;
      holder.emplace(std::move(*batch));
      break;
    }
    if (!holder || holder->last_offset() != last_offset) {
      findings_.offset_not_found(absolute, last_offset, holder ? holder->last_offset() : -1);
    } else {
      std::int64_t max_timestamp = protocol::kNoTimestamp;
      TRY(for_each_record(*holder, [&](const Record& record) {
        max_timestamp = std::max(max_timestamp, record.timestamp_ms);
      }));
      if (max_timestamp != timestamp) {
        findings_.timestamp_mismatch(absolute, timestamp, max_timestamp);
      }
      if (previous_timestamp >= timestamp) {
        findings_.out_of_order(absolute, timestamp, previous_timestamp);
      }
    }
    if (!settings_.verify_index_only) {
      print_(fmt::format("timestamp: {} offset: {}\n", timestamp, last_offset));
    }
    previous_timestamp = timestamp;
  }
  if (settings_.index_sanity_check) {
    TRY(check_sanity(path, bytes.size(), kTimeEntryBytes, last_offset, segment.base_offset));
    print_(fmt::format("{} passed sanity check.\n", path));
  }
  return {};
}

// int16 version, uint32 CRC32C of what follows, int32 count, entries of 46 bytes.
Outcome<> Dumper::dump_producer_snapshot(const std::string& path) {
  constexpr std::size_t kChecksummedAt = 6;
  constexpr std::size_t kEntriesAt = 10;
  constexpr std::size_t kEntryBytes = 46;
  TRY_ASSIGN(const std::string bytes, read(path));
  if (bytes.size() < kEntriesAt) return failure(fmt::format("{}: snapshot is cut off", path));
  if (const auto version = load<std::int16_t>(bytes, 0); version != 1) {
    return failure(fmt::format("{}: Unsupported snapshot version {}", path, version));
  }
  const auto stored = load<std::uint32_t>(bytes, 2);
  const std::uint32_t computed =
      base::crc32c(base::as_bytes(std::string_view(bytes).substr(kChecksummedAt)));
  if (stored != computed) {
    return failure(fmt::format(
        "Snapshot is corrupt (CRC is no longer valid). Stored crc: {}. Computed crc: {}", stored,
        computed));
  }
  const auto count = load<std::int32_t>(bytes, kChecksummedAt);
  if (count < 0 || static_cast<std::size_t>(count) > (bytes.size() - kEntriesAt) / kEntryBytes) {
    return failure(fmt::format("{}: snapshot is cut off", path));
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    const std::size_t at = kEntriesAt + i * kEntryBytes;
    const auto last_sequence = load<std::int32_t>(bytes, at + 10);
    const auto last_offset = load<std::int64_t>(bytes, at + 14);
    const auto offset_delta = load<std::int32_t>(bytes, at + 22);
    const auto timestamp = load<std::int64_t>(bytes, at + 26);
    const auto first_transaction_offset = load<std::int64_t>(bytes, at + 38);
    std::string line = fmt::format(
        "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} "
        "lastTimestamp: {} ",
        load<std::int64_t>(bytes, at), load<std::int16_t>(bytes, at + 8),
        load<std::int32_t>(bytes, at + 34),
        first_transaction_offset < 0 ? "OptionalLong.empty"
                                     : fmt::format("OptionalLong[{}]", first_transaction_offset),
        timestamp);
    if (last_offset >= 0) {
      // Sequences wrap at 2^31 to 0.
      const std::int64_t first = std::int64_t{last_sequence} - offset_delta;
      line += fmt::format(
          "firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} timestamp: {}",
          first < 0 ? first + std::numeric_limits<std::int32_t>::max() + 1 : first, last_sequence,
          last_offset, offset_delta, timestamp);
    }
    print_(line + "\n");
  }
  return {};
}

Outcome<> Dumper::dump_transaction_index(const std::string& path) {
  TRY_ASSIGN(const std::string bytes, read(path));
  for (std::size_t at = 0; at + kAbortedTransactionBytes <= bytes.size();
       at += kAbortedTransactionBytes) {
    print_(fmt::format(
        "version: {} producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}\n",
        load<std::int16_t>(bytes, at), load<std::int64_t>(bytes, at + 2),
        load<std::int64_t>(bytes, at + 10), load<std::int64_t>(bytes, at + 18),
        load<std::int64_t>(bytes, at + 26)));
  }
  return {};
}

}  // namespace dump_log
