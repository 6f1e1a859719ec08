#include "broker/cluster/metadata_cache.h"

#include <algorithm>
#include <tuple>
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

// What one request says of each topic it touches; written at the end, so that a topic's list is
// made anew once, whatever the order and number of its changes.
class TopicChanges {
 public:
  explicit TopicChanges(const TopicIndex& index) : index_(index) {}

  void set_id(const std::string& name, const base::TopicId& id) { topic(name).id = id; }
  void apply(const std::string& name, const PartitionState& state,
             std::vector<base::TopicPartition>& removed) {
    const bool is_deletion = state.leader == kLeaderDuringDelete;
    if (is_deletion) removed.push_back({name, state.partition_index});
    auto& changes = topic(name).partitions;
    changes.push_back(
        {state.partition_index, changes.size(), is_deletion ? nullptr : make_partition(state)});
  }

  void write(TopicIndex& index);

 private:
  struct PartitionChange {
    std::int32_t number = 0;
    std::size_t order = 0;
    PartitionPointer partition;  // null: gone
  };
  struct Topic {
    std::optional<base::TopicId> id;
    std::vector<PartitionChange> partitions;
  };

  Topic& topic(const std::string& name) {
    // The changes of one topic come together.
    if (last_ == nullptr || last_->first != name) last_ = &*changed_.try_emplace(name).first;
    return last_->second;
  }
  static std::vector<PartitionPointer> merged(const std::vector<PartitionPointer>& known,
                                              std::vector<PartitionChange> changes);

  const TopicIndex& index_;
  std::map<std::string, Topic> changed_;
  std::pair<const std::string, Topic>* last_ = nullptr;
};

std::vector<PartitionPointer> TopicChanges::merged(const std::vector<PartitionPointer>& known,
                                                   std::vector<PartitionChange> changes) {
  std::ranges::sort(changes, [](const PartitionChange& a, const PartitionChange& b) {
    return std::tie(a.number, a.order) < std::tie(b.number, b.order);
  });
  std::vector<PartitionPointer> partitions;
  partitions.reserve(known.size() + changes.size());
  auto old = known.begin();
  for (auto change = changes.begin(); change != changes.end(); ++change) {
    // Of several changes of one partition the last one counts.
    const auto next = std::next(change);
    if (next != changes.end() && next->number == change->number) continue;
    while (old != known.end() && (*old)->partition < change->number) partitions.push_back(*old++);
    if (old != known.end() && (*old)->partition == change->number) ++old;
    if (change->partition != nullptr) partitions.push_back(std::move(change->partition));
  }
  partitions.insert(partitions.end(), old, known.end());
  return partitions;
}

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
    changes.set_id(topic.topic_name, topic.topic_id);
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

template <class Leaf>
class TopicIndex::TreeEditor {
 public:
  explicit TreeEditor(Tree<Leaf>& tree) : tree_(tree) {}

  Leaf& leaf(Place place) {
    Branch<Leaf>*& branch = branches_[place.branch];
    if (branch == nullptr) branch = copy(tree_[place.branch]);
    Leaf*& leaf = leaves_[place.branch * kFanOut + place.leaf];
    if (leaf == nullptr) leaf = copy((*branch)[place.leaf]);
    return *leaf;
  }

 private:
  template <class Node>
  static Node* copy(std::shared_ptr<const Node>& shared) {
    auto own = std::make_shared<Node>(*shared);
    Node* const plain = own.get();
    shared = std::move(own);
    return plain;
  }

  Tree<Leaf>& tree_;
  std::array<Branch<Leaf>*, kFanOut> branches_{};
  std::unordered_map<std::size_t, Leaf*> leaves_;
};

class TopicIndex::Editor {
 public:
  explicit Editor(TopicIndex& index)
      : index_(index), by_name_(index.by_name_), by_id_(index.by_id_) {}

  void put(TopicPointer topic) {
    erase(topic->name);
    if (!topic->id.is_zero()) by_id_.leaf(place_of(topic->id)).insert_or_assign(topic->id, topic);
    const std::string& name = topic->name;
    by_name_.leaf(place_of(name)).emplace(name, topic);
    ++index_.size_;
  }

  void erase(const std::string& name) {
    const TopicPointer* found = index_.find(name);
    if (found == nullptr) return;
    const TopicPointer topic = *found;
    if (!topic->id.is_zero()) by_id_.leaf(place_of(topic->id)).erase(topic->id);
    by_name_.leaf(place_of(name)).erase(name);
    --index_.size_;
  }

 private:
  TopicIndex& index_;
  TreeEditor<NameLeaf> by_name_;
  TreeEditor<IdLeaf> by_id_;
};

TopicIndex::TopicIndex() {
  const auto fill = []<class Leaf>(Tree<Leaf>& tree) {
    auto branch = std::make_shared<Branch<Leaf>>();
    branch->fill(std::make_shared<const Leaf>());
    tree.fill(std::move(branch));
  };
  fill(by_name_);
  fill(by_id_);
}

TopicIndex::Place TopicIndex::place_of(std::string_view name) {
  const std::size_t hash = TextHash()(name);
  return {hash % kFanOut, hash / kFanOut % kFanOut};
}
TopicIndex::Place TopicIndex::place_of(const base::TopicId& id) {
  return {id.bytes.back() % kFanOut, id.bytes[id.bytes.size() - 2] % kFanOut};
}

const TopicIndex::TopicPointer* TopicIndex::find(std::string_view name) const {
  const Place place = place_of(name);
  const NameLeaf& leaf = *(*by_name_[place.branch])[place.leaf];
  const auto it = leaf.find(name);
  return it == leaf.end() ? nullptr : &it->second;
}

const TopicIndex::TopicPointer* TopicIndex::find(const base::TopicId& id) const {
  const Place place = place_of(id);
  const IdLeaf& leaf = *(*by_id_[place.branch])[place.leaf];
  const auto it = leaf.find(id);
  return it == leaf.end() ? nullptr : &it->second;
}

namespace {

void TopicChanges::write(TopicIndex& index) {
  TopicIndex::Editor editor(index);
  const std::vector<PartitionPointer> none;
  for (auto& [name, change] : changed_) {
    const TopicIndex::TopicPointer* known = index_.find(name);
    auto topic = std::make_shared<TopicMetadata>();
    topic->name = name;
    topic->partitions =
        merged(known == nullptr ? none : (*known)->partitions, std::move(change.partitions));
    if (known != nullptr) topic->id = (*known)->id;
    if (change.id) topic->id = *change.id;
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
