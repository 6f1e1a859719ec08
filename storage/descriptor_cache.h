// Purpose: open `.log` files, the least recently used closed first once there are too many.
//
// A file handed out stays open as long as somebody holds it, whatever the cache does. Any thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/file.h"

namespace storage {

class DescriptorCache {
 public:
  using Key = std::uint64_t;  // one per segment, from new_key()

  DescriptorCache(runtime::FileSystem& files, std::size_t open_files_max);

  Key new_key() EXCLUDES(mutex_);
  // The open file of `key`, opened for reading and writing if it isn't yet.
  base::Result<std::shared_ptr<runtime::File>> get(Key key, const std::string& path)
      EXCLUDES(mutex_);
  // The open file of `key`, null if it isn't open.
  std::shared_ptr<runtime::File> find(Key key) EXCLUDES(mutex_);
  void close(Key key) EXCLUDES(mutex_);
  std::size_t open_files() EXCLUDES(mutex_);

 private:
  struct Entry {
    std::shared_ptr<runtime::File> file;
    std::list<Key>::iterator place;
  };

  runtime::FileSystem& files_;
  const std::size_t open_files_max_;
  base::Mutex mutex_;
  Key next_key_ GUARDED_BY(mutex_) = 1;
  std::list<Key> recent_first_ GUARDED_BY(mutex_);
  std::unordered_map<Key, Entry> entries_ GUARDED_BY(mutex_);
};

}  // namespace storage
