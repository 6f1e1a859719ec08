// Purpose: what ReplicaControl tells whoever fetches for followers.
#pragma once

#include <memory>

#include "base/types.h"

namespace replication {

class Partition;

// Told on the lane of the partition's directory, after its role has changed.
class Followership {
 public:
  virtual ~Followership() = default;
  // It follows, in the epoch and from the leader of its state. Also when its topic id became known.
  virtual void follow(const std::shared_ptr<Partition>& partition) = 0;
  // It leads, was stopped, or is gone.
  virtual void unfollow(const base::TopicPartition& id) = 0;
};

}  // namespace replication
