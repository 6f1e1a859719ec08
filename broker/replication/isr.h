// Purpose: the arithmetic of the in-sync replica set and the high watermark. Plain values, no
// clock, no lock: the partition holds an Isr under its own mutex.
//
// Rules: contract of Kafka's Partition.scala and Replica.scala (3.9). The high watermark counts the
// larger of the committed and the proposed ISR (KIP-497: "maximal ISR").
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/types.h"

namespace replication {

// When a follower's fetch session fetched last, wall clock. A fetch of the session is one of each
// partition in it, though the leader visits only those that moved.
struct FollowerClock {
  std::atomic<std::int64_t> last_fetch_ms{0};
};

// Which brokers are alive, as far as is known. Any thread, takes no lock but a leaf.
class LiveBrokers {
 public:
  virtual ~LiveBrokers() = default;
  virtual bool is_live(base::BrokerId id) const = 0;
};

// A leader's view of one follower.
struct FollowerState {
  base::Offset log_end_offset{-1};  // fetch offset of its last fetch; -1: never fetched
  base::Offset log_start_offset{-1};
  std::int64_t last_fetch_ms = 0;
  base::Offset leader_end_at_last_fetch{0};
  std::int64_t last_caught_up_ms = 0;
  std::shared_ptr<const FollowerClock> clock;  // of the session that fetches; null: none does

  // The leader's log, which ends at `leader_end`, is about to grow, or the session lets go of the
  // partition: if the follower has all of it, it was caught up as late as its session fetched.
  void note_caught_up(base::Offset leader_end);
  // A fetch from `fetch_offset` arrived while the leader's log ended at `leader_end`.
  void on_fetch(base::Offset fetch_offset, base::Offset follower_log_start, base::Offset leader_end,
                std::int64_t now_ms);
  bool is_caught_up(base::Offset leader_end, std::int64_t now_ms, std::int64_t lag_max_ms) const {
    return log_end_offset == leader_end || now_ms - last_caught_up_ms <= lag_max_ms;
  }
};

struct Isr {
  std::vector<base::BrokerId> committed;                // confirmed by ZooKeeper
  std::optional<std::vector<base::BrokerId>> proposed;  // sent, not confirmed
  std::vector<base::BrokerId> replicas;                 // the assignment, preferred leader first
  std::map<base::BrokerId, FollowerState> followers;    // everybody but the leader

  bool is_replica(base::BrokerId id) const;
  bool in_maximal_isr(base::BrokerId id) const;
  std::size_t maximal_size() const;
  // min(min.insync.replicas, replicas assigned), the effective value since 3.7.
  std::size_t effective_min_isr(std::int32_t min_insync_replicas) const;
  bool is_below_minimum(std::int32_t min_insync_replicas) const {
    return committed.size() < effective_min_isr(min_insync_replicas);
  }

  // The committed ISR without the members that have not been caught up for `lag_max_ms`; the leader
  // stays. Nullopt: all are. Nothing while a change is pending.
  struct ShrinkInput {
    base::BrokerId leader;
    base::Offset leader_end;
    std::int64_t now_ms = 0;
    std::int64_t lag_max_ms = 30000;
  };
  std::optional<std::vector<base::BrokerId>> shrunk(const ShrinkInput& input) const;
  // Whether the follower has all that is committed, and has followed into the leader's epoch, which
  // begins at `epoch_start`: then it may join. False for members, and while a change is pending.
  bool may_join(base::BrokerId id, base::Offset high_watermark, base::Offset epoch_start) const;
};

struct HighWatermarkInput {
  base::Offset local_end;
  base::Offset local_bound{INT64_MAX};  // of what counts of it: the durable offset
  base::Offset current;                 // the result is never below it
  std::int64_t now_ms = 0;
  std::int64_t lag_max_ms = 30000;
  std::int32_t min_insync_replicas = 1;
  const LiveBrokers* live = nullptr;  // null: all are
};

// The leader's new high watermark: the least log end over itself and all followers that are in the
// maximal ISR, or caught up and alive; unchanged while the committed ISR is below the effective
// minimum.
base::Offset leader_high_watermark(const Isr& isr, const HighWatermarkInput& input);

}  // namespace replication
