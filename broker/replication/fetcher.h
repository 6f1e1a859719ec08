// Purpose: running one fetch over a session: read what has moved, wait until there is enough, read
// again what moved meanwhile.
//
// A fetch keeps to three bounds. The answer, framing included, fits into max_bytes, but for a first
// batch that alone is larger; once that is used up nothing more is planned, and what was not
// reached stays pending at no cost. No turn of the loop takes long, however many partitions there
// are: the fetch yields. And the loop never waits for the device: records that are not in memory
// are brought there by a worker, while the others are answered.
#pragma once

#include <functional>
#include <vector>

#include "broker/replication/fetch_session.h"
#include "runtime/loop.h"
#include "runtime/workers.h"

namespace replication {

// What an answer costs in bytes beside its records, in the version of the request; upper bounds.
struct FetchFraming {
  std::int64_t response = 0;
  std::int64_t topic = 0;
  bool names_topics = false;  // the topic's name comes to that
  std::int64_t partition = 0;
  std::int64_t special = 0;  // more of a partition with an error or a log that diverged
  std::int64_t aborted_transaction = 0;
};

struct FetchLimits {
  std::int64_t min_bytes = 1;
  std::int64_t max_bytes = 0;  // of the whole answer
  std::int64_t max_wait_ms = 0;
  bool read_committed = false;
  // Below Fetch 12 an answer cannot say where the log diverged: the question is not asked.
  bool checks_divergence = true;
  base::BrokerId replica_id{-1};
  FetchFraming framing;
};

struct FetchEnvironment {
  runtime::Loop& loop;
  DiskReader disk;
};

// Finds the partition an entry means now, setting entry.topic and entry.lookup_error; null with an
// error when it isn't here. Called before each read of an entry that has no open partition.
using PartitionLookup = std::function<std::shared_ptr<Partition>(FetchEntry&)>;

// The entries to answer for, read: for a full fetch those named by the request (`named`, all of the
// session's), for an incremental one the session's pending ones and those named, as far as
// max_bytes reaches. What a follower says of its log counts in any case.
// The session is held by the caller for the whole call and requeued with the entries afterwards.
// Cancelled, it ends like a wait whose time is up.
runtime::Task<base::Result<std::vector<FetchEntry*>>> run_fetch(
    FetchEnvironment environment, FetchSession& session, std::vector<FetchEntry*> named,
    bool is_full, FetchLimits limits, PartitionLookup lookup, runtime::CancelToken token);

}  // namespace replication
