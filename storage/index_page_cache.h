// Purpose: pages of index files in memory, up to a fixed number of bytes in all, so that index
// files need be neither mapped nor held open. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/file.h"

namespace storage {

class IndexPageCache {
 public:
  // Divisible by the entry sizes of both indexes (8 and 12): no entry crosses a page.
  static constexpr std::size_t kPageBytes = 4080;
  using Page = std::shared_ptr<const std::vector<std::byte>>;
  using FileKey = std::uint64_t;  // one per index file, from new_key()

  IndexPageCache(runtime::FileSystem& files, std::size_t capacity_bytes);

  FileKey new_key() EXCLUDES(mutex_);
  // Null when it is not there.
  Page find(FileKey key, std::uint32_t number) EXCLUDES(mutex_);
  // From the disk, past the cache; shorter at the file's end.
  base::Result<Page> read(const std::string& path, std::uint32_t number) const;
  // The file has had this content ever since it was read.
  void put(FileKey key, std::uint32_t number, Page page) EXCLUDES(mutex_);
  // Forgets `page_count` pages from `from_page` on: the file was written or cut there.
  void forget(FileKey key, std::uint32_t from_page, std::uint32_t page_count) EXCLUDES(mutex_);
  // How often the lock that all index files share was taken: appends and reads of the tail don't.
  std::uint64_t lock_count() const { return lock_count_.load(std::memory_order_relaxed); }

 private:
  struct PageKey {
    FileKey file;
    std::uint32_t number;
    friend bool operator==(const PageKey&, const PageKey&) = default;
  };
  struct PageKeyHash {
    std::size_t operator()(const PageKey& key) const noexcept {
      return std::hash<std::uint64_t>()(key.file * 0x9e3779b97f4a7c15u + key.number);
    }
  };
  struct Entry {
    Page page;
    std::list<PageKey>::iterator place;
  };

  runtime::FileSystem& files_;
  const std::size_t pages_max_;
  std::atomic<std::uint64_t> lock_count_{0};
  base::Mutex mutex_;
  FileKey next_key_ GUARDED_BY(mutex_) = 1;
  std::list<PageKey> recent_first_ GUARDED_BY(mutex_);
  std::unordered_map<PageKey, Entry, PageKeyHash> entries_ GUARDED_BY(mutex_);
};

}  // namespace storage
