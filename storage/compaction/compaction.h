// Purpose: compacts one log once: of every key only the latest value stays, up to the plan's end.
//
// 1. The dirty part is read into an offset map, until the map is full.
// 2. Neighbouring segments are taken together as long as they fit into one.
// 3. Each group is written anew, without what later values, tombstones and aborted transactions
//    made superfluous, synced and swapped in (PartitionLog::replace_segments).
// Offsets and order stay; readers notice nothing. Synchronous, for a worker: reads and writes the
// whole log up to the end of the map.
// Source: Cleaner.doClean.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"
#include "storage/compaction/compaction_plan.h"

namespace storage {

struct CompactionOptions {
  std::int64_t map_bytes_max = 128 * 1024 * 1024;  // log.cleaner.dedupe.buffer.size / threads
  double map_load_factor = 0.9;                    // log.cleaner.io.buffer.load.factor
  // Told of every piece read or written; may wait (log.cleaner.io.max.bytes.per.second). An error
  // ends the compaction with it. May be null.
  std::function<base::Result<void>(std::int64_t bytes)> on_io;
};

struct CompactionResult {
  base::Offset cleaned_up_to;  // the next one's first dirty offset
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::int64_t records_read = 0;
  std::int64_t records_kept = 0;
  std::int64_t keys = 0;
};

// Groups that are swapped in stay so, whatever happens to later ones. Errors: Errc::cancelled when
// the log changed underneath (truncation, retention, deletion), or on_io's; Errc::corrupt; errno.
base::Result<CompactionResult> compact(PartitionLog& log, const CompactionPlan& plan,
                                       const CompactionOptions& options, std::int64_t now_ms);

}  // namespace storage
