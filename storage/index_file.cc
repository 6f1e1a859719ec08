#include "storage/index_file.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace storage {

IndexFile::IndexFile(runtime::FileSystem& files, IndexPageCache& pages, std::string path,
                     std::size_t entry_bytes)
    : files_(files),
      pages_(pages),
      entry_bytes_(entry_bytes),
      page_key_(pages.new_key()),
      path_(std::move(path)) {
  VERIFY(IndexPageCache::kPageBytes % entry_bytes == 0 && entry_bytes <= kEntryBytesMax);
}

IndexFile::~IndexFile() {
  base::LockGuard guard(mutex_);
  forget_pages(0, stored_bytes());
}

base::Result<void> IndexFile::load(bool may_block) {
  if (is_loaded_) return {};
  if (!may_block) return base::fail(base::Errc::would_block, path_ + " was not looked at yet");
  const auto info = files_.info(path_);
  if (!info) {
    if (!info.error().is(std::errc::no_such_file_or_directory)) return base::fail(info.error());
    file_bytes_ = kMissing;
    stored_count_ = 0;
    is_loaded_ = true;
    return {};
  }
  file_bytes_ = info->size_bytes;
  stored_count_ = file_bytes_ / static_cast<std::int64_t>(entry_bytes_);
  // Kafka's preallocated tail is all zeros: find where it begins.
  std::array<std::byte, kEntryBytesMax> entry;
  const auto is_zero = [&](std::int64_t index) REQUIRES(mutex_) -> base::Result<bool> {
    TRY(read_first(index, entry.data()));
    return std::all_of(entry.begin(), entry.begin() + static_cast<std::ptrdiff_t>(entry_bytes_),
                       [](std::byte b) { return b == std::byte{0}; });
  };
  if (stored_count_ > 0) {
    TRY_ASSIGN(const bool has_zero_tail, is_zero(stored_count_ - 1));
    std::int64_t low = has_zero_tail ? 0 : stored_count_;
    std::int64_t high = stored_count_;
    while (low < high) {
      const std::int64_t middle = low + (high - low) / 2;
      TRY_ASSIGN(const bool zero, is_zero(middle));
      if (zero) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    stored_count_ = low;
  }
  is_loaded_ = true;
  return {};
}

void IndexFile::assume_empty() {
  base::LockGuard guard(mutex_);
  is_loaded_ = true;
  file_bytes_ = 0;
  stored_count_ = 0;
}

base::Result<std::int64_t> IndexFile::count(bool may_block) {
  if (may_block) {
    base::LockGuard guard(mutex_);
    return count_locked(true);
  }
  // Whoever holds it may be waiting for the device.
  if (!mutex_.try_lock()) return base::fail(base::Errc::would_block, "an index is in use");
  auto entries = count_locked(false);
  mutex_.unlock();
  return entries;
}

base::Result<std::int64_t> IndexFile::count_locked(bool may_block) {
  TRY(load(may_block));
  return stored_count_ + tail_count();
}

base::Result<void> IndexFile::read(std::int64_t index, std::byte* entry, bool may_block) {
  if (!may_block) {
    if (!mutex_.try_lock()) return base::fail(base::Errc::would_block, "an index is in use");
    const auto is_known = is_loaded_ ? read_known(index, entry) : base::Result<bool>(false);
    mutex_.unlock();
    if (!is_known) return base::fail(is_known.error());
    if (!*is_known) return base::fail(base::Errc::would_block, "a page of an index");
    return {};
  }
  for (;;) {
    std::string path;
    std::uint64_t changes = 0;
    {
      base::LockGuard guard(mutex_);
      TRY(load());
      TRY_ASSIGN(const bool is_known, read_known(index, entry));
      if (is_known) return {};
      path = path_;
      changes = changes_;
    }
    const auto page = pages_.read(path, page_of(index));
    base::LockGuard guard(mutex_);
    if (changes != changes_) continue;  // what was read, or was missing, may be of another time
    if (!page) return base::fail(page.error());
    has_cached_pages_ = true;
    pages_.put(page_key_, page_of(index), *page);
    return copy_from(*page, index, entry);
  }
}

base::Result<bool> IndexFile::read_known(std::int64_t index, std::byte* entry) {
  if (index >= stored_count_) {
    const auto at = static_cast<std::size_t>(index - stored_count_) * entry_bytes_;
    // Truncated by another thread since the caller asked for the count.
    if (at >= tail_.size()) return base::fail(base::Errc::out_of_range, "entry of " + path_);
    std::memcpy(entry, tail_.data() + at, entry_bytes_);
    return true;
  }
  if (index == newest_stored_index_) {
    std::memcpy(entry, newest_stored_.data(), entry_bytes_);
    return true;
  }
  const IndexPageCache::Page page = pages_.find(page_key_, page_of(index));
  if (page == nullptr) return false;
  TRY(copy_from(page, index, entry));
  return true;
}

base::Result<void> IndexFile::copy_from(const IndexPageCache::Page& page, std::int64_t index,
                                        std::byte* entry) {
  const std::size_t at =
      static_cast<std::size_t>(index) * entry_bytes_ % IndexPageCache::kPageBytes;
  if (at + entry_bytes_ > page->size()) {
    return base::fail(base::Errc::corrupt, path_ + " is shorter than it was");
  }
  std::memcpy(entry, page->data() + at, entry_bytes_);
  if (index + 1 == stored_count_) {
    std::memcpy(newest_stored_.data(), entry, entry_bytes_);
    newest_stored_index_ = index;
  }
  return {};
}

base::Result<void> IndexFile::read_first(std::int64_t index, std::byte* entry) {
  IndexPageCache::Page page = pages_.find(page_key_, page_of(index));
  if (page == nullptr) {
    TRY_ASSIGN(page, pages_.read(path_, page_of(index)));
    has_cached_pages_ = true;
    pages_.put(page_key_, page_of(index), page);
  }
  return copy_from(page, index, entry);
}

base::Result<bool> IndexFile::is_ordered(MayFollow may_follow) {
  base::LockGuard guard(mutex_);
  TRY(load());
  if (file_bytes_ <= 0) return true;
  const auto entry_bytes = static_cast<std::int64_t>(entry_bytes_);
  if (file_bytes_ % entry_bytes != 0) return false;
  if (stored_count_ == 0) return true;
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::read));
  const std::int64_t piece_entries = (std::int64_t{64} << 10) / entry_bytes;
  std::vector<std::byte> piece;
  std::int64_t from = 0;
  while (from < stored_count_) {
    const std::int64_t count = std::min(piece_entries, stored_count_ - from);
    piece.resize(static_cast<std::size_t>(count * entry_bytes));
    TRY_ASSIGN(const std::size_t read_bytes, file->pread(piece, from * entry_bytes));
    if (read_bytes != piece.size()) return false;
    const std::byte* previous = nullptr;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::byte* const entry = piece.data() + i * entry_bytes;
      if (!may_follow(previous, entry)) return false;
      previous = entry;
    }
    from += count;
    // Not all of a large one: whoever looks something up in between checks where it has landed.
    if (from < stored_count_) from = std::max(from, stored_count_ - piece_entries);
  }
  return true;
}

