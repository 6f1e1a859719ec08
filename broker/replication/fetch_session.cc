#include "broker/replication/fetch_session.h"

#include <limits>

namespace replication {

std::size_t FetchSession::KeyHash::operator()(const Key& key) const noexcept {
  const std::size_t name = key.topic.empty() ? std::hash<base::Uuid>()(key.topic_id)
                                             : std::hash<std::string>()(key.topic);
  return name * 31 + static_cast<std::size_t>(key.partition_index);
}

FetchSession::FetchSession(std::int32_t id, bool is_follower, bool uses_topic_ids,
                           std::int64_t now_ms)
    : last_used_ms(now_ms),
      id_(id),
      is_follower_(is_follower),
      uses_topic_ids_(uses_topic_ids),
      created_ms_(now_ms) {}

FetchSession::~FetchSession() {
  for (const auto& entry : entries_) {
    if (entry->partition != nullptr) entry->partition->unlink(*entry);
  }
}

FetchSession::Key FetchSession::key_of(const std::string& topic, const base::TopicId& topic_id,
                                       std::int32_t partition_index) const {
  // An id may get its name only later: it alone identifies a partition from Fetch 13 on.
  if (uses_topic_ids_) return {{}, topic_id, partition_index};
  return {topic, {}, partition_index};
}

FetchEntry& FetchSession::upsert(const std::string& topic, const base::TopicId& topic_id,
                                 std::int32_t partition_index, const FetchPosition& position) {
  const auto [place, is_new] =
      index_.try_emplace(key_of(topic, topic_id, partition_index), entries_.size());
  if (is_new) {
    auto entry = std::make_unique<FetchEntry>();
    entry->list = &ready_;
    entry->is_follower = is_follower_;
    entry->topic_id = topic_id;
    entry->partition_index = partition_index;
    entries_.push_back(std::move(entry));
  }
  FetchEntry& entry = *entries_[place->second];
  if (!topic.empty()) entry.topic = topic;
  entry.position = position;
  return entry;
}

void FetchSession::forget(const std::string& topic, const base::TopicId& topic_id,
                          std::int32_t partition_index) {
  const auto place = index_.find(key_of(topic, topic_id, partition_index));
  if (place == index_.end()) return;
  const std::size_t position = place->second;
  index_.erase(place);
  bind(*entries_[position], nullptr);
  drop_from_ready(*entries_[position]);
  // The last entry takes the free place.
  if (position + 1 != entries_.size()) {
    entries_[position] = std::move(entries_.back());
    const FetchEntry& moved = *entries_[position];
    index_[key_of(moved.topic, moved.topic_id, moved.partition_index)] = position;
  }
  entries_.pop_back();
}

void FetchSession::bind(FetchEntry& entry, std::shared_ptr<Partition> partition) {
  if (entry.partition == partition) return;
  if (entry.partition != nullptr) entry.partition->unlink(entry);
  entry.partition = std::move(partition);
  if (entry.partition != nullptr) entry.partition->link(entry);
}

void FetchSession::drop_from_ready(FetchEntry& entry) {
  // Nobody pushes it any more (it is unlinked), but it may be queued: take all, put back others.
  if (!entry.is_queued.load(std::memory_order_acquire)) return;
  std::vector<FetchLink*> others;
  ready_.drain([&](FetchLink& link) {
    if (&link != &entry) others.push_back(&link);
  });
  for (FetchLink* link : others) ready_.push(*link);
}

std::shared_ptr<FetchSession> FetchSessionTable::create(bool is_follower, bool uses_topic_ids,
                                                        std::size_t partition_count,
                                                        std::int64_t now_ms,
                                                        runtime::Random& random) {
  base::LockGuard guard(mutex_);
  std::int32_t id = 0;
  if (make_room(is_follower, partition_count, now_ms)) {
    do {
      id = static_cast<std::int32_t>(random.next() & std::numeric_limits<std::int32_t>::max());
    } while (id == 0 || sessions_.contains(id));
  }
  auto session = std::make_shared<FetchSession>(id, is_follower, uses_topic_ids, now_ms);
  (void)session->try_hold();
  session->cached_size = partition_count;
  if (id != 0) sessions_.emplace(id, session);
  return session;
}

bool FetchSessionTable::make_room(bool is_follower, std::size_t partition_count,
                                  std::int64_t now_ms) {
  if (sessions_.size() < slots_) return true;
  if (slots_ == 0) return false;
  // The longest unused, if it has been so for long enough.
  auto victim = sessions_.end();
  for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
    if (victim == sessions_.end() || it->second->last_used_ms < victim->second->last_used_ms) {
      victim = it;
    }
  }
  if (now_ms - victim->second->last_used_ms <= kEvictionMs) {
    // Else the smallest, a consumer's before a follower's. A follower may evict any consumer; else
    // the victim must be old and smaller than the new one.
    victim = sessions_.end();
    for (auto it = sessions_.begin(); it != sessions_.end(); ++it) {
      const FetchSession& candidate = *it->second;
      const bool may_go = is_follower && !candidate.is_follower()
                              ? true
                              : candidate.is_follower() <= is_follower &&
                                    now_ms - candidate.created_ms() > kEvictionMs &&
                                    candidate.cached_size < partition_count;
      if (!may_go) continue;
      if (victim == sessions_.end() ||
          std::pair(candidate.is_follower(), candidate.cached_size) <
              std::pair(victim->second->is_follower(), victim->second->cached_size)) {
        victim = it;
      }
    }
    if (victim == sessions_.end()) return false;
  }
  sessions_.erase(victim);
  return true;
}

FetchSessionTable::Lookup FetchSessionTable::find(std::int32_t id, std::int32_t epoch,
                                                  std::int64_t now_ms) {
  base::LockGuard guard(mutex_);
  const auto place = sessions_.find(id);
  if (place == sessions_.end()) return {nullptr, LookupError::not_found};
  FetchSession& session = *place->second;
  // A second request that uses the session now would see positions change under it.
  if (session.next_epoch != epoch || !session.try_hold()) {
    return {nullptr, LookupError::invalid_epoch};
  }
  session.next_epoch = epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
  session.last_used_ms = now_ms;
  return {place->second, LookupError::none};
}

void FetchSessionTable::remove(std::int32_t id) {
  std::shared_ptr<FetchSession> removed;  // its destructor takes partitions' locks: not under ours
  base::LockGuard guard(mutex_);
  const auto place = sessions_.find(id);
  if (place == sessions_.end()) return;
  removed = std::move(place->second);
  sessions_.erase(place);
}

void FetchSessionTable::resized(FetchSession& session) {
  base::LockGuard guard(mutex_);
  session.cached_size = session.size();
}

std::size_t FetchSessionTable::size() const {
  base::LockGuard guard(mutex_);
  return sessions_.size();
}

}  // namespace replication
