// Purpose: what both indexes share: a file of fixed-size entries, of which the newest may still be
// in memory only. Entries on disk are read through the page cache; nothing is mapped, preallocated
// or held open. Source: AbstractIndex.
//
// The lock is not held while a page is read from the device: appends take it.
// Trailing zero entries (Kafka preallocates active indexes) are not counted; the file is cut to
// its entries when it is next written. Any thread.
#pragma once

#include <array>
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
  ~IndexFile();
  IndexFile(const IndexFile&) = delete;
  IndexFile& operator=(const IndexFile&) = delete;

  // Both without `may_block`: Errc::would_block where a file would have to be looked at.
  base::Result<std::int64_t> count(bool may_block = true) EXCLUDES(mutex_);
  // Copies entry `index` (below count()) into `entry`.
  base::Result<void> read(std::int64_t index, std::byte* entry, bool may_block) EXCLUDES(mutex_);
  // Whether the file holds whole entries, each of which `may_follow` the one before it (null for
  // the first). Reads both ends of the file, not more than 128 KB.
  using MayFollow = bool (*)(const std::byte* previous, const std::byte* entry);
  base::Result<bool> is_ordered(MayFollow may_follow) EXCLUDES(mutex_);
  // Kept in memory; written out once there are many. An error means that writing failed: the
  // entry is there nevertheless, and the next write_out tries again.
  base::Result<void> append(const std::byte* entry) EXCLUDES(mutex_);
  base::Result<void> truncate(std::int64_t count) EXCLUDES(mutex_);
  // The file holds exactly the entries afterwards (not synced); makes it if missing. Nothing to do
  // if it was never looked at.
  base::Result<void> write_out() EXCLUDES(mutex_);
  // write_out, then on the device.
  base::Result<void> sync() EXCLUDES(mutex_);
  // The file makes no sense: it goes, so that the next start builds it anew. From now on the index
  // is empty and stays so.
  void give_up() EXCLUDES(mutex_);
  // A file known to be new and empty: spares the look at it.
  void assume_empty() EXCLUDES(mutex_);
  void set_path(std::string path) EXCLUDES(mutex_);
  // The file gets another name, if there is one; no reader sees the moment in between.
  base::Result<void> rename_to(std::string path) EXCLUDES(mutex_);

 private:
  static constexpr std::size_t kEntryBytesMax = 16;
  static constexpr std::size_t kTailEntriesMax = 512;
  static constexpr std::int64_t kMissing = -1;
  static constexpr std::int64_t kUnknown = INT64_MAX;  // more than the stored entries, maybe

  base::Result<void> load(bool may_block = true) REQUIRES(mutex_);
  base::Result<std::int64_t> count_locked(bool may_block) REQUIRES(mutex_);
  // False: it takes a page that is not in memory.
  base::Result<bool> read_known(std::int64_t index, std::byte* entry) REQUIRES(mutex_);
  base::Result<void> copy_from(const IndexPageCache::Page& page, std::int64_t index,
                               std::byte* entry) REQUIRES(mutex_);
  base::Result<void> write_out_locked() REQUIRES(mutex_);
  // Waits for the device under the lock: for the first look at a file, when nobody else uses it.
  base::Result<void> read_first(std::int64_t index, std::byte* entry) REQUIRES(mutex_);
  std::int64_t stored_bytes() const REQUIRES(mutex_) {
    return stored_count_ * static_cast<std::int64_t>(entry_bytes_);
  }
  std::int64_t tail_count() const REQUIRES(mutex_) {
    return static_cast<std::int64_t>(tail_.size() / entry_bytes_);
  }
  std::uint32_t page_of(std::int64_t index) const {
    return static_cast<std::uint32_t>(static_cast<std::size_t>(index) * entry_bytes_ /
                                      IndexPageCache::kPageBytes);
  }
  void forget_pages(std::int64_t from_byte, std::int64_t to_byte) REQUIRES(mutex_);

  runtime::FileSystem& files_;
  IndexPageCache& pages_;
  const std::size_t entry_bytes_;
  const IndexPageCache::FileKey page_key_;
  base::Mutex mutex_;
  std::string path_ GUARDED_BY(mutex_);
  bool is_loaded_ GUARDED_BY(mutex_) = false;
  std::uint64_t changes_ GUARDED_BY(mutex_) = 0;           // of the stored entries, or the path
  std::int64_t file_bytes_ GUARDED_BY(mutex_) = kMissing;  // may exceed the stored entries
  std::int64_t stored_count_ GUARDED_BY(mutex_) = 0;       // entries in the file
  std::vector<std::byte> tail_ GUARDED_BY(mutex_);         // entries behind them
  bool needs_sync_ GUARDED_BY(mutex_) = false;
  bool is_given_up_ GUARDED_BY(mutex_) = false;
  // Appends ask for the newest entry: kept, so that they need no page.
  std::array<std::byte, kEntryBytesMax> newest_stored_ GUARDED_BY(mutex_);
  std::int64_t newest_stored_index_ GUARDED_BY(mutex_) = -1;  // -1: not kept
  bool has_cached_pages_ GUARDED_BY(mutex_) = false;          // perhaps
};

}  // namespace storage