base::Result<void> IndexFile::append(const std::byte* entry) {
  base::LockGuard guard(mutex_);
  if (is_given_up_) return {};
  TRY(load());
  tail_.insert(tail_.end(), entry, entry + entry_bytes_);
  if (tail_.size() < kTailEntriesMax * entry_bytes_) return {};
  return write_out_locked();
}

base::Result<void> IndexFile::truncate(std::int64_t count) {
  base::LockGuard guard(mutex_);
  TRY(load());
  if (count >= stored_count_ + tail_count()) return {};
  if (count >= stored_count_) {
    tail_.resize(static_cast<std::size_t>(count - stored_count_) * entry_bytes_);
    return {};
  }
  tail_.clear();
  ++changes_;
  newest_stored_index_ = -1;
  const std::int64_t old_bytes = stored_bytes();
  stored_count_ = count;
  forget_pages(stored_bytes(), old_bytes);
  // At once, and not with the next write: a stale entry must not survive a crash.
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::create));
  TRY(file->truncate(stored_bytes()));
  file_bytes_ = stored_bytes();
  needs_sync_ = true;
  return {};
}

base::Result<void> IndexFile::write_out() {
  base::LockGuard guard(mutex_);
  if (!is_loaded_) return {};
  return write_out_locked();
}

void IndexFile::give_up() {
  base::LockGuard guard(mutex_);
  if (std::exchange(is_given_up_, true)) return;
  forget_pages(0, stored_bytes());
  ++changes_;
  is_loaded_ = true;
  file_bytes_ = kMissing;
  stored_count_ = 0;
  newest_stored_index_ = -1;
  tail_.clear();
  needs_sync_ = false;
  (void)files_.remove_file(path_);
}

