#include "storage/descriptor_cache.h"

namespace storage {

DescriptorCache::DescriptorCache(runtime::FileSystem& files, std::size_t open_files_max)
    : files_(files), open_files_max_(open_files_max) {}

DescriptorCache::Key DescriptorCache::new_key() {
  base::LockGuard guard(mutex_);
  return next_key_++;
}

std::shared_ptr<runtime::File> DescriptorCache::find(Key key) {
  base::LockGuard guard(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  recent_first_.splice(recent_first_.begin(), recent_first_, found->second.place);
  return found->second.file;
}

base::Result<std::shared_ptr<runtime::File>> DescriptorCache::get(Key key,
                                                                  const std::string& path) {
  if (auto file = find(key)) return file;
  // Opened without the lock: it may wait for the device, and nobody else should.
  TRY_ASSIGN(std::unique_ptr<runtime::File> opened,
             files_.open(path, runtime::OpenMode::read_write));
  std::shared_ptr<runtime::File> file(std::move(opened));
  std::shared_ptr<runtime::File> evicted;  // closed after the lock is gone
  base::LockGuard guard(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end()) return found->second.file;
  recent_first_.push_front(key);
  entries_.emplace(key, Entry{file, recent_first_.begin()});
  if (entries_.size() > open_files_max_) {
    const auto oldest = entries_.find(recent_first_.back());
    evicted = std::move(oldest->second.file);
    entries_.erase(oldest);
    recent_first_.pop_back();
  }
  return file;
}

void DescriptorCache::close(Key key) {
  std::shared_ptr<runtime::File> closed;
  base::LockGuard guard(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  closed = std::move(found->second.file);
  recent_first_.erase(found->second.place);
  entries_.erase(found);
}

std::size_t DescriptorCache::open_files() {
  base::LockGuard guard(mutex_);
  return entries_.size();
}

}  // namespace storage
