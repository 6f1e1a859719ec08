// Purpose: open `.log` files, not more than a limit: what was not used lately is closed first.
//
// Each segment keeps its own open file in a Handle, so that using one takes no lock that segments
// share: the cache is asked only to open and to close. A file handed out stays open as long as
// somebody holds it, whatever the cache does. Any thread; a handle is destroyed by its last user.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/file.h"

namespace storage {

class DescriptorCache {
 public:
  // One per segment.
  class Handle {
   public:
    Handle() = default;
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;

    // The open file; null if it isn't open.
    std::shared_ptr<runtime::File> file() EXCLUDES(mutex_);

   private:
    friend class DescriptorCache;

    base::Mutex mutex_;  // short, and of this segment alone
    std::shared_ptr<runtime::File> file_ GUARDED_BY(mutex_);
    std::atomic<bool> was_used_{false};  // since the cache last looked for something to close
    std::size_t place_ = 0;              // in the cache's ring, while open; the cache's mutex
  };

  DescriptorCache(runtime::FileSystem& files, std::size_t open_files_max);

  // The open file of `handle`, opened for reading and writing if it isn't yet.
  base::Result<std::shared_ptr<runtime::File>> get(Handle& handle, const std::string& path)
      EXCLUDES(mutex_);
  void close(Handle& handle) EXCLUDES(mutex_);
  std::size_t open_files() EXCLUDES(mutex_);
  // How often the lock that all segments share was taken: what runs for each request takes none.
  std::uint64_t lock_count() const { return lock_count_.load(std::memory_order_relaxed); }

 private:
  std::shared_ptr<runtime::File> take_out(Handle& handle) REQUIRES(mutex_);
  std::shared_ptr<runtime::File> evict_one() REQUIRES(mutex_);

  runtime::FileSystem& files_;
  const std::size_t open_files_max_;
  std::atomic<std::uint64_t> lock_count_{0};
  base::Mutex mutex_;  // before a handle's
  std::vector<Handle*> open_ GUARDED_BY(mutex_);
  std::size_t hand_ GUARDED_BY(mutex_) = 0;  // where the search for something to close goes on
};

}  // namespace storage
