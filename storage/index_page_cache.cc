#include "storage/index_page_cache.h"

#include <algorithm>

namespace storage {

IndexPageCache::IndexPageCache(runtime::FileSystem& files, std::size_t capacity_bytes)
    : files_(files), pages_max_(std::max<std::size_t>(1, capacity_bytes / kPageBytes)) {}

IndexPageCache::FileKey IndexPageCache::new_key() {
  base::LockGuard guard(mutex_);
  return next_key_++;
}

IndexPageCache::Page IndexPageCache::find(FileKey key, std::uint32_t number) {
  lock_count_.fetch_add(1, std::memory_order_relaxed);
  base::LockGuard guard(mutex_);
  const auto found = entries_.find({key, number});
  if (found == entries_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, found->second.place);
  return found->second.page;
}

base::Result<IndexPageCache::Page> IndexPageCache::read(const std::string& path,
                                                        std::uint32_t number) const {
  TRY_ASSIGN(const auto file, files_.open(path, runtime::OpenMode::read));
  auto content = std::make_shared<std::vector<std::byte>>(kPageBytes);
  const std::int64_t position = static_cast<std::int64_t>(number) * kPageBytes;
  TRY_ASSIGN(const std::size_t size_bytes, file->pread(*content, position));
  content->resize(size_bytes);
  return Page(std::move(content));
}

void IndexPageCache::put(FileKey key, std::uint32_t number, Page page) {
  const PageKey page_key{key, number};
  lock_count_.fetch_add(1, std::memory_order_relaxed);
  base::LockGuard guard(mutex_);
  if (entries_.contains(page_key)) return;
  recent_first_.push_front(page_key);
  entries_.emplace(page_key, Entry{std::move(page), recent_first_.begin()});
  if (entries_.size() > pages_max_) {
    entries_.erase(recent_first_.back());
    recent_first_.pop_back();
  }
}

void IndexPageCache::forget(FileKey key, std::uint32_t from_page, std::uint32_t page_count) {
  lock_count_.fetch_add(1, std::memory_order_relaxed);
  base::LockGuard guard(mutex_);
  for (std::uint32_t i = 0; i < page_count; ++i) {
    const auto found = entries_.find({key, from_page + i});
    if (found == entries_.end()) continue;
    recent_first_.erase(found->second.place);
    entries_.erase(found);
  }
}

}  // namespace storage
