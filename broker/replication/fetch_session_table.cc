#include "broker/replication/fetch_session_table.h"

#include <limits>

namespace replication {

std::shared_ptr<FetchSession> FetchSessionTable::create(bool is_follower, bool uses_topic_ids,
                                                        std::size_t partition_count,
                                                        std::int64_t now_ms,
                                                        runtime::Random& random) {
  // Its destructor takes partitions' locks, once for each: not under ours.
  std::shared_ptr<FetchSession> evicted;
  base::LockGuard guard(mutex_);
  EvictionKey key{is_follower, partition_count, 0};
  const bool fits =
      partition_count <= partitions_max_ && partitions_of(key) <= partitions_max_ - partition_count;
  if (fits && make_room(key, now_ms, evicted)) {
    do {
      key.id = static_cast<std::int32_t>(random.next() & std::numeric_limits<std::int32_t>::max());
    } while (key.id == 0 || sessions_.contains(key.id));
  }
  auto session = std::make_shared<FetchSession>(key.id, is_follower, uses_topic_ids, now_ms);
  (void)session->try_hold();
  if (key.id == 0) return session;
  Cached& cached = sessions_[key.id];
  cached.session = session;
  cached.last_used_ms = now_ms;
  cached.key = key;
  partitions_of(key) += key.partition_count;
  cached.by_use = by_use_.insert(by_use_.end(), key.id);
  if (!is_follower) for_followers_.insert(key);
  return session;
}

bool FetchSessionTable::make_room(const EvictionKey& newcomer, std::int64_t now_ms,
                                  std::shared_ptr<FetchSession>& evicted) {
  if (sessions_.size() < slots_) return true;
  if (slots_ == 0) return false;
  const auto longest_unused = sessions_.find(by_use_.front());
  if (now_ms - longest_unused->second.last_used_ms > kEvictionMs) {
    evicted = take_out(longest_unused);
    return true;
  }
  const auto& candidates = newcomer.is_follower ? for_followers_ : for_consumers_;
  if (candidates.empty() || newcomer < *candidates.begin()) return false;
  evicted = take_out(sessions_.find(candidates.begin()->id));
  return true;
}

std::shared_ptr<FetchSession> FetchSessionTable::take_out(Sessions::iterator place) {
  auto session = std::move(place->second.session);
  by_use_.erase(place->second.by_use);
  partitions_of(place->second.key) -= place->second.key.partition_count;
  for_consumers_.erase(place->second.key);
  for_followers_.erase(place->second.key);
  sessions_.erase(place);
  return session;
}

void FetchSessionTable::touch(Cached& cached, std::int64_t now_ms) {
  cached.last_used_ms = now_ms;
  by_use_.splice(by_use_.end(), by_use_, cached.by_use);
  if (cached.is_old || now_ms - cached.session->created_ms() <= kEvictionMs) return;
  cached.is_old = true;
  for_consumers_.insert(cached.key);
  for_followers_.insert(cached.key);
}

FetchSessionTable::Lookup FetchSessionTable::find(std::int32_t id, std::int32_t epoch,
                                                  std::int64_t now_ms) {
  base::LockGuard guard(mutex_);
  const auto place = sessions_.find(id);
  if (place == sessions_.end()) return {nullptr, LookupError::not_found};
  Cached& cached = place->second;
  // A second request that uses the session now would see positions change under it.
  if (cached.session->next_epoch != epoch || !cached.session->try_hold()) {
    return {nullptr, LookupError::invalid_epoch};
  }
  cached.session->next_epoch = epoch == std::numeric_limits<std::int32_t>::max() ? 1 : epoch + 1;
  touch(cached, now_ms);
  return {cached.session, LookupError::none};
}

void FetchSessionTable::remove(std::int32_t id) {
  std::shared_ptr<FetchSession> removed;  // see create()
  base::LockGuard guard(mutex_);
  const auto place = sessions_.find(id);
  if (place != sessions_.end()) removed = take_out(place);
}

bool FetchSessionTable::resized(const FetchSession& session) {
  std::shared_ptr<FetchSession> removed;  // see create()
  base::LockGuard guard(mutex_);
  const auto place = sessions_.find(session.id());
  if (place == sessions_.end() || place->second.session.get() != &session) return true;
  EvictionKey& key = place->second.key;
  const std::size_t before = key.partition_count;
  if (before == session.size()) return true;
  const std::size_t others = partitions_of(key) - before;
  if (session.size() > before && others + session.size() > partitions_max_) {
    removed = take_out(place);
    return false;
  }
  partitions_of(key) = others + session.size();
  EvictionKey changed = key;
  changed.partition_count = session.size();
  change_key(for_consumers_, key, changed);
  change_key(for_followers_, key, changed);
  key = changed;
  return true;
}

void FetchSessionTable::change_key(std::set<EvictionKey>& keys, const EvictionKey& from,
                                   const EvictionKey& to) {
  auto node = keys.extract(from);
  if (node.empty()) return;
  node.value() = to;
  keys.insert(std::move(node));
}

std::size_t FetchSessionTable::size() const {
  base::LockGuard guard(mutex_);
  return sessions_.size();
}

}  // namespace replication
