// Purpose: records that a data loop may not wait for, on their way from the device into memory.
//
// A worker does the reading and wakes the session's link; the session looks at `result` only after
// `is_done`. At most one for each partition of a session.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "storage/partition_log.h"

namespace replication {

// Workers that wait for one log directory's device: where it hangs, only they do.
using DiskWorkers = std::function<runtime::WorkerPool&(const std::string& log_dir)>;

// Who waits for the device in a loop's place.
struct DiskReader {
  const DiskWorkers* workers = nullptr;  // null: the loop itself waits
  runtime::TaskScope* scope = nullptr;   // of the loop; owns what outlives a request
};

struct ReadAhead {
  storage::ReadRequest request;
  // Written by the worker before is_done, read by the session after it.
  base::Result<storage::ReadPlan> result{storage::ReadPlan{}};
  std::vector<storage::AbortedTransaction> aborted;  // in the plan's range, if it has an end offset
  std::atomic<bool> is_done{false};

  // On the worker.
  void run(storage::PartitionLog& log) {
    result = log.read_ahead(request);
    if (!result || !request.wants_end_offset || result->size_bytes == 0) return;
    auto list = log.aborted_transactions(request.from, result->end_offset);
    if (list) {
      aborted = std::move(*list);
    } else {
      result = base::fail(std::move(list.error()));
    }
  }
};

}  // namespace replication
