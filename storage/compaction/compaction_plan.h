// Purpose: how much of a log is worth compacting: what is dirty, how far compaction may go, whether
// it is time. Source: LogCleanerManager.cleanableOffsets, LogToClean, maxCompactionDelay.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "storage/partition_log.h"

namespace storage {

struct CompactionPlan {
  std::uint64_t generation = 0;  // of the log, when the plan was made
  SegmentList segments;          // ascending, from the log's first up to first_uncleanable
  base::Offset first_dirty;
  base::Offset first_uncleanable;  // base of a segment: the active one at the latest
  std::int64_t clean_bytes = 0;
  std::int64_t dirty_bytes = 0;
  bool is_overdue = false;  // max.compaction.lag.ms has passed for something dirty

  double dirty_ratio() const {
    const std::int64_t total = clean_bytes + dirty_bytes;
    return total == 0 ? 0.0 : static_cast<double>(dirty_bytes) / static_cast<double>(total);
  }
  bool is_worth_it(const LogConfig& config) const {
    return dirty_bytes > 0 && (is_overdue || dirty_ratio() > config.min_cleanable_dirty_ratio);
  }
};

// Looks at sizes and, where lags are configured, at timestamps. (worker)
base::Result<CompactionPlan> plan_compaction(const PartitionLog& log, std::int64_t now_ms);

}  // namespace storage
