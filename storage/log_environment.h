// Purpose: what every log of a broker shares: the disk, the caches with their limits, and where
// disk failures and files to be removed later are reported. Owned by LogManager; outlives the logs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/file.h"
#include "storage/descriptor_cache.h"
#include "storage/index_page_cache.h"

namespace storage {

struct LogEnvironment {
  runtime::FileSystem& files;
  DescriptorCache& descriptors;
  IndexPageCache& index_pages;
  // The device has failed: the log directory is to go offline. Any thread, under the log's locks:
  // it is noted, and dealt with elsewhere.
  std::function<void(const std::string& log_dir, const base::Error&)> report_failure;
  // Files renamed to `.deleted`, to be unlinked after `delay_ms` (file.delete.delay.ms).
  std::function<void(std::vector<std::string> paths, std::int64_t delay_ms)> remove_later;
  // Runs a job that waits for the device of `log_dir`, on a worker; null: at once. No lock of a log
  // is held.
  std::function<void(const std::string& log_dir, std::move_only_function<void()> job)> run_on_disk;
};

}  // namespace storage
