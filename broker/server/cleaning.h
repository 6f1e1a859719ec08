// Purpose: the threads that compact logs: log.cleaner.threads of them, each with a pause of
// log.cleaner.backoff.ms when nothing needs compaction, all together no faster than
// log.cleaner.io.max.bytes.per.second. Source: LogCleaner, Throttler.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/mutex.h"
#include "config/server_config.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "storage/compaction/log_cleaner.h"

namespace server {

// When whoever moves bytes at a limited rate may go on. Any thread.
class BytesPerSecond {
 public:
  explicit BytesPerSecond(double limit) : limit_(limit) {}
  // How long to wait, from `now_ns` on, after having moved `bytes`.
  std::int64_t wait_ns(std::int64_t bytes, std::int64_t now_ns) EXCLUDES(mutex_);

 private:
  const double limit_;
  base::Mutex mutex_;
  std::int64_t free_at_ns_ GUARDED_BY(mutex_) = 0;
};

// Control loop; the work is done by threads of its own, so that it keeps no disk worker busy.
class Cleaning {
 public:
  Cleaning(runtime::Loop& control, storage::LogManager& logs,
           const config::LogCleanerConfig& config);

  void start();
  // A compaction under way ends at its next batch and leaves its log as it was.
  runtime::Task<void> stop();

 private:
  runtime::Task<void> keep_clean();
  void pace(std::int64_t bytes);

  const config::LogCleanerConfig config_;
  std::atomic<bool> is_stopping_{false};
  BytesPerSecond rate_;
  storage::LogCleaner cleaner_;
  std::unique_ptr<runtime::WorkerPool> threads_;
  runtime::TaskScope scope_;
};

}  // namespace server
