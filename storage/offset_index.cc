#include "storage/offset_index.h"

#include <array>

#include "base/big_endian.h"

namespace storage {

OffsetIndex::OffsetIndex(runtime::FileSystem& files, IndexPageCache& pages, std::string path,
                         base::Offset base_offset)
    : base_offset_(base_offset), file_(files, pages, std::move(path), kEntryBytes) {}

base::Result<OffsetEntry> OffsetIndex::entry(std::int64_t index, bool may_block) {
  std::array<std::byte, kEntryBytes> raw;
  TRY(file_.read(index, raw.data(), may_block));
  return OffsetEntry{base_offset_ + base::load_be<std::int32_t>(raw.data()),
                     base::load_be<std::int32_t>(raw.data() + 4)};
}

template <class Below>
base::Result<std::int64_t> OffsetIndex::count_while(Below below, bool may_block) {
  TRY_ASSIGN(std::int64_t high, file_.count(may_block));
  std::int64_t low = 0;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    TRY_ASSIGN(const OffsetEntry at, entry(middle, may_block));
    if (below(at)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

base::Result<OffsetEntry> OffsetIndex::entry_before(std::int64_t index, bool may_block) {
  if (index == 0) return OffsetEntry{base_offset_, 0};
  return entry(index - 1, may_block);
}

base::Result<OffsetEntry> OffsetIndex::lookup(base::Offset target, bool may_block) {
  TRY_ASSIGN(const std::int64_t index,
             count_while([&](const OffsetEntry& e) { return e.offset <= target; }, may_block));
  return entry_before(index, may_block);
}

base::Result<OffsetEntry> OffsetIndex::lookup_position(std::int64_t position, bool may_block) {
  TRY_ASSIGN(const std::int64_t index,
             count_while([&](const OffsetEntry& e) { return e.position <= position; }, may_block));
  return entry_before(index, may_block);
}

base::Result<OffsetEntry> OffsetIndex::last() {
  TRY_ASSIGN(const std::int64_t entries, file_.count());
  return entry_before(entries, true);
}

base::Result<bool> OffsetIndex::is_ordered() {
  return file_.is_ordered([](const std::byte* previous, const std::byte* entry) {
    const auto offset = base::load_be<std::int32_t>(entry);
    const auto position = base::load_be<std::int32_t>(entry + 4);
    if (previous == nullptr) return offset >= 0 && position > 0;
    return offset > base::load_be<std::int32_t>(previous) &&
           position > base::load_be<std::int32_t>(previous + 4);
  });
}

base::Result<void> OffsetIndex::append(OffsetEntry entry) {
  std::array<std::byte, kEntryBytes> raw;
  base::store_be<std::int32_t>(raw.data(), static_cast<std::int32_t>(entry.offset - base_offset_));
  base::store_be<std::int32_t>(raw.data() + 4, static_cast<std::int32_t>(entry.position));
  return file_.append(raw.data());
}

base::Result<void> OffsetIndex::truncate_to(base::Offset target) {
  TRY_ASSIGN(const std::int64_t kept,
             count_while([&](const OffsetEntry& e) { return e.offset < target; }, true));
  return file_.truncate(kept);
}

}  // namespace storage
