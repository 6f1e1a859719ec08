// Purpose: chooses the log that needs compaction most and compacts it; remembers how far each log
// has come (cleaner-offset-checkpoint) and which ones cannot be compacted.
// Source: LogCleaner, LogCleanerManager.
//
// Any number of threads may call clean_filthiest at once: they take different logs.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "base/mutex.h"
#include "storage/compaction/compaction.h"
#include "storage/log_manager.h"

namespace storage {

struct LogCleanerOptions {
  std::int64_t map_bytes_max = 128 * 1024 * 1024;  // of each thread
  double map_load_factor = 0.9;
  // Called with the bytes read or written; may wait. May be null.
  std::function<void(std::int64_t bytes)> pace;
};

class LogCleaner {
 public:
  LogCleaner(LogManager& logs, LogCleanerOptions options);

  // Compacts the filthiest log, on this thread; false if none was: it is time for a pause. A log
  // whose compaction failed is left alone until the next start, unless the disk was just full; its
  // error is logged. (worker)
  bool clean_filthiest(std::int64_t now_ms) EXCLUDES(mutex_);
  // Compactions under way end soon and leave their logs as they were; no new ones begin.
  void stop() { is_stopped_.store(true); }

 private:
  using LogPointer = std::shared_ptr<PartitionLog>;
  struct Candidate {
    LogPointer log;
    CompactionPlan plan;
  };
  // By object, not by name: a topic made anew is another log.
  using LogSet = std::set<std::weak_ptr<PartitionLog>, std::owner_less<>>;

  std::optional<Candidate> grab_filthiest(std::int64_t now_ms) EXCLUDES(mutex_);
  std::optional<CompactionPlan> plan_if_worth_it(const LogPointer& log, std::int64_t now_ms)
      EXCLUDES(mutex_);
  bool clean(const Candidate& candidate, std::int64_t now_ms) EXCLUDES(mutex_);
  void on_failure(const LogPointer& log, const base::Error& error) EXCLUDES(mutex_);

  LogManager& logs_;
  const LogCleanerOptions options_;
  std::atomic<bool> is_stopped_{false};
  base::Mutex mutex_;
  LogSet in_progress_ GUARDED_BY(mutex_);
  LogSet uncleanable_ GUARDED_BY(mutex_);
};

}  // namespace storage
