#include "broker/cluster/metadata_cache.h"

#include <algorithm>
#include <utility>

#include "protocol/gen/update_metadata.h"

namespace cluster {
namespace {

using protocol::UpdateMetadataRequest;
using PartitionPointer = std::shared_ptr<const PartitionMetadata>;
using PartitionState = UpdateMetadataRequest::UpdateMetadataPartitionState;
using TopicState = UpdateMetadataRequest::UpdateMetadataTopicState;
using BrokerState = UpdateMetadataRequest::UpdateMetadataBroker;

auto lower_bound(const std::vector<PartitionPointer>& partitions, std::int32_t partition) {
  return std::lower_bound(
      partitions.begin(), partitions.end(), partition,
      [](const PartitionPointer& p, std::int32_t number) { return p->partition < number; });
}

BrokerNode make_broker(const BrokerState& state) {
  BrokerNode broker;
  broker.id = state.id;
  if (state.rack && !state.rack->empty()) broker.rack = state.rack;
  if (state.endpoints.empty() && !state.v0_host.empty()) {
    broker.endpoints.push_back(
        {"PLAINTEXT", config::SecurityProtocol::plaintext, state.v0_host, state.v0_port});
  }
  for (const auto& endpoint : state.endpoints) {
    const auto protocol = static_cast<config::SecurityProtocol>(endpoint.security_protocol);
    config::Listener listener{endpoint.listener, protocol, endpoint.host, endpoint.port};
    // Below version 3 an endpoint has no name but its protocol's.
    if (listener.name.empty()) listener.name = config::to_string(protocol);
    broker.endpoints.push_back(std::move(listener));
  }
  return broker;
}

PartitionPointer make_partition(const PartitionState& state) {
  auto partition = std::make_shared<PartitionMetadata>();
  partition->partition = state.partition_index;
  partition->leader = state.leader;
  partition->leader_epoch = state.leader_epoch;
  partition->isr = state.isr;
  partition->replicas = state.replicas;
  partition->offline_replicas = state.offline_replicas;
  partition->partition_epoch = state.zk_version;
  partition->controller_epoch = state.controller_epoch;
  return partition;
}

// The topics that one request touches, each copied when first touched.
class TopicChanges {
 public:
  explicit TopicChanges(const TopicIndex& index) : index_(index) {}

  TopicMetadata& topic(const std::string& name) {
    auto& change = changed_[name];
    if (change == nullptr) {
      const TopicIndex::TopicPointer* known = index_.find(name);
      change = known != nullptr ? std::make_shared<TopicMetadata>(**known)
                                : std::make_shared<TopicMetadata>();
      change->name = name;
    }
    return *change;
  }

  void apply(const std::string& name, const PartitionState& state,
             std::vector<base::TopicPartition>& removed) {
    auto& partitions = topic(name).partitions;
    const auto it = lower_bound(partitions, state.partition_index);
    const bool known = it != partitions.end() && (*it)->partition == state.partition_index;
    if (state.leader == kLeaderDuringDelete) {
      if (known) partitions.erase(it);
      removed.push_back({name, state.partition_index});
      return;
    }
    const auto at = it - partitions.begin();
    if (!known) partitions.insert(it, nullptr);
    partitions[static_cast<std::size_t>(at)] = make_partition(state);
  }

  void write(TopicIndex& index);

 private:
  const TopicIndex& index_;
  std::map<std::string, std::shared_ptr<TopicMetadata>> changed_;
};

std::shared_ptr<const MetadataSnapshot> next_snapshot(const MetadataSnapshot& base,
                                                      const UpdateMetadataRequest& request,
                                                      std::vector<base::TopicPartition>& removed) {
  auto next = std::make_shared<MetadataSnapshot>(base);
  next->version = base.version + 1;
  next->controller_id.reset();
  if (request.controller_id >= 0) next->controller_id = request.controller_id;
  next->controller_epoch = request.controller_epoch;

  auto brokers = std::make_shared<BrokerMap>();
  for (const BrokerState& state : request.live_brokers)
    brokers->emplace(state.id, make_broker(state));
  next->brokers = std::move(brokers);

  TopicChanges changes(base.topics);
  for (const TopicState& topic : request.topic_states) {
    changes.topic(topic.topic_name).id = topic.topic_id;
    for (const PartitionState& state : topic.partition_states) {
      changes.apply(topic.topic_name, state, removed);
    }
  }
  for (const PartitionState& state : request.ungrouped_partition_states) {
    changes.apply(state.topic_name, state, removed);
  }
  changes.write(next->topics);
  return next;
}

}  // namespace

// --- TopicMetadata and BrokerNode -------------------------------------------------------------

const PartitionMetadata* TopicMetadata::find(std::int32_t partition) const {
  if (partition < 0) return nullptr;
  const auto index = static_cast<std::size_t>(partition);
  if (index < partitions.size() && partitions[index]->partition == partition) {
    return partitions[index].get();
  }
  const auto it = lower_bound(partitions, partition);
  return it != partitions.end() && (*it)->partition == partition ? it->get() : nullptr;
}

const config::Listener* BrokerNode::find_endpoint(std::string_view listener) const {
  for (const config::Listener& endpoint : endpoints) {
    if (endpoint.name == listener) return &endpoint;
  }
  return nullptr;
}

// --- TopicIndex -------------------------------------------------------------------------------

class TopicIndex::Editor {
 public:
  explicit Editor(TopicIndex& index) : index_(index) {}

  void put(TopicPointer topic) {
    erase(topic->name);
    if (!topic->id.is_zero()) {
      editable(index_.by_id_, id_copied_, shard_of(topic->id)).insert_or_assign(topic->id, topic);
    }
    const std::string& name = topic->name;
    editable(index_.by_name_, name_copied_, shard_of(name)).emplace(name, topic);
    ++index_.size_;
  }

