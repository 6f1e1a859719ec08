#include "broker/replication/fetcher.h"

#include <algorithm>

namespace replication {
namespace {

struct PassResult {
  std::int64_t bytes = 0;
  bool answer_now = false;  // an error, or a log that diverged
};

class FetchPass {
 public:
  FetchPass(FetchSession& session, const FetchLimits& limits, const PartitionLookup& lookup)
      : session_(session), limits_(limits), lookup_(lookup) {}

  PassResult read(const std::vector<FetchEntry*>& visit, std::int64_t now_ms, bool is_first) {
    PassResult result;
    std::int64_t budget_bytes = limits_.max_bytes;
    bool has_records = false;
    for (FetchEntry* entry : visit) {
      read_entry(*entry, budget_bytes, !has_records && !limits_.hard_max_bytes, now_ms, is_first);
      if (!entry->outcome || entry->outcome->diverging) {
        result.answer_now = true;
        continue;
      }
      const std::int64_t size_bytes = entry->outcome->plan.size_bytes;
      has_records = has_records || size_bytes > 0;
      budget_bytes = std::max<std::int64_t>(0, budget_bytes - size_bytes);
      result.bytes += size_bytes;
      // Cut off by the limit: as much as may be sent is there.
      if (size_bytes == 0 && entry->outcome->has_more) result.bytes += limits_.min_bytes;
    }
    return result;
  }

 private:
  void read_entry(FetchEntry& entry, std::int64_t budget_bytes, bool at_least_one_batch,
                  std::int64_t now_ms, bool is_first) {
    if (entry.partition == nullptr || entry.partition->is_closed()) {
      entry.lookup_error.clear();
      session_.bind(entry, lookup_(entry));
    }
    if (entry.partition == nullptr) {
      entry.outcome = base::fail(
          base::Error(entry.lookup_error ? entry.lookup_error
                                         : make_error_code(ReplicaError::unknown_partition)));
      return;
    }
    ReadParams params;
    params.fetch_offset = entry.position.fetch_offset;
    params.current_leader_epoch = entry.position.current_leader_epoch;
    params.last_fetched_epoch = entry.position.last_fetched_epoch;
    params.follower_log_start = entry.position.follower_log_start;
    params.replica_id = limits_.replica_id;
    params.read_committed = limits_.read_committed;
    params.is_first_read = is_first;
    params.max_bytes = std::min<std::int64_t>(budget_bytes, entry.position.max_bytes);
    params.at_least_one_batch = at_least_one_batch;
    params.now_ms = now_ms;
    entry.outcome = entry.partition->read(params);
  }

  FetchSession& session_;
  const FetchLimits& limits_;
  const PartitionLookup& lookup_;
};

void add_to_visit(std::vector<FetchEntry*>& visit, FetchEntry& entry) {
  if (entry.in_visit) return;
  entry.in_visit = true;
  visit.push_back(&entry);
}

bool has_something(const FetchEntry& entry) {
  return !entry.outcome || entry.outcome->diverging || entry.outcome->has_more;
}

}  // namespace

runtime::Task<base::Result<std::vector<FetchEntry*>>> run_fetch(
    runtime::Loop& loop, FetchSession& session, std::vector<FetchEntry*> named, bool is_full,
    FetchLimits limits, PartitionLookup lookup, runtime::CancelToken token) {
  std::vector<FetchEntry*> visit;
  if (is_full) {
    for (const auto& entry : session.entries()) add_to_visit(visit, *entry);
    session.ready().drain([](FetchLink&) {});
  } else {
    session.ready().drain(
        [&](FetchLink& link) { add_to_visit(visit, static_cast<FetchEntry&>(link)); });
    for (FetchEntry* entry : named) add_to_visit(visit, *entry);
  }

  FetchPass pass(session, limits, lookup);
  const std::int64_t deadline_ms = loop.now_ms() + limits.max_wait_ms;
  PassResult result = pass.read(visit, loop.wall_ms(), true);
  std::vector<FetchEntry*> active;
  while (!result.answer_now && result.bytes < limits.min_bytes && session.size() > 0) {
    const std::int64_t left_ms = deadline_ms - loop.now_ms();
    if (left_ms <= 0) break;
    const auto waited = co_await session.ready().wait(left_ms, token);
    // The peer has closed its side, or the connection is gone: time is up.
    if (!waited && waited.error().is(base::Errc::cancelled)) break;
    if (!waited && !waited.error().is(base::Errc::timed_out)) {
      for (FetchEntry* entry : visit) entry->in_visit = false;
      co_return base::fail(waited.error());
    }
    // Read again what had something, and what moved meanwhile; the idle rest stays as it was.
    active.clear();
    for (FetchEntry* entry : visit) {
      if (has_something(*entry)) active.push_back(entry);
    }
    session.ready().drain([&](FetchLink& link) {
      auto& entry = static_cast<FetchEntry&>(link);
      add_to_visit(visit, entry);
      if (std::find(active.begin(), active.end(), &entry) == active.end()) {
        active.push_back(&entry);
      }
    });
    result = pass.read(active, loop.wall_ms(), false);
  }
  for (FetchEntry* entry : visit) entry->in_visit = false;
  co_return visit;
}

void requeue_visited(FetchSession& session, const std::vector<FetchEntry*>& visited) {
  for (FetchEntry* entry : visited) {
    const bool visit_again = has_something(*entry);
    entry->outcome = ReadOutcome{};  // its slices hold files open
    if (visit_again) session.ready().push(*entry);
  }
}

}  // namespace replication
