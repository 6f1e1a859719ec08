// Purpose: records that a data loop may not wait for, on their way from the device into memory.
//
// A worker does the reading and wakes the session's link; the session looks at `result` only after
// `is_done`. At most one for each partition of a session.
#pragma once

#include <atomic>

#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "storage/partition_log.h"

namespace replication {

// Who waits for the device in a loop's place.
struct DiskReader {
  runtime::WorkerPool* pool = nullptr;  // null: the loop itself waits
  runtime::TaskScope* scope = nullptr;  // of the loop; owns what outlives a request
};

struct ReadAhead {
  storage::ReadRequest request;
  // Written by the worker before is_done, read by the session after it.
  base::Result<storage::ReadPlan> result{storage::ReadPlan{}};
  std::atomic<bool> is_done{false};
};

}  // namespace replication
