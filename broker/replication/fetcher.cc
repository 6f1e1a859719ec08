#include "broker/replication/fetcher.h"

#include <algorithm>
#include <utility>

#include "runtime/turn_budget.h"

namespace replication {
namespace {

// An answer without records waits this long for the device, whatever the client's wait is: with
// none at all it would never get what is not in memory.
constexpr std::int64_t kDiskWaitMs = 5000;

// One fetch: what was read so far, and what is left of the answer's budget.
class FetchRun {
 public:
  FetchRun(FetchEnvironment environment, FetchSession& session, const FetchLimits& limits,
           const PartitionLookup& lookup, bool is_full)
      : environment_(environment),
        session_(session),
        limits_(limits),
        lookup_(lookup),
        is_full_(is_full),
        budget_bytes_(limits.max_bytes - limits.framing.response) {}

  void begin(const std::vector<FetchEntry*>& named) {
    session_.collect_ready();
    const FetchEntry* previous = nullptr;
    for (FetchEntry* entry : named) {
      if (PendingEntries::contains(*entry)) continue;
      session_.pending().push_back(*entry);
      if (!is_full_) continue;
      // It is in the answer whatever is read: its place is taken before any records get theirs.
      entry->starts_topic = previous == nullptr || !is_same_topic(*previous, *entry);
      budget_bytes_ -= framing_bytes(*entry);
      previous = entry;
    }
    if (session_.follower_clock() != nullptr) {
      session_.follower_clock()->last_fetch_ms.store(environment_.loop.wall_ms());
    }
  }

  // Reads the pending entries in order. False if the turn is used up before it is done.
  bool advance(runtime::TurnBudget& turn, bool is_first) {
    while (FetchEntry* entry = session_.pending().front()) {
      if (is_used_up()) return true;
      if (turn.is_spent()) return false;
      session_.pending().remove(*entry);
      visit(*entry, {is_first, true});
    }
    return true;
  }

  // What is left of `named` tells where a follower's log ends; it stays pending for its records.
  bool note_rest(const std::vector<FetchEntry*>& named, std::size_t& from,
                 runtime::TurnBudget& turn) {
    for (; from < named.size(); ++from) {
      if (named[from]->in_visit) continue;
      if (turn.is_spent()) return false;
      visit(*named[from], {true, false});
    }
    return true;
  }

  bool is_enough() const {
    if (answers_now_ || is_used_up()) return true;
    return credit_bytes_ >= limits_.min_bytes && !waits_for_disk_only();
  }
  bool waits_for_disk_only() const { return with_records_ == 0 && blocked_ > 0; }
  std::vector<FetchEntry*> take_visited() { return std::move(visited_); }

 private:
  bool is_same_topic(const FetchEntry& a, const FetchEntry& b) const {
    return session_.uses_topic_ids() ? a.topic_id == b.topic_id : a.topic == b.topic;
  }

  std::int64_t framing_bytes(const FetchEntry& entry) const {
    std::int64_t bytes = limits_.framing.partition;
    if (entry.starts_topic) {
      bytes += limits_.framing.topic;
      if (limits_.framing.names_topics) bytes += std::ssize(entry.topic);
    }
    return bytes;
  }

  // An incremental answer takes no more: the first records are there, and there is no room for
  // others; or what has to be told takes all of it. A full answer names every partition.
  bool is_used_up() const {
    if (is_full_) return false;
    if (is_cut_) return true;
    return budget_bytes_ < limits_.framing.partition && (with_records_ > 0 || answers_now_);
  }

  struct How {
    bool is_first_read;
    bool reads_records;
  };
  void visit(FetchEntry& entry, How how) {
    if (!entry.in_visit) {
      entry.in_visit = true;
      if (!is_full_) {
        entry.starts_topic = visited_.empty() || !is_same_topic(*visited_.back(), entry);
      }
      visited_.push_back(&entry);
    } else {
      take_back(entry);
    }
    // In a full fetch framing was paid for at its begin.
    const std::int64_t framing = is_full_ ? 0 : framing_bytes(entry);
    const std::int64_t room_bytes = how.reads_records ? budget_bytes_ - framing : 0;
    read(entry, room_bytes, how);
    account(entry, framing, room_bytes);
  }

