// Purpose: `.index`: from offsets to file positions. Entry: int32 offset - base, int32 position of
// the batch that ends at that offset; both strictly increasing. Source: OffsetIndex.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "storage/index_file.h"

namespace storage {

struct OffsetEntry {
  base::Offset offset;
  std::int64_t position = 0;
};

class OffsetIndex {
 public:
  static constexpr std::size_t kEntryBytes = 8;

  OffsetIndex(runtime::FileSystem& files, IndexPageCache& pages, std::string path,
              base::Offset base_offset);

  // The greatest entry with offset <= target; (base, 0) when there is none.
  base::Result<OffsetEntry> lookup(base::Offset target, bool may_block = true);
  // The greatest entry with position <= target; (base, 0) when there is none.
  base::Result<OffsetEntry> lookup_position(std::int64_t position, bool may_block = true);
  base::Result<OffsetEntry> last();  // (base, 0) when empty
  base::Result<bool> is_ordered();   // as IndexFile has it
  // Errors only from the disk (IndexFile::append).
  base::Result<void> append(OffsetEntry entry);
  // Drops entries with offset >= target.
  base::Result<void> truncate_to(base::Offset target);
  base::Result<std::int64_t> count() { return file_.count(); }
  IndexFile& file() { return file_; }

 private:
  base::Result<OffsetEntry> entry(std::int64_t index, bool may_block);
  // The number of leading entries for which `below` holds.
  template <class Below>
  base::Result<std::int64_t> count_while(Below below, bool may_block);
  base::Result<OffsetEntry> entry_before(std::int64_t index, bool may_block);

  const base::Offset base_offset_;
  IndexFile file_;
};

}  // namespace storage
