// Purpose: running one fetch over a session: read what has moved, wait until there is enough, read
// again.
#pragma once

#include <functional>
#include <vector>

#include "broker/replication/fetch_session.h"
#include "runtime/loop.h"

namespace replication {

struct FetchLimits {
  std::int64_t min_bytes = 1;
  std::int64_t max_bytes = 0;
  std::int64_t max_wait_ms = 0;
  bool hard_max_bytes = false;  // Fetch <= 2: no oversized first batch
  bool read_committed = false;
  base::BrokerId replica_id{-1};
};

// Finds the partition an entry means now, setting entry.topic and entry.lookup_error; null with an
// error when it isn't here. Called before each read of an entry that has no open partition.
using PartitionLookup = std::function<std::shared_ptr<Partition>(FetchEntry&)>;

// The entries to answer for, read: for a full fetch all of the session's, for an incremental one
// those named by the request (`named`) and those on the session's ready list.
// The session is held by the caller for the whole call. Cancelled, it ends like a wait whose time
// is up.
runtime::Task<base::Result<std::vector<FetchEntry*>>> run_fetch(
    runtime::Loop& loop, FetchSession& session, std::vector<FetchEntry*> named, bool is_full,
    FetchLimits limits, PartitionLookup lookup, runtime::CancelToken token);

// After the answer was made: entries that still have something to say go back on the ready list.
void requeue_visited(FetchSession& session, const std::vector<FetchEntry*>& visited);

}  // namespace replication