  // It is read once more: what its last read took is free again.
  void take_back(FetchEntry& entry) {
    budget_bytes_ += std::exchange(entry.charged_bytes, 0);
    credit_bytes_ -= std::exchange(entry.credited_bytes, 0);
    if (!entry.outcome) return;
    with_records_ -= entry.outcome->plan.size_bytes > 0 ? 1 : 0;
    blocked_ -= entry.outcome->blocked ? 1 : 0;
  }

  void account(FetchEntry& entry, std::int64_t framing, std::int64_t room_bytes) {
    if (!entry.outcome || entry.outcome->diverging) {
      answers_now_ = true;
      entry.charged_bytes = framing + limits_.framing.special;
      budget_bytes_ -= entry.charged_bytes;
      return;
    }
    const ReadOutcome& outcome = *entry.outcome;
    const std::int64_t size_bytes = outcome.plan.size_bytes;
    // What the answer could still hold of this partition.
    const std::int64_t most_bytes = std::min<std::int64_t>(room_bytes, entry.position.max_bytes);
    if (outcome.blocked) {
      ++blocked_;
    } else if (size_bytes > 0) {
      ++with_records_;
      entry.charged_bytes = framing + size_bytes + aborted_bytes(outcome);
      const bool is_more = outcome.plan.is_cut;
      entry.credited_bytes = is_more ? std::max(size_bytes, most_bytes) : size_bytes;
      // Cut off by the answer's limit: as much as may be sent is there.
      if (is_more && room_bytes <= entry.position.max_bytes) {
        entry.credited_bytes = std::max(entry.credited_bytes, limits_.min_bytes);
      }
    } else if (outcome.has_more) {
      entry.credited_bytes = limits_.min_bytes;
      is_cut_ = is_cut_ || room_bytes <= entry.position.max_bytes;
    }
    if (entry.charged_bytes == 0 && entry.has_moved()) entry.charged_bytes = framing;
    budget_bytes_ -= entry.charged_bytes;
    credit_bytes_ += entry.credited_bytes;
  }

  std::int64_t aborted_bytes(const ReadOutcome& outcome) const {
    return outcome.aborted ? std::ssize(*outcome.aborted) * limits_.framing.aborted_transaction : 0;
  }

  void read(FetchEntry& entry, std::int64_t room_bytes, How how) {
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
    if (limits_.checks_divergence) params.last_fetched_epoch = entry.position.last_fetched_epoch;
    params.follower_log_start = entry.position.follower_log_start;
    params.replica_id = limits_.replica_id;
    params.read_committed = limits_.read_committed;
    params.is_first_read = how.is_first_read;
    if (session_.follower_clock() != nullptr) params.follower_clock = &session_.follower_clock();
    params.max_bytes = std::min<std::int64_t>(room_bytes, entry.position.max_bytes);
    params.at_least_one_batch = how.reads_records && with_records_ == 0;
    params.now_ms = environment_.loop.wall_ms();
    params.may_block = environment_.disk.workers == nullptr;
    entry.outcome = entry.partition->read(params);
    if (entry.outcome && entry.outcome->blocked) {
      read_ahead(entry, params);
    } else if (entry.waits_for_disk.load(std::memory_order_relaxed)) {
      entry.waits_for_disk.store(false);
      entry.read_ahead = nullptr;
    }
    // The list of aborted transactions takes room too; a shorter read has a shorter one.
    if (!entry.outcome || entry.outcome->plan.size_bytes == 0) return;
    const std::int64_t aborted = aborted_bytes(*entry.outcome);
    if (aborted == 0 || entry.outcome->plan.size_bytes + aborted <= room_bytes) return;
    params.is_first_read = false;
    params.max_bytes = std::min(params.max_bytes, room_bytes - aborted);
    entry.outcome = entry.partition->read(params);
    if (entry.outcome && entry.outcome->blocked) read_ahead(entry, params);
  }

