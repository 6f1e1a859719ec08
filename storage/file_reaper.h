// Purpose: unlinks files and directories some time after they were given up, so that whoever still
// reads them can finish (file.delete.delay.ms). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "runtime/file.h"

namespace storage {

class FileReaper {
 public:
  explicit FileReaper(runtime::FileSystem& files) : files_(files) {}

  // Files, or directories with everything in them. The delay begins with the next remove_due.
  void add(std::vector<std::string> paths, std::int64_t delay_ms) EXCLUDES(mutex_);
  // Waits for the device. What cannot be removed is logged and found again by the next start.
  void remove_due(std::int64_t now_ms) EXCLUDES(mutex_);
  std::size_t waiting() const EXCLUDES(mutex_);

 private:
  struct Pending {
    std::vector<std::string> paths;
    std::int64_t delay_ms = 0;
    std::int64_t due_ms = -1;  // -1: not yet seen by remove_due
  };

  void remove_path(const std::string& path);

  runtime::FileSystem& files_;
  mutable base::Mutex mutex_;
  std::vector<Pending> pending_ GUARDED_BY(mutex_);
};

}  // namespace storage
