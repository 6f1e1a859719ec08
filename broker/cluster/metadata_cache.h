// Purpose: the cluster as the controller last told it (UpdateMetadata): brokers, topics, leaders.
//
// MetadataSnapshot is immutable and shared; a request handler takes one and answers from it. An
// update copies only what it touches: topics stand in a tree of two levels with 4096 leaves, so one
// changed topic among 10,000 copies 128 pointers and a few topics; a touched topic copies its list
// of partition pointers once.
// Source: ZkMetadataCache.scala (3.9).
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/text_hash.h"
#include "config/listeners.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace protocol {
struct UpdateMetadataRequest;
}

namespace cluster {

// Leader values of UpdateMetadata that name no broker.
inline constexpr std::int32_t kNoLeader = -1;
inline constexpr std::int32_t kLeaderDuringDelete = -2;

struct PartitionMetadata {
  std::int32_t partition = 0;
  std::int32_t leader = kNoLeader;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> isr;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> offline_replicas;
  std::int32_t partition_epoch = 0;  // the state znode's version
  std::int32_t controller_epoch = -1;
};

struct TopicMetadata {
  std::string name;
  base::TopicId id;  // zero: none
  // Ascending by number, no null pointers. Numbers normally run from 0 without gaps.
  std::vector<std::shared_ptr<const PartitionMetadata>> partitions;

  const PartitionMetadata* find(std::int32_t partition) const;
};

struct BrokerNode {
  std::int32_t id = -1;
  std::vector<config::Listener> endpoints;
  std::optional<std::string> rack;

  const config::Listener* find_endpoint(std::string_view listener) const;
};
using BrokerMap = std::map<std::int32_t, BrokerNode>;

// Topics by name and by id. A value: copies share all shards.
class TopicIndex {
 public:
  using TopicPointer = std::shared_ptr<const TopicMetadata>;

  TopicIndex();
  const TopicPointer* find(std::string_view name) const;
  const TopicPointer* find(const base::TopicId& id) const;
  std::size_t size() const { return size_; }
  // `visit(const TopicMetadata&)`, in no particular order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& branch : by_name_) {
      for (const auto& leaf : *branch) {
        for (const auto& [name, topic] : *leaf) visit(*topic);
      }
    }
  }

  // A run of changes to one index; each branch and leaf is copied at most once.
  class Editor;

 private:
  static constexpr std::size_t kFanOut = 64;
  using NameLeaf = std::unordered_map<std::string, TopicPointer, TextHash, std::equal_to<>>;
  using IdLeaf = std::unordered_map<base::TopicId, TopicPointer>;
  template <class Leaf>
  using Branch = std::array<std::shared_ptr<const Leaf>, kFanOut>;
  template <class Leaf>
  using Tree = std::array<std::shared_ptr<const Branch<Leaf>>, kFanOut>;
  struct Place {
    std::size_t branch = 0;
    std::size_t leaf = 0;
  };
  template <class Leaf>
  class TreeEditor;

  static Place place_of(std::string_view name);
  static Place place_of(const base::TopicId& id);

  Tree<NameLeaf> by_name_;
  Tree<IdLeaf> by_id_;
  std::size_t size_ = 0;
};

struct MetadataSnapshot {
  std::uint64_t version = 0;  // grows by one with each update
  std::optional<std::int32_t> controller_id;
  std::int32_t controller_epoch = -1;
  std::shared_ptr<const BrokerMap> brokers;  // the live ones; never null
  TopicIndex topics;

  const BrokerNode* find_broker(std::int32_t id) const;
  // False until the controller has told this broker of the cluster's topics, for a moment after a
  // start or a change of controller: then a topic that is not here may well exist, and the answer
  // must be one that clients try again. Where no topic exists at all it stays false.
  bool knows_topics() const { return !brokers->empty() && topics.size() > 0; }
  bool is_alive(std::int32_t id) const { return find_broker(id) != nullptr; }
  // Null if unknown. Valid as long as the snapshot.
  const TopicMetadata* find_topic(std::string_view name) const;
  const TopicMetadata* find_topic(const base::TopicId& id) const;
  const PartitionMetadata* find(std::string_view topic, std::int32_t partition) const;
};

// Any thread.
class MetadataCache {
 public:
  MetadataCache();

  std::shared_ptr<const MetadataSnapshot> snapshot() const EXCLUDES(mutex_);
  // The version of the current snapshot, without touching it: for callers that keep one.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

  // Incremental for partitions, full for brokers and the controller. The caller has checked broker
  // epoch and controller epoch. Answers the partitions that this update removed.
  std::vector<base::TopicPartition> apply(const protocol::UpdateMetadataRequest& request)
      EXCLUDES(mutex_);

  // Waits on the calling loop until the version differs from `since`, which the caller took before
  // it looked. Errors: Errc::timed_out, Errc::cancelled.
  runtime::Task<base::Result<void>> changed(std::uint64_t since, std::int64_t timeout_ms,
                                            runtime::CancelToken token);

 private:
  bool publish(const MetadataSnapshot* expected, std::shared_ptr<const MetadataSnapshot> next)
      EXCLUDES(mutex_);

  // nullopt if the version has changed already.
  std::optional<std::uint64_t> add_waiter(std::uint64_t since, runtime::Sender<bool> sender)
      EXCLUDES(mutex_);
  void drop_waiter(std::uint64_t waiter) EXCLUDES(mutex_);

  mutable base::Mutex mutex_;
  std::shared_ptr<const MetadataSnapshot> current_ GUARDED_BY(mutex_);
  std::map<std::uint64_t, runtime::Sender<bool>> waiters_ GUARDED_BY(mutex_);
  std::uint64_t next_waiter_ GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace cluster
