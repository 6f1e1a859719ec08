// Purpose: a change of an in-sync replica set on its way: what a leader proposes, what became of
// it, and how partition and broker talk about it.
//
// A partition has one change at a time. It stays pending until it is known what became of it: an
// answer, LeaderAndIsr, or what the state znode says. Nothing else ends it: a proposed expansion
// that is forgotten too early may be written all the same.
// Source: PendingPartitionChange, AlterPartitionManager (3.9); KIP-497.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/types.h"
#include "broker/replication/isr.h"

namespace replication {

// Leader and ISR as ZooKeeper has them.
struct IsrState {
  base::BrokerId leader{-1};
  base::LeaderEpoch leader_epoch{-1};
  std::vector<base::BrokerId> isr;
  base::ZkVersion partition_epoch{0};
};

// The partition, as whoever carries its changes sees it.
class IsrOwner {
 public:
  virtual ~IsrOwner() = default;
  // The change that waits for its outcome; 0: none. Any thread, takes no lock.
  virtual std::uint64_t pending_isr_change() const = 0;
  virtual const std::string& isr_log_dir() const = 0;

  // The rest takes the partition's lock, which may be held across a write to its disk: on the lane
  // of its directory. `now_ms`: wall clock. Calls for another change than the pending one, or a
  // state of another leadership or an older version, do nothing.
  virtual void on_isr_confirmed(std::uint64_t change, const IsrState& state,
                                std::int64_t now_ms) = 0;
  // The change is known not to have been written, nor ever to be: back to the committed ISR.
  virtual void on_isr_not_attempted(std::uint64_t change, std::int64_t now_ms) = 0;
  // Proposes what is due now: first who has to leave, else who may join.
  virtual void look_at_isr(std::int64_t now_ms) = 0;
};

struct IsrChange {
  std::shared_ptr<IsrOwner> owner;
  std::uint64_t id = 0;  // of its owner's changes
  base::TopicPartition partition;
  base::TopicId topic_id;  // zero: none
  base::ControllerEpoch controller_epoch{0};
  IsrState proposed;  // partition_epoch: the version that it is to replace

  // False: LeaderAndIsr came in between, or its outcome is known.
  bool is_pending() const { return owner->pending_isr_change() == id; }
};

// What became of one try to write a change.
struct IsrVerdict {
  enum class Kind {
    confirmed,      // `state` is what ZooKeeper has now
    not_attempted,  // refused by who had the right version: it is never written
    waits,          // refused by who knows better: LeaderAndIsr will tell, or the state znode
    again,          // no answer, or none that decides
  };
  Kind kind = Kind::again;
  IsrState state;
};

// The broker's part, for all its partitions. Any thread; called without the partition's lock, but
// for is_live().
class IsrKeeper : public LiveBrokers {
 public:
  virtual std::int64_t lag_max_ms() const = 0;  // replica.lag.time.max.ms
  virtual void propose(IsrChange change) = 0;
  // look_at_isr() is to be called soon: a follower may join, as soon as its broker is known.
  virtual void look_again(std::shared_ptr<IsrOwner> owner) = 0;
};

}  // namespace replication
