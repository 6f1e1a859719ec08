#include "storage/time_index.h"

#include <array>

#include "base/big_endian.h"

namespace storage {

TimeIndex::TimeIndex(runtime::FileSystem& files, IndexPageCache& pages, std::string path,
                     base::Offset base_offset)
    : base_offset_(base_offset), file_(files, pages, std::move(path), kEntryBytes) {}

base::Result<TimeEntry> TimeIndex::entry(std::int64_t index) {
  std::array<std::byte, kEntryBytes> raw;
  TRY(file_.read(index, raw.data(), true));
  return TimeEntry{base::load_be<std::int64_t>(raw.data()),
                   base_offset_ + base::load_be<std::int32_t>(raw.data() + 8)};
}

template <class Below>
base::Result<std::int64_t> TimeIndex::count_while(Below below) {
  TRY_ASSIGN(std::int64_t high, file_.count());
  std::int64_t low = 0;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    TRY_ASSIGN(const TimeEntry at, entry(middle));
    if (below(at)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

base::Result<TimeEntry> TimeIndex::entry_before(std::int64_t index) {
  if (index == 0) return TimeEntry{-1, base_offset_};
  return entry(index - 1);
}

base::Result<TimeEntry> TimeIndex::lookup(std::int64_t target_ms) {
  TRY_ASSIGN(const std::int64_t index,
             count_while([&](const TimeEntry& e) { return e.timestamp_ms <= target_ms; }));
  return entry_before(index);
}

base::Result<TimeEntry> TimeIndex::last() {
  TRY_ASSIGN(const std::int64_t entries, file_.count());
  return entry_before(entries);
}

base::Result<bool> TimeIndex::is_ordered() {
  return file_.is_ordered([](const std::byte* previous, const std::byte* entry) {
    const auto timestamp_ms = base::load_be<std::int64_t>(entry);
    const auto offset = base::load_be<std::int32_t>(entry + 8);
    if (previous == nullptr) return offset >= 0 && timestamp_ms >= 0;
    return timestamp_ms > base::load_be<std::int64_t>(previous) &&
           offset >= base::load_be<std::int32_t>(previous + 8);
  });
}

base::Result<void> TimeIndex::append_if_later(TimeEntry entry) {
  TRY_ASSIGN(const TimeEntry newest, last());
  if (entry.timestamp_ms <= newest.timestamp_ms) return {};
  std::array<std::byte, kEntryBytes> raw;
  base::store_be<std::int64_t>(raw.data(), entry.timestamp_ms);
  base::store_be<std::int32_t>(raw.data() + 8,
                               static_cast<std::int32_t>(entry.offset - base_offset_));
  return file_.append(raw.data());
}

base::Result<void> TimeIndex::truncate_to(base::Offset target) {
  TRY_ASSIGN(const std::int64_t kept,
             count_while([&](const TimeEntry& e) { return e.offset < target; }));
  return file_.truncate(kept);
}

}  // namespace storage
