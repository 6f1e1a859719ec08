// Purpose: what the active controller knows about the cluster: plain data, no I/O.
//
// Filled at failover, changed by one event at a time (the controller's queue), cleared at
// resignation. Source: ControllerContext.scala (3.9); where Kafka keeps one map per fact, a
// partition's facts stand together here, so that they come and go together.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/types.h"
#include "broker/cluster/znodes/broker_info.h"
#include "broker/cluster/znodes/partition_state.h"
#include "broker/cluster/znodes/topic_assignment.h"

namespace controller {

using base::TopicPartition;
using BrokerIds = std::vector<std::int32_t>;

inline constexpr std::int32_t kNoLeader = -1;
inline constexpr std::int32_t kLeaderDuringDelete = -2;  // UpdateMetadata
inline constexpr std::int32_t kNoEpoch = -1;
inline constexpr std::int32_t kEpochDuringDelete = -2;  // StopReplica v3+

enum class PartitionPhase : std::uint8_t { non_existent, created, online, offline };
enum class ReplicaPhase : std::uint8_t {
  non_existent,
  created,
  online,
  offline,
  deletion_started,
  deletion_successful,
  deletion_ineligible,
};
std::string_view to_string(PartitionPhase phase);
std::string_view to_string(ReplicaPhase phase);

// Which phase may follow which; others are logged and skipped.
bool is_valid_transition(PartitionPhase from, PartitionPhase to);
bool is_valid_transition(ReplicaPhase from, ReplicaPhase to);

// The state znode of a partition as last read or written.
struct Leadership {
  cluster::PartitionState state;
  std::int32_t partition_epoch = 0;  // the znode's dataVersion
  friend bool operator==(const Leadership&, const Leadership&) = default;
};

// A partition on a broker.
struct Replica {
  TopicPartition partition;
  std::int32_t broker = -1;
  friend auto operator<=>(const Replica&, const Replica&) = default;
};

struct PartitionEntry {
  cluster::ReplicaAssignment assignment;
  std::optional<Leadership> leadership;  // nullopt: no state znode yet
  PartitionPhase phase = PartitionPhase::non_existent;
  std::map<std::int32_t, ReplicaPhase> replicas;  // by broker; absent: non_existent
  bool being_reassigned = false;
  // Its state znode makes no sense: nothing is done with the partition until that changes.
  bool has_unreadable_state = false;

  ReplicaPhase replica_phase(std::int32_t broker) const {
    const auto found = replicas.find(broker);
    return found == replicas.end() ? ReplicaPhase::non_existent : found->second;
  }
};

struct TopicEntry {
  std::optional<base::TopicId> id;
  std::map<std::int32_t, PartitionEntry> partitions;
  bool queued_for_deletion = false;
  bool deletion_started = false;  // its partitions have gone to non_existent
  bool ineligible_for_deletion = false;
  bool removal_refused = false;  // no replica is left, but its znodes may not be removed
};

struct LiveBroker {
  cluster::BrokerInfo info;
  std::int64_t epoch = -1;  // czxid of the registration
};

// The partitions of each topic, in short.
struct TopicExtent {
  std::size_t count = 0;
  std::int32_t last = -1;  // the largest number
};
using TopicExtents = std::map<std::string, TopicExtent, std::less<>>;

class ControllerContext {
 public:
  std::int32_t epoch = 0;               // of this controller
  base::ZkVersion epoch_zk_version{0};  // of /controller_epoch, checked by every write

  void clear() { *this = ControllerContext(); }

  // --- brokers; a broker that shuts down still gets requests but leads nothing new
  const std::map<std::int32_t, LiveBroker>& live_or_shutting_down() const { return brokers_; }
  BrokerIds live_or_shutting_down_ids() const;
  bool is_live_or_shutting_down(std::int32_t id) const { return brokers_.contains(id); }
  bool is_live(std::int32_t id) const {
    return brokers_.contains(id) && !shutting_down_.contains(id);
  }
  const LiveBroker* find_broker(std::int32_t id) const;
  void put_broker(LiveBroker broker) { brokers_[broker.info.id] = std::move(broker); }
  void remove_broker(std::int32_t id) { brokers_.erase(id); }
  void mark_shutting_down(std::int32_t id) { shutting_down_.insert(id); }
  // True if it was marked.
  bool clear_shutting_down(std::int32_t id) { return shutting_down_.erase(id) > 0; }
  bool is_shutting_down(std::int32_t id) const { return shutting_down_.contains(id); }

