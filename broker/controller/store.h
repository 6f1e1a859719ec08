// Purpose: what the controller reads and writes of the cluster's metadata, in its own terms.
//
// ZkStore is the real one; tests of the state machines use one in memory. Control loop only.
//
// An error of a call as a whole means that the controller cannot go on with what it is doing:
// ControllerErrc::moved (another controller writes now), the session's end, or something that makes
// no sense. Connection losses are not errors: calls wait, look what happened, and try again until
// the session ends. What concerns one partition or topic stands in its own element.
//
// Every read of a list, and of a broker's or topic's node, arms its one-shot watch again, also if
// it may not be read. (What tells of no watch is a change of its ACL.)
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/znodes/admin_requests.h"
#include "broker/cluster/znodes/cluster_state.h"
#include "broker/controller/controller_context.h"
#include "runtime/task.h"

namespace controller {

template <class T>
using StoreTask = runtime::Task<base::Result<T>>;

struct RegisteredBroker {
  std::int32_t id = -1;
  std::int64_t epoch = -1;                  // czxid
  std::optional<cluster::BrokerInfo> info;  // nullopt: its JSON is unreadable
};

// nullopt: there is no state znode. Errc::corrupt: it makes no sense.
using StateRead = base::Result<std::optional<Leadership>>;

struct StateWrite {
  TopicPartition partition;
  cluster::PartitionState state;
  std::int32_t expected_partition_epoch = 0;  // for updates
  // For creations: no partition of the topic has a znode yet, so that their parent is made too.
  bool is_first_of_topic = false;
};

struct StateWriteResult {
  enum class Outcome {
    written,
    conflict,  // update: another version is there, read again; create: the znode exists
    failed,    // the error says why
  };
  Outcome outcome = Outcome::written;
  std::int32_t partition_epoch = 0;  // written: the new one
  base::Error error{base::Errc::internal};
};

// What could not be written or removed because of its own znodes (closed to us), with the reason.
using RefusedTopics = std::map<std::string, base::Error>;

using AssignmentRead = base::Result<std::optional<cluster::TopicAssignment>>;

struct Notifications {
  std::vector<std::string> children;  // to be removed once handled
  std::vector<TopicPartition> partitions;
  std::set<std::int32_t> brokers;
};

struct VersionedBlock {
  std::optional<cluster::ProducerIdBlock> block;
  base::ZkVersion version{0};
};

class Store {
 public:
  virtual ~Store() = default;

  virtual StoreTask<std::vector<RegisteredBroker>> read_brokers() = 0;
  // nullopt: not registered.
  virtual StoreTask<std::optional<RegisteredBroker>> read_broker(std::int32_t id) = 0;

  // Sorted: all names are compared with those that are known, so nothing is made of them first.
  virtual StoreTask<std::vector<std::string>> read_topics() = 0;
  virtual StoreTask<std::vector<AssignmentRead>> read_assignments(
      std::vector<std::string> topics) = 0;
  virtual StoreTask<RefusedTopics> write_assignments(
      std::map<std::string, cluster::TopicAssignment> assignments) = 0;
  // Numbers of the partitions that have a znode below /partitions.
  virtual StoreTask<std::set<std::int32_t>> read_partition_numbers(std::string topic) = 0;
  // The topics' whole trees, their configs and their deletion markers; of those that are refused
  // config and marker stay.
  virtual StoreTask<RefusedTopics> remove_topics(std::vector<std::string> topics) = 0;

  virtual StoreTask<std::vector<StateRead>> read_states(std::vector<TopicPartition> partitions) = 0;
  // The same, and a one-shot watch on each: for states that are waited for.
  virtual StoreTask<std::vector<StateRead>> watch_states(
      std::vector<TopicPartition> partitions) = 0;
  virtual StoreTask<std::vector<StateWriteResult>> create_states(
      std::vector<StateWrite> writes) = 0;
  virtual StoreTask<std::vector<StateWriteResult>> update_states(
      std::vector<StateWrite> writes) = 0;

  // Effective unclean.leader.election.enable; an error per topic whose config is unreadable.
  virtual StoreTask<std::map<std::string, base::Result<bool>>> read_unclean_allowed(
      std::set<std::string> topics) = 0;

  virtual StoreTask<std::set<std::string>> read_deletion_markers() = 0;
  virtual StoreTask<void> remove_deletion_markers(std::vector<std::string> topics) = 0;

  virtual StoreTask<Notifications> read_isr_changes() = 0;
  virtual StoreTask<void> remove_isr_changes(std::vector<std::string> children) = 0;
  virtual StoreTask<Notifications> read_log_dir_events() = 0;
  virtual StoreTask<void> remove_log_dir_events(std::vector<std::string> children) = 0;

  // nullopt: no election is asked for. Content that makes no sense counts as an empty request.
  virtual StoreTask<std::optional<std::vector<TopicPartition>>> read_preferred_election() = 0;
  virtual StoreTask<void> remove_preferred_election() = 0;

  // nullopt: no reassignment is asked for, or its content makes no sense (a warning says so).
  virtual StoreTask<std::optional<cluster::Reassignments>> read_reassignments() = 0;
  // An empty map removes the znode.
  virtual StoreTask<void> write_reassignments(cluster::Reassignments reassignments) = 0;

  // Nullopt: no znode. Errc::corrupt as the call's error.
  virtual StoreTask<std::optional<cluster::FeatureNode>> read_features() = 0;
  // Creates or overwrites; answers the new dataVersion.
  virtual StoreTask<base::ZkVersion> write_features(cluster::FeatureNode features) = 0;

  virtual StoreTask<VersionedBlock> read_producer_id_block() = 0;
  // False: another version is there.
  virtual StoreTask<bool> write_producer_id_block(cluster::ProducerIdBlock block,
                                                  base::ZkVersion expected) = 0;
};

}  // namespace controller
