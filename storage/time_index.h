// Purpose: `.timeindex`: from timestamps to offsets. Entry: int64 timestamp, int32 offset - base;
// timestamps strictly increasing: the largest so far and the last offset of its batch.
// Source: TimeIndex.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "storage/index_file.h"

namespace storage {

struct TimeEntry {
  std::int64_t timestamp_ms = -1;
  base::Offset offset;
};

class TimeIndex {
 public:
  static constexpr std::size_t kEntryBytes = 12;

  TimeIndex(runtime::FileSystem& files, IndexPageCache& pages, std::string path,
            base::Offset base_offset);

  // The greatest entry with timestamp <= target; (-1, base) when there is none.
  base::Result<TimeEntry> lookup(std::int64_t target_ms);
  base::Result<TimeEntry> last();   // (-1, base) when empty
  base::Result<bool> is_ordered();  // as IndexFile has it
  // Ignored unless the timestamp is above the last one. Errors only from the disk.
  base::Result<void> append_if_later(TimeEntry entry);
  // Drops entries with offset >= target.
  base::Result<void> truncate_to(base::Offset target);
  base::Result<std::int64_t> count() { return file_.count(); }
  IndexFile& file() { return file_; }

 private:
  base::Result<TimeEntry> entry(std::int64_t index);
  // The number of leading entries for which `below` holds.
  template <class Below>
  base::Result<std::int64_t> count_while(Below below);
  base::Result<TimeEntry> entry_before(std::int64_t index);

  const base::Offset base_offset_;
  IndexFile file_;
};

}  // namespace storage