base::Result<void> IndexFile::write_out_locked() {
  if (is_given_up_) return {};
  if (tail_.empty() && file_bytes_ == stored_bytes()) return {};
  ++changes_;
  TRY_ASSIGN(const auto file, files_.open(path_, runtime::OpenMode::create));
  if (file_bytes_ > stored_bytes()) {
    TRY(file->truncate(stored_bytes()));
    file_bytes_ = stored_bytes();
  }
  if (!tail_.empty()) {
    file_bytes_ = kUnknown;  // a failed write may leave a part behind
    TRY(file->pwrite(tail_, stored_bytes()));
  }
  const std::int64_t old_bytes = stored_bytes();
  if (!tail_.empty()) {
    std::memcpy(newest_stored_.data(), tail_.data() + tail_.size() - entry_bytes_, entry_bytes_);
    newest_stored_index_ = stored_count_ + tail_count() - 1;
  }
  stored_count_ += tail_count();
  tail_.clear();
  file_bytes_ = stored_bytes();
  needs_sync_ = true;
  forget_pages(old_bytes, stored_bytes());
  return {};
}

base::Result<void> IndexFile::sync() {
  std::string path;
  {
    base::LockGuard guard(mutex_);
    if (!is_loaded_) return {};
    TRY(write_out_locked());
    if (!needs_sync_ || is_given_up_) return {};
    needs_sync_ = false;
    path = path_;
  }
  // Not under the lock: an append that adds an entry must not wait for the device.
  const auto file = files_.open(path, runtime::OpenMode::read_write);
  const auto synced = file ? (*file)->sync() : base::Result<void>(base::fail(file.error()));
  if (!synced) {
    base::LockGuard guard(mutex_);
    if (is_given_up_) return {};  // its file went meanwhile
    needs_sync_ = true;
  }
  return synced;
}

void IndexFile::set_path(std::string path) {
  base::LockGuard guard(mutex_);
  ++changes_;
  path_ = std::move(path);
}

base::Result<void> IndexFile::rename_to(std::string path) {
  base::LockGuard guard(mutex_);
  const auto renamed = files_.rename(path_, path);
  if (!renamed && !renamed.error().is(std::errc::no_such_file_or_directory)) return renamed;
  ++changes_;
  path_ = std::move(path);
  return {};
}

void IndexFile::forget_pages(std::int64_t from_byte, std::int64_t to_byte) {
  if (to_byte <= from_byte || !has_cached_pages_) return;
  const auto first = static_cast<std::uint32_t>(from_byte / IndexPageCache::kPageBytes);
  const auto last = static_cast<std::uint32_t>((to_byte - 1) / IndexPageCache::kPageBytes);
  pages_.forget(page_key_, first, last - first + 1);
}

}  // namespace storage