  void erase(const std::string& name) {
    const TopicPointer* found = index_.find(name);
    if (found == nullptr) return;
    const TopicPointer topic = *found;
    if (!topic->id.is_zero()) {
      editable(index_.by_id_, id_copied_, shard_of(topic->id)).erase(topic->id);
    }
    editable(index_.by_name_, name_copied_, shard_of(name)).erase(name);
    --index_.size_;
  }

 private:
  template <class Shard>
  static Shard& editable(Shards<Shard>& shards, std::array<Shard*, kShards>& copied,
                         std::size_t number) {
    if (copied[number] == nullptr) {
      auto copy = std::make_shared<Shard>(*shards[number]);
      copied[number] = copy.get();
      shards[number] = std::move(copy);
    }
    return *copied[number];
  }

  TopicIndex& index_;
  std::array<NameShard*, kShards> name_copied_{};
  std::array<IdShard*, kShards> id_copied_{};
};

TopicIndex::TopicIndex() {
  by_name_.fill(std::make_shared<const NameShard>());
  by_id_.fill(std::make_shared<const IdShard>());
}

std::size_t TopicIndex::shard_of(std::string_view name) { return TextHash()(name) % kShards; }
std::size_t TopicIndex::shard_of(const base::TopicId& id) { return id.bytes.back() % kShards; }

const TopicIndex::TopicPointer* TopicIndex::find(std::string_view name) const {
  const NameShard& shard = *by_name_[shard_of(name)];
  const auto it = shard.find(name);
  return it == shard.end() ? nullptr : &it->second;
}

const TopicIndex::TopicPointer* TopicIndex::find(const base::TopicId& id) const {
  const IdShard& shard = *by_id_[shard_of(id)];
  const auto it = shard.find(id);
  return it == shard.end() ? nullptr : &it->second;
}

namespace {

void TopicChanges::write(TopicIndex& index) {
  TopicIndex::Editor editor(index);
  for (auto& [name, topic] : changed_) {
    // A topic without partitions is gone.
    if (topic->partitions.empty()) {
      editor.erase(name);
    } else {
      editor.put(std::move(topic));
    }
  }
}

}  // namespace

// --- MetadataSnapshot -------------------------------------------------------------------------

const BrokerNode* MetadataSnapshot::find_broker(std::int32_t id) const {
  const auto it = brokers->find(id);
  return it == brokers->end() ? nullptr : &it->second;
}

const TopicMetadata* MetadataSnapshot::find_topic(std::string_view name) const {
  const TopicIndex::TopicPointer* topic = topics.find(name);
  return topic == nullptr ? nullptr : topic->get();
}

const TopicMetadata* MetadataSnapshot::find_topic(const base::TopicId& id) const {
  const TopicIndex::TopicPointer* topic = topics.find(id);
  return topic == nullptr ? nullptr : topic->get();
}

const PartitionMetadata* MetadataSnapshot::find(std::string_view topic,
                                                std::int32_t partition) const {
  const TopicMetadata* metadata = find_topic(topic);
  return metadata == nullptr ? nullptr : metadata->find(partition);
}

// --- MetadataCache ----------------------------------------------------------------------------

MetadataCache::MetadataCache() {
  auto empty = std::make_shared<MetadataSnapshot>();
  empty->brokers = std::make_shared<const BrokerMap>();
  current_ = std::move(empty);
}

std::shared_ptr<const MetadataSnapshot> MetadataCache::snapshot() const {
  base::LockGuard guard(mutex_);
  return current_;
}

std::vector<base::TopicPartition> MetadataCache::apply(const UpdateMetadataRequest& request) {
  // Computed without the lock, so that readers never wait for it. Two controllers' updates at the
  // same time are rare; the one that comes second computes again.
  for (;;) {
    std::vector<base::TopicPartition> removed;
    const auto base = snapshot();
    if (publish(base.get(), next_snapshot(*base, request, removed))) return removed;
  }
}

bool MetadataCache::publish(const MetadataSnapshot* expected,
                            std::shared_ptr<const MetadataSnapshot> next) {
  std::map<std::uint64_t, runtime::Sender<bool>> waiters;
  {
    base::LockGuard guard(mutex_);
    if (current_.get() != expected) return false;
    version_.store(next->version, std::memory_order_release);
    current_.swap(next);
    waiters.swap(waiters_);
  }
  for (auto& [id, sender] : waiters) sender.complete(true);
  return true;  // `next`, now the former snapshot, is freed here, outside the lock
}

runtime::Task<base::Result<void>> MetadataCache::changed(std::uint64_t since,
                                                         std::int64_t timeout_ms,
                                                         runtime::CancelToken token) {
  auto [sender, receiver] = runtime::one_shot<bool>(*runtime::Loop::current());
  const auto waiter = add_waiter(since, std::move(sender));
  if (!waiter) co_return base::Result<void>();
  auto woken = co_await receiver.wait(timeout_ms, token);
  if (woken) co_return base::Result<void>();
  drop_waiter(*waiter);
  co_return base::fail(std::move(woken).error());
}

std::optional<std::uint64_t> MetadataCache::add_waiter(std::uint64_t since,
                                                       runtime::Sender<bool> sender) {
  base::LockGuard guard(mutex_);
  if (current_->version != since) return std::nullopt;
  waiters_.emplace(next_waiter_, std::move(sender));
  return next_waiter_++;
}

void MetadataCache::drop_waiter(std::uint64_t waiter) {
  base::LockGuard guard(mutex_);
  waiters_.erase(waiter);
}

}  // namespace cluster
