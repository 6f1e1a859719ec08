// Purpose: what both indexes share: a file of fixed-size entries, of which the newest may still be
// in memory only. Entries on disk are read through the page cache; nothing is mapped, preallocated
// or held open. Source: AbstractIndex.
//
// Trailing zero entries (Kafka preallocates active indexes) are not counted; the file is cut to
// its entries when it is next written. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/file.h"
#include "storage/index_page_cache.h"

namespace storage {

class IndexFile {
 public:
  IndexFile(runtime::FileSystem& files, IndexPageCache& pages, std::string path,
            std::size_t entry_bytes);

  base::Result<std::int64_t> count() EXCLUDES(mutex_);
  // Copies entry `index` (below count()) into `entry`.
  base::Result<void> read(std::int64_t index, std::byte* entry) EXCLUDES(mutex_);
  // Kept in memory; written out once there are enough of them.
  base::Result<void> append(const std::byte* entry) EXCLUDES(mutex_);
  base::Result<void> truncate(std::int64_t count) EXCLUDES(mutex_);
  // The file holds exactly the entries afterwards (not synced); makes it if missing.
  base::Result<void> write_out() EXCLUDES(mutex_);
  base::Result<void> sync() EXCLUDES(mutex_);
  // All entries gone, whatever the file holds: recovery starts anew.
  base::Result<void> reset() EXCLUDES(mutex_);
  void set_path(std::string path) EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kTailEntriesMax = 512;

  base::Result<void> load() REQUIRES(mutex_);
  base::Result<void> write_out_locked() REQUIRES(mutex_);
  base::Result<void> read_locked(std::int64_t index, std::byte* entry) REQUIRES(mutex_);
  base::Result<void> read_stored(std::int64_t index, std::byte* entry) REQUIRES(mutex_);

  runtime::FileSystem& files_;
  IndexPageCache& pages_;
  const std::size_t entry_bytes_;
  const IndexPageCache::FileKey page_key_;
  base::Mutex mutex_;
  std::string path_ GUARDED_BY(mutex_);
  bool is_loaded_ GUARDED_BY(mutex_) = false;
  std::int64_t file_bytes_ GUARDED_BY(mutex_) = 0;    // may exceed the stored entries
  std::int64_t stored_count_ GUARDED_BY(mutex_) = 0;  // entries in the file
  std::vector<std::byte> tail_ GUARDED_BY(mutex_);    // entries behind them
  bool needs_sync_ GUARDED_BY(mutex_) = false;
};

}  // namespace storage
