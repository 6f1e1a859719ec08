// Purpose: the inodes behind SimFileSystem: what the process sees and what the device has.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/clock.h"
#include "runtime/file.h"
#include "runtime/xoshiro.h"

namespace runtime {

struct SimInode {
  using Entries = std::map<std::string, std::shared_ptr<SimInode>>;

  std::uint64_t id = 0;
  bool is_directory = false;
  std::int64_t modified_ms = 0;
  int mode = 0644;

  std::string content;  // of a file
  std::string durable_content;
  std::size_t dirty_from = 0;  // content below is durable, unless the file was cut shorter
  Entries entries;             // of a directory
  Entries durable_entries;

  void write_at(std::size_t position, std::string_view bytes);
  void resize(std::size_t size_bytes);
  void sync_content();
  // A sync failed: what it should have written counts as clean and is on no device (Linux).
  void drop_unsynced() { dirty_from = content.size(); }
  void sync_tree();  // this and all below it, contents and names
  // After a power loss: what the device has; torn appends leave a prefix drawn from `random`.
  void forget_unsynced(bool torn, Xoshiro& random);
};

enum class SimFileOperation {
  open,
  read,
  read_nowait,
  write,
  truncate,
  sync,
  remove,
  rename,
  create_directory,
  sync_directory,
  sync_file_system,
  list,
  lock,
};

// What happens instead of success. For writes, `partial_bytes` get through before the error.
struct SimFileFault {
  int errno_value = 0;  // 0: no fault; EAGAIN on read_nowait reads as Errc::would_block
  std::size_t partial_bytes = 0;
};

using SimFileFaultHook =
    std::function<SimFileFault(SimFileOperation operation, const std::string& path)>;
using SimFilePauseHook = std::function<void(SimFileOperation operation, const std::string& path)>;

// Where a path ends: its directory, its name in there, and the inode if there is one.
struct SimPlace {
  std::shared_ptr<SimInode> directory;
  std::string name;
  std::shared_ptr<SimInode> inode;
};

// The tree, shared by the file system object and what it has opened. Callers hold `mutex`.
struct SimDisk {
  SimDisk(const Clock& clock, std::uint64_t seed);

  // Where an operation may be held up by a test; before the mutex is taken.
  void pause(SimFileOperation operation, const std::string& path) EXCLUDES(mutex);

  // The parts of a path, without "." and "..".
  static std::vector<std::string> split(const std::string& path);
  static std::unexpected<base::Error> failure(int errno_value, std::string context) {
    return base::fail(base::Error::from_errno(errno_value, std::move(context)));
  }

  // 0, or the errno of a directory on the way that is missing or none.
  int find(const std::string& path, SimPlace& place) REQUIRES(mutex);
  base::Result<SimPlace> existing(const std::string& path, const std::string& context)
      REQUIRES(mutex);
  base::Result<void> check_fault(SimFileOperation operation, const std::string& path,
                                 const std::string& context) REQUIRES(mutex);
  std::shared_ptr<SimInode> make_inode(bool is_directory) REQUIRES(mutex);
  // Makes an entry of `place`, or replaces it.
  void link(SimPlace& place, std::shared_ptr<SimInode> inode) REQUIRES(mutex);
  void unlink(const SimPlace& place) REQUIRES(mutex);
  bool has_capacity() const REQUIRES(mutex) { return capacity_bytes != kUnlimited; }
  std::int64_t free_bytes() REQUIRES(mutex);

  static constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();
  const Clock& clock;
  base::Mutex mutex;
  Xoshiro random GUARDED_BY(mutex);
  std::shared_ptr<SimInode> root GUARDED_BY(mutex) = std::make_shared<SimInode>();
  SimFileFaultHook hook GUARDED_BY(mutex);
  std::shared_ptr<const SimFilePauseHook> pause_hook GUARDED_BY(mutex);
  std::int64_t capacity_bytes GUARDED_BY(mutex) = kUnlimited;
  std::uint64_t next_id GUARDED_BY(mutex) = 2;
  std::uint64_t crashes GUARDED_BY(mutex) = 0;
  std::set<std::uint64_t> locked GUARDED_BY(mutex);
};

}  // namespace runtime
