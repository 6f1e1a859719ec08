#include "storage/descriptor_cache.h"

#include <utility>

namespace storage {

std::shared_ptr<runtime::File> DescriptorCache::Handle::file() {
  if (!was_used_.load(std::memory_order_relaxed)) was_used_.store(true, std::memory_order_relaxed);
  base::LockGuard guard(mutex_);
  return file_;
}

DescriptorCache::DescriptorCache(runtime::FileSystem& files, std::size_t open_files_max)
    : files_(files), open_files_max_(open_files_max) {}

base::Result<std::shared_ptr<runtime::File>> DescriptorCache::get(Handle& handle,
                                                                  const std::string& path) {
  if (auto file = handle.file()) return file;
  // Opened without the lock: it may wait for the device, and nobody else should.
  TRY_ASSIGN(std::unique_ptr<runtime::File> opened,
             files_.open(path, runtime::OpenMode::read_write));
  std::shared_ptr<runtime::File> file(std::move(opened));
  std::shared_ptr<runtime::File> evicted;  // closed after the lock is gone
  lock_count_.fetch_add(1, std::memory_order_relaxed);
  base::LockGuard guard(mutex_);
  {
    base::LockGuard own(handle.mutex_);
    if (handle.file_ != nullptr) return handle.file_;
    handle.file_ = file;
  }
  if (open_.size() >= open_files_max_) evicted = evict_one();
  handle.place_ = open_.size();
  open_.push_back(&handle);
  handle.was_used_.store(false, std::memory_order_relaxed);  // whoever reads but once goes first
  return file;
}

// Second chance: what was used since the hand came by stays for another round.
std::shared_ptr<runtime::File> DescriptorCache::evict_one() {
  if (open_.empty()) return nullptr;
  if (hand_ >= open_.size()) hand_ = 0;
  for (std::size_t looked_at = 0; looked_at < 2 * open_.size(); ++looked_at) {
    if (!open_[hand_]->was_used_.exchange(false, std::memory_order_relaxed)) break;
    if (++hand_ == open_.size()) hand_ = 0;
  }
  return take_out(*open_[hand_++]);
}

std::shared_ptr<runtime::File> DescriptorCache::take_out(Handle& handle) {
  open_[handle.place_] = open_.back();
  open_[handle.place_]->place_ = handle.place_;
  open_.pop_back();
  base::LockGuard own(handle.mutex_);
  return std::exchange(handle.file_, nullptr);
}

void DescriptorCache::close(Handle& handle) {
  std::shared_ptr<runtime::File> closed;
  lock_count_.fetch_add(1, std::memory_order_relaxed);
  base::LockGuard guard(mutex_);
  {
    base::LockGuard own(handle.mutex_);
    if (handle.file_ == nullptr) return;
  }
  closed = take_out(handle);
}

std::size_t DescriptorCache::open_files() {
  base::LockGuard guard(mutex_);
  return open_.size();
}

}  // namespace storage
