#include "storage/compaction/compaction_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/batch_file_reader.h"

namespace storage {
namespace {

// The first offset to look at: where the last compaction ended, unless the log moved away from it.
base::Offset first_dirty_of(const PartitionLog& log, const LogConfig& config) {
  const base::Offset log_start = log.log_start_offset();
  const base::Offset checkpoint = log.cleaned_up_to().value_or(log_start);
  if (checkpoint > log.log_end_offset()) {
    LOG_WARN("{} was compacted up to {}, beyond its end {}: begins anew", log.topic_partition(),
             checkpoint, log.log_end_offset());
    return log_start;
  }
  if (checkpoint < log_start) {
    if (!config.cleanup_delete) {
      LOG_WARN("{} was compacted up to {}, below its start {}: begins there", log.topic_partition(),
               checkpoint, log_start);
    }
    return log_start;
  }
  return checkpoint;
}

// The segment that holds `offset`, or would.
std::size_t index_of(const SegmentList& segments, base::Offset offset) {
  std::size_t index = 0;
  while (index + 1 < segments.size() && segments[index + 1]->base_offset() <= offset) ++index;
  return index;
}

// Max timestamp of a segment's first batch; nullopt when it has none.
base::Result<std::optional<std::int64_t>> first_timestamp_ms(const Segment& segment) {
  TRY_ASSIGN(const auto file, segment.log_file());
  BatchHeaderReader reader(file, 0, segment.size_bytes());
  TRY_ASSIGN(const auto first, reader.next());
  if (!first || first->max_timestamp_ms <= 0) return std::optional<std::int64_t>();
  return std::optional<std::int64_t>(first->max_timestamp_ms);
}

}  // namespace

base::Result<CompactionPlan> plan_compaction(const PartitionLog& log, std::int64_t now_ms) {
  CompactionPlan plan;
  plan.generation = log.generation();
  const auto config = log.config();
  const auto all = log.segments();
  const SegmentList& segments = *all;
  const std::size_t active = segments.size() - 1;
  plan.first_dirty = first_dirty_of(log, *config);
  const std::size_t dirty = index_of(segments, plan.first_dirty);

  // Rounded down to the base of a segment.
  std::size_t uncleanable =
      std::min(active, index_of(segments, std::max(plan.first_dirty, log.last_stable_offset())));
  if (config->min_compaction_lag_ms > 0) {
    for (std::size_t i = dirty; i < uncleanable; ++i) {
      TRY_ASSIGN(const std::int64_t largest_ms, segments[i]->largest_timestamp_ms());
      if (largest_ms > now_ms - config->min_compaction_lag_ms) uncleanable = i;
    }
  }
  plan.first_uncleanable = segments[uncleanable]->base_offset();
  plan.segments.assign(segments.begin(),
                       segments.begin() + static_cast<std::ptrdiff_t>(uncleanable));
  for (std::size_t i = 0; i < segments.size() && segments[i]->base_offset() < plan.first_dirty;
       ++i) {
    plan.clean_bytes += segments[i]->size_bytes();
  }
  for (std::size_t i = dirty; i < uncleanable; ++i) plan.dirty_bytes += segments[i]->size_bytes();

  if (config->max_compaction_lag_ms < INT64_MAX) {
    for (std::size_t i = dirty; i < active && !plan.is_overdue; ++i) {
      TRY_ASSIGN(const auto first_ms, first_timestamp_ms(*segments[i]));
      plan.is_overdue = first_ms && *first_ms < now_ms - config->max_compaction_lag_ms;
    }
  }
  return plan;
}

}  // namespace storage