  // Its records are not in memory: a worker fetches them, unless that has just been done.
  void read_ahead(FetchEntry& entry, const ReadParams& params) {
    ReadOutcome& outcome = *entry.outcome;
    if (entry.read_ahead != nullptr) {
      if (!entry.read_ahead->is_done.load(std::memory_order_acquire)) return;
      const auto done = std::exchange(entry.read_ahead, nullptr);
      if (!done->result) {
        entry.outcome = base::fail(std::move(done->result.error()));
        return;
      }
      // What was read is gone from memory again: then it is sent from the device.
      storage::ReadPlan& plan = *done->result;
      const bool fits = plan.size_bytes <= params.max_bytes || params.at_least_one_batch;
      // The request before this one may have had another reader's bound.
      const storage::ReadRequest& now = *outcome.blocked;
      const bool is_asked = done->request.from == now.from && done->request.up_to <= now.up_to &&
                            done->request.wants_end_offset == now.wants_end_offset;
      if (is_asked && plan.size_bytes > 0 && fits) {
        outcome.plan = std::move(plan);
        if (outcome.aborted) outcome.aborted = std::move(done->aborted);
        outcome.blocked.reset();
        return;
      }
    }
    auto read = std::make_shared<ReadAhead>();
    read->request = *outcome.blocked;
    entry.waits_for_disk.store(true);
    if (entry.partition->start_read_ahead(read, environment_.disk)) {
      entry.read_ahead = std::move(read);
    }
  }

  const FetchEnvironment environment_;
  FetchSession& session_;
  const FetchLimits& limits_;
  const PartitionLookup& lookup_;
  const bool is_full_;
  std::vector<FetchEntry*> visited_;
  std::int64_t budget_bytes_;      // left of the answer
  std::int64_t credit_bytes_ = 0;  // counted against min_bytes
  std::int64_t with_records_ = 0;  // entries
  std::int64_t blocked_ = 0;       // entries whose records are on the device only
  bool answers_now_ = false;       // an error, or a log that diverged
  bool is_cut_ = false;            // records are left that the answer has no room for
};

}  // namespace

runtime::Task<base::Result<std::vector<FetchEntry*>>> run_fetch(
    FetchEnvironment environment, FetchSession& session, std::vector<FetchEntry*> named,
    bool is_full, FetchLimits limits, PartitionLookup lookup, runtime::CancelToken token) {
  runtime::Loop& loop = environment.loop;
  runtime::TurnBudget turn;
  FetchRun run(environment, session, limits, lookup, is_full);
  run.begin(named);
  const std::int64_t begin_ms = loop.now_ms();
  for (bool is_first = true;; is_first = false) {
    while (!run.advance(turn, is_first)) co_await turn.yield();
    if (is_first && session.is_follower()) {
      std::size_t from = 0;
      while (!run.note_rest(named, from, turn)) co_await turn.yield();
    }
    if (run.is_enough() || session.size() == 0) break;
    const std::int64_t wait_ms =
        run.waits_for_disk_only() ? std::max(limits.max_wait_ms, kDiskWaitMs) : limits.max_wait_ms;
    const std::int64_t left_ms = begin_ms + wait_ms - loop.now_ms();
    if (left_ms <= 0) break;
    const auto waited = co_await session.ready().wait(left_ms, token);
    // The peer has closed its side, or the connection is gone: time is up.
    if (!waited && waited.error().is(base::Errc::cancelled)) break;
    if (!waited && !waited.error().is(base::Errc::timed_out)) {
      session.requeue(run.take_visited());
      co_return base::fail(waited.error());
    }
    // What moved is read again; the rest stays as it was read.
    session.collect_ready();
  }
  co_return run.take_visited();
}

}  // namespace replication