  // Replicas that their broker reported as standing in a failed log directory.
  std::set<TopicPartition>& offline_dir_replicas(std::int32_t broker) {
    return offline_dir_replicas_[broker];
  }
  void forget_offline_dirs(std::int32_t broker) { offline_dir_replicas_.erase(broker); }
  bool is_replica_online(std::int32_t broker, const TopicPartition& partition,
                         bool include_shutting_down = false) const;

  // --- topics
  const std::map<std::string, TopicEntry, std::less<>>& topics() const { return topics_; }
  TopicEntry* find_topic(std::string_view name);
  const TopicEntry* find_topic(std::string_view name) const;
  TopicEntry& put_topic(const std::string& name) { return topics_[name]; }
  void remove_topic(const std::string& name);
  void set_topic_id(const std::string& name, base::TopicId id);
  // nullptr if no topic has the id.
  const std::string* topic_name(const base::TopicId& id) const;
  base::TopicId topic_id_or_zero(std::string_view name) const;
  bool is_queued_for_deletion(std::string_view topic) const;
  // Left out because their znode makes no sense; its watch tells when it changes.
  std::set<std::string, std::less<>>& unreadable_topics() { return unreadable_topics_; }
  bool is_unreadable(std::string_view topic) const { return unreadable_topics_.contains(topic); }

  // --- partitions
  PartitionEntry* find(const TopicPartition& partition);
  const PartitionEntry* find(const TopicPartition& partition) const;
  // Empty if the partition is not known.
  const cluster::ReplicaList& replicas_of(const TopicPartition& partition) const;
  const Leadership* leadership_of(const TopicPartition& partition) const;
  // Whether any partition of the topic has a state znode.
  bool has_any_state(std::string_view topic) const;
  // For StopReplica: -2 while the topic is being deleted, -1 without a leader record.
  std::int32_t leader_epoch_for_stop(const TopicPartition& partition) const;

  // `select(topic name, TopicEntry, partition number, PartitionEntry)`, in order of name and
  // number.
  template <class Select>
  std::vector<TopicPartition> partitions_where(Select select) const {
    std::vector<TopicPartition> selected;
    for (const auto& [name, topic] : topics_) {
      for (const auto& [number, partition] : topic.partitions) {
        if (select(name, topic, number, partition)) selected.push_back({name, number});
      }
    }
    return selected;
  }
  std::vector<TopicPartition> all_partitions() const;
  TopicExtents topic_extents() const;
  std::vector<TopicPartition> partitions_of(std::string_view topic) const;
  // Have a leader record and are not being deleted.
  std::vector<TopicPartition> partitions_with_leaders() const;
  std::vector<TopicPartition> partitions_with_offline_leader() const;
  // More than one replica, not being deleted.
  std::vector<TopicPartition> partitions_led_by(std::int32_t broker) const;
  std::vector<TopicPartition> partitions_on(std::int32_t broker) const;

  // --- replicas
  std::vector<Replica> replicas_on(const std::set<std::int32_t>& brokers) const;
  std::vector<Replica> replicas_of_topic(std::string_view topic) const;
  std::vector<Replica> replicas_of_partitions(const std::vector<TopicPartition>& partitions) const;
  std::vector<Replica> replicas_in_phase(std::string_view topic, ReplicaPhase phase) const;
  bool any_replica_in_phase(std::string_view topic, ReplicaPhase phase) const;
  // Vacuously true for a topic without partitions.
  bool all_replicas_in_phase(std::string_view topic, ReplicaPhase phase) const;
  ReplicaPhase phase_of(const Replica& replica) const;
  void set_phase(const Replica& replica, ReplicaPhase phase);

 private:
  std::map<std::int32_t, LiveBroker> brokers_;
  std::set<std::int32_t> shutting_down_;
  std::map<std::int32_t, std::set<TopicPartition>> offline_dir_replicas_;
  std::map<std::string, TopicEntry, std::less<>> topics_;
  std::unordered_map<base::TopicId, std::string> names_by_id_;
  std::set<std::string, std::less<>> unreadable_topics_;
};

bool contains(const std::vector<std::int32_t>& ids, std::int32_t id);
std::vector<std::int32_t> without(std::vector<std::int32_t> ids, std::int32_t id);
// "1,2,3", for log lines.
std::string to_string(const std::vector<std::int32_t>& ids);

}  // namespace controller
