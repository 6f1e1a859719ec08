#include "storage/producer_snapshot.h"

#include "base/big_endian.h"
#include "base/crc32c.h"

namespace storage {
namespace {

constexpr std::int16_t kVersion = 1;
constexpr std::size_t kCrcAt = 2;
constexpr std::size_t kChecksummedAt = 6;
constexpr std::size_t kEntriesAt = 10;
constexpr std::size_t kEntryBytes = 46;

template <class T>
void put(std::string& out, T value) {
  char raw[sizeof(T)];
  base::store_be<T>(raw, value);
  out.append(raw, sizeof raw);
}

template <class T>
T take(const std::byte*& at) {
  const T value = base::load_be<T>(at);
  at += sizeof(T);
  return value;
}

}  // namespace

std::string encode_producer_snapshot(const std::vector<ProducerEntry>& entries) {
  std::string out;
  out.reserve(kEntriesAt + entries.size() * kEntryBytes);
  put<std::int16_t>(out, kVersion);
  put<std::uint32_t>(out, 0);
  put<std::int32_t>(out, static_cast<std::int32_t>(entries.size()));
  for (const ProducerEntry& entry : entries) {
    const ProducerBatch last = entry.has_batches() ? entry.last_batch() : ProducerBatch{};
    put<std::int64_t>(out, entry.producer_id);
    put<std::int16_t>(out, entry.epoch);
    put<std::int32_t>(out, last.last_sequence);
    put<std::int64_t>(out, last.last_offset.value());
    put<std::int32_t>(out, last.offset_delta);
    put<std::int64_t>(out, entry.last_timestamp_ms);
    put<std::int32_t>(out, entry.coordinator_epoch);
    put<std::int64_t>(out,
                      entry.current_transaction_first_offset.value_or(base::Offset(-1)).value());
  }
  const base::Bytes checksummed = base::as_bytes(out).subspan(kChecksummedAt);
  base::store_be<std::uint32_t>(out.data() + kCrcAt, base::crc32c(checksummed));
  return out;
}

base::Result<std::vector<ProducerEntry>> decode_producer_snapshot(base::Bytes bytes) {
  if (bytes.size() < kEntriesAt) return base::fail(base::Errc::corrupt, "snapshot is too short");
  if (base::load_be<std::int16_t>(bytes.data()) != kVersion) {
    return base::fail(base::Errc::corrupt, "snapshot version is not 1");
  }
  if (base::load_be<std::uint32_t>(bytes.data() + kCrcAt) !=
      base::crc32c(bytes.subspan(kChecksummedAt))) {
    return base::fail(base::Errc::corrupt, "snapshot checksum does not match");
  }
  const auto count = base::load_be<std::int32_t>(bytes.data() + kChecksummedAt);
  if (count < 0 || bytes.size() - kEntriesAt < static_cast<std::size_t>(count) * kEntryBytes) {
    return base::fail(base::Errc::corrupt, "snapshot entry count");
  }
  std::vector<ProducerEntry> entries(static_cast<std::size_t>(count));
  const std::byte* at = bytes.data() + kEntriesAt;
  for (ProducerEntry& entry : entries) {
    ProducerBatch last;
    entry.producer_id = take<std::int64_t>(at);
    entry.epoch = take<std::int16_t>(at);
    last.last_sequence = take<std::int32_t>(at);
    last.last_offset = base::Offset(take<std::int64_t>(at));
    last.offset_delta = take<std::int32_t>(at);
    last.timestamp_ms = entry.last_timestamp_ms = take<std::int64_t>(at);
    entry.coordinator_epoch = take<std::int32_t>(at);
    const auto transaction_first = take<std::int64_t>(at);
    if (transaction_first >= 0) {
      entry.current_transaction_first_offset = base::Offset(transaction_first);
    }
    if (last.last_offset >= base::Offset(0)) {
      entry.batches[0] = last;
      entry.batch_count = 1;
    }
  }
  return entries;
}

}  // namespace storage
