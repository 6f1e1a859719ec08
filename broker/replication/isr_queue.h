// Purpose: the ISR changes of this broker that are on their way: which go into the next request,
// what an answer means for each, and whose outcome has to be looked up. Plain values, no clock.
//
// One batch is on its way at a time. A change that nobody has decided stays: it is sent again, and
// from time to time the state znode is asked what became of it. A change that is pending no more
// (LeaderAndIsr came) goes without a word.
// Source: AlterPartitionManager, Partition.handleAlterPartitionError (3.9).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "broker/replication/isr_change.h"

namespace replication {

// One loop.
class IsrQueue {
 public:
  static constexpr std::size_t kBatchMax = 1000;
  // A change that is pending for so long is looked up, and again after as long.
  static constexpr std::int64_t kLookUpAfterMs = 5000;

  // What a partition is to be told. The state is that of a confirmed change.
  struct Settled {
    IsrChange change;
    IsrVerdict::Kind kind = IsrVerdict::Kind::confirmed;  // or not_attempted
    IsrState state;
  };

  // A change of the same partition that is still here is void. `now_ms`: monotonic.
  void add(IsrChange change, std::int64_t now_ms);

  // The next batch, oldest first; empty when nothing is to be sent. settle() follows.
  std::vector<IsrChange> take_batch();
  // Of the batch, one verdict for each. Those that are neither settled nor refused are sent again.
  std::vector<Settled> settle(const std::vector<IsrChange>& batch,
                              const std::vector<IsrVerdict>& verdicts);

  // Those whose outcome is to be looked up now, kBatchMax at most.
  std::vector<IsrChange> take_unknown(std::int64_t now_ms);
  // What the state znode says of them; nullopt: nothing, for want of an answer.
  std::vector<Settled> look_up(const std::vector<IsrChange>& changes,
                               const std::vector<std::optional<IsrState>>& states);

  bool has_to_send() const { return !to_send_.empty(); }
  std::size_t size() const { return entries_.size(); }

 private:
  enum class Step { queued, in_flight, refused, answered };
  struct Entry {
    IsrChange change;
    Step step = Step::queued;
  };
  using Entries = std::map<base::TopicPartition, Entry>;
  struct LookUp {
    std::int64_t at_ms;
    IsrChange change;
  };

  // Null if the change is not here any more; one that is pending no more is taken out.
  Entry* find(const IsrChange& change);
  void queue(Entry& entry);

  Entries entries_;
  std::deque<IsrChange> to_send_;  // entries that are queued, and void ones
  std::deque<LookUp> look_ups_;    // ascending by time; one for each entry, and void ones
};

}  // namespace replication
