#include "broker/replication/fetch_session.h"

namespace replication {
namespace {

std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccd;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53;
  return value ^ (value >> 33);
}

}  // namespace

void PendingEntries::insert(FetchEntry& entry, FetchEntry* before) {
  if (entry.is_pending_) return;
  entry.is_pending_ = true;
  entry.next_pending_ = before;
  entry.previous_pending_ = before != nullptr ? before->previous_pending_ : last_;
  (entry.previous_pending_ != nullptr ? entry.previous_pending_->next_pending_ : first_) = &entry;
  (before != nullptr ? before->previous_pending_ : last_) = &entry;
  ++size_;
}

void PendingEntries::remove(FetchEntry& entry) {
  if (!entry.is_pending_) return;
  entry.is_pending_ = false;
  (entry.previous_pending_ != nullptr ? entry.previous_pending_->next_pending_ : first_) =
      entry.next_pending_;
  (entry.next_pending_ != nullptr ? entry.next_pending_->previous_pending_ : last_) =
      entry.previous_pending_;
  entry.next_pending_ = entry.previous_pending_ = nullptr;
  --size_;
}

std::size_t FetchSession::KeyHash::operator()(const Key& key) const noexcept {
  std::string_view name = key.topic;
  if (by_id) name = {reinterpret_cast<const char*>(key.topic_id.bytes.data()), 16};
  return mix(std::hash<std::string_view>()(name) +
             mix(salt + static_cast<std::uint32_t>(key.partition_index)));
}

std::size_t FetchSession::KeyHash::operator()(
    const std::unique_ptr<FetchEntry>& entry) const noexcept {
  return (*this)(key_of(*entry));
}

bool FetchSession::KeyEqual::operator()(const Key& a, const Key& b) const noexcept {
  if (a.partition_index != b.partition_index) return false;
  return by_id ? a.topic_id == b.topic_id : a.topic == b.topic;
}

bool FetchSession::KeyEqual::operator()(const Key& a,
                                        const std::unique_ptr<FetchEntry>& b) const noexcept {
  return (*this)(a, key_of(*b));
}

bool FetchSession::KeyEqual::operator()(const std::unique_ptr<FetchEntry>& a,
                                        const Key& b) const noexcept {
  return (*this)(key_of(*a), b);
}

bool FetchSession::KeyEqual::operator()(const std::unique_ptr<FetchEntry>& a,
                                        const std::unique_ptr<FetchEntry>& b) const noexcept {
  return (*this)(key_of(*a), key_of(*b));
}

FetchSession::FetchSession(std::int32_t id, bool is_follower, bool uses_topic_ids,
                           std::int64_t now_ms)
    : id_(id),
      is_follower_(is_follower),
      uses_topic_ids_(uses_topic_ids),
      created_ms_(now_ms),
      follower_clock_(is_follower ? std::make_shared<FollowerClock>() : nullptr),
      entries_(0, KeyHash{uses_topic_ids, reinterpret_cast<std::uintptr_t>(this)},
               KeyEqual{uses_topic_ids}) {}

FetchSession::~FetchSession() {
  for (const auto& entry : entries_) bind(*entry, nullptr);
}

FetchEntry& FetchSession::upsert(std::string_view topic, const base::TopicId& topic_id,
                                 std::int32_t partition_index, const FetchPosition& position) {
  const auto place = entries_.find(Key{topic, topic_id, partition_index});
  if (place != entries_.end()) {
    (*place)->position = position;
    return **place;
  }
  auto entry = std::make_unique<FetchEntry>();
  entry->list = &ready_;
  entry->is_follower = is_follower_;
  entry->topic = topic;
  entry->topic_id = topic_id;
  entry->partition_index = partition_index;
  entry->position = position;
  return **entries_.insert(std::move(entry)).first;
}

FetchEntry* FetchSession::find(std::string_view topic, const base::TopicId& topic_id,
                               std::int32_t partition_index) const {
  const auto place = entries_.find(Key{topic, topic_id, partition_index});
  return place == entries_.end() ? nullptr : place->get();
}

void FetchSession::forget(std::string_view topic, const base::TopicId& topic_id,
                          std::int32_t partition_index) {
  const auto place = entries_.find(Key{topic, topic_id, partition_index});
  if (place == entries_.end()) return;
  FetchEntry& entry = **place;
  bind(entry, nullptr);
  // Nobody pushes it any more. Where it is queued, the others move on with it: each only once.
  if (entry.is_queued.load(std::memory_order_acquire)) collect_ready();
  pending_.remove(entry);
  entries_.erase(place);
}

void FetchSession::bind(FetchEntry& entry, std::shared_ptr<Partition> partition) {
  if (entry.partition == partition) return;
  if (entry.partition != nullptr) {
    entry.partition->unlink(entry);
    if (is_follower_) entry.partition->on_follower_left(*follower_clock_);
  }
  entry.read_ahead = nullptr;
  entry.partition = std::move(partition);
  if (entry.partition != nullptr) entry.partition->link(entry);
}

void FetchSession::collect_ready() {
  ready_.drain([this](FetchLink& link) { pending_.push_back(static_cast<FetchEntry&>(link)); });
}

void FetchSession::requeue(const std::vector<FetchEntry*>& visited) {
  // What was cut off keeps its place before all that was not reached.
  for (auto entry = visited.rbegin(); entry != visited.rend(); ++entry) {
    if (!(*entry)->has_news() && (*entry)->has_something()) pending_.push_front(**entry);
  }
  for (FetchEntry* entry : visited) {
    if (entry->has_news()) {
      pending_.remove(*entry);
      pending_.push_back(*entry);
    }
    entry->in_visit = false;
    entry->charged_bytes = 0;
    entry->credited_bytes = 0;
    entry->outcome = ReadOutcome{};  // its slices hold files open
  }
}

}  // namespace replication
