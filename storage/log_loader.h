// Purpose: brings a partition directory into order and finds out where its log begins and ends:
// leftovers of interrupted operations, recovery after an unclean stop, producer state.
// Source: LogLoader. Runs on a worker, before anybody else sees the log.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "storage/leader_epoch_cache.h"
#include "storage/log_config.h"
#include "storage/log_environment.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

namespace storage {

struct LoadRequest {
  std::string directory;
  base::TopicPartition topic_partition;  // for log lines
  const LogConfig* config = nullptr;
  bool had_clean_shutdown = false;
  bool rewrites_unflushed = false;  // as OpenLogOptions has it
  base::Offset recovery_point;      // checkpointed
  base::Offset log_start_offset;    // checkpointed
  std::int64_t now_ms = 0;
  std::function<void(std::int64_t bytes)> on_recovered;  // may be null
  // Asked now and then; true ends the load with Errc::cancelled, as a crash would. May be null.
  std::function<bool()> is_cancelled;
};

struct LoadedOffsets {
  SegmentList segments;  // ascending, at least one; the last is active
  base::Offset log_start;
  base::Offset log_end;
  base::Offset recovery_point;
  bool has_new_directory = false;  // its name is not on the device yet
  bool has_new_files = false;      // nor are those of some files in it
};

// Fills `epochs` and `producers`, which are empty. Errors: errno; Errc::corrupt names a file that
// makes no sense; Errc::unsupported names a segment with messages of format v0 or v1, which are
// left untouched.
base::Result<LoadedOffsets> load_log(LogEnvironment& environment, const LoadRequest& request,
                                     LeaderEpochCache& epochs, ProducerState& producers);

// Brings the producer state to `log_end`: from the newest snapshot, then from the batches behind
// it; leaves snapshots at the last segments and at `log_end`.
base::Result<void> rebuild_producer_state(ProducerState& producers, const SegmentList& segments,
                                          base::Offset log_start, base::Offset log_end,
                                          std::int64_t now_ms, std::int64_t expiration_ms,
                                          bool had_clean_shutdown);

}  // namespace storage
