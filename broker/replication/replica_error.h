// Purpose: why a replica refuses a request, beside what its log says (storage::LogError). The API
// edge maps these to Kafka's error codes.
#pragma once

#include <system_error>

namespace replication {

enum class ReplicaError {
  not_leader = 1,        // the request must go to the leader
  unknown_partition,     // no such partition here
  offline,               // its log directory has failed
  fenced_leader_epoch,   // the caller's leader epoch is older than ours
  unknown_leader_epoch,  // the caller's leader epoch is newer than ours
  not_enough_replicas,   // |ISR| < min.insync.replicas before an acks=all append
  not_enough_replicas_after_append,
  unassigned_follower,   // a follower fetches that isn't in the replica list
  stale_leader,          // fenced: a newer leader epoch is known elsewhere
  unknown_topic_id,       // no topic has this id, as far as we know
  inconsistent_topic_id,  // the log belongs to another incarnation of the topic
  offset_not_available,  // a new leader whose high watermark hasn't reached its epoch yet
};

const std::error_category& replica_domain() noexcept;

inline std::error_code make_error_code(ReplicaError code) noexcept {
  return {static_cast<int>(code), replica_domain()};
}

}  // namespace replication

template <>
struct std::is_error_code_enum<replication::ReplicaError> : std::true_type {};
