#include "broker/replication/replica_error.h"

#include <string>

namespace replication {
namespace {

class ReplicaDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "replication"; }

  std::string message(int value) const override {
    switch (static_cast<ReplicaError>(value)) {
      case ReplicaError::not_leader: return "this broker does not lead the partition";
      case ReplicaError::unknown_partition: return "this broker hosts no such partition";
      case ReplicaError::offline: return "the partition's log directory is offline";
      case ReplicaError::fenced_leader_epoch: return "the leader epoch of the request is old";
      case ReplicaError::unknown_leader_epoch: return "the leader epoch of the request is newer";
      case ReplicaError::not_enough_replicas: return "fewer in-sync replicas than required";
      case ReplicaError::not_enough_replicas_after_append:
        return "fewer in-sync replicas than required, after the append";
      case ReplicaError::unassigned_follower: return "the follower is not a replica";
      case ReplicaError::stale_leader: return "another broker leads with a newer epoch";
      case ReplicaError::unknown_topic_id: return "no topic has this id";
      case ReplicaError::inconsistent_topic_id: return "the log has another topic id";
      case ReplicaError::offset_not_available:
        return "the high watermark has not reached the leader's epoch yet";
    }
    return "unknown replication error";
  }
};

}  // namespace

const std::error_category& replica_domain() noexcept {
  static const ReplicaDomain domain;
  return domain;
}

}  // namespace replication
