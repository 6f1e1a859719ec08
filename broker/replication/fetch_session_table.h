// Purpose: all fetch sessions of the broker, with KIP-227's rules about who gives way to whom.
// Each call costs the same however many sessions there are. Any thread.
// Source: FetchSessionCache, FetchSessionCacheShard (3.9).
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <unordered_map>

#include "broker/replication/fetch_session.h"
#include "runtime/random.h"

namespace replication {

class FetchSessionTable {
 public:
  // Of all sessions of consumers, and of all of followers: a partition takes most of a kilobyte.
  static constexpr std::size_t kPartitionsMax = 1'000'000;
  explicit FetchSessionTable(std::size_t slots, std::size_t partitions_max = kPartitionsMax)
      : slots_(slots), partitions_max_(partitions_max) {}

  // Makes a session, held by the caller, and caches it, evicting by KIP-227's rules; its id is 0
  // (not cached) when there is no room, or the sessions hold as many partitions as they may.
  // `random` supplies ids.
  std::shared_ptr<FetchSession> create(bool is_follower, bool uses_topic_ids,
                                       std::size_t partition_count, std::int64_t now_ms,
                                       runtime::Random& random) EXCLUDES(mutex_);
  enum class LookupError { none, not_found, invalid_epoch };
  struct Lookup {
    std::shared_ptr<FetchSession> session;  // held by the caller, if no error
    LookupError error = LookupError::none;
  };
  // For the incremental fetch (id, epoch); advances the session's epoch.
  Lookup find(std::int32_t id, std::int32_t epoch, std::int64_t now_ms) EXCLUDES(mutex_);
  void remove(std::int32_t id) EXCLUDES(mutex_);
  // The session has got another number of partitions. False: they are more than all sessions may
  // hold, and it is removed.
  bool resized(const FetchSession& session) EXCLUDES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);

 private:
  // What goes first when there is no room: consumers before followers, the smaller first.
  struct EvictionKey {
    bool is_follower = false;
    std::size_t partition_count = 0;
    std::int32_t id = 0;
    friend auto operator<=>(const EvictionKey&, const EvictionKey&) = default;
  };
  struct Cached {
    std::shared_ptr<FetchSession> session;
    std::int64_t last_used_ms = 0;
    EvictionKey key;
    bool is_old = false;  // cached for long enough to give way to its like
    std::list<std::int32_t>::iterator by_use;
  };
  using Sessions = std::unordered_map<std::int32_t, Cached>;

  bool make_room(const EvictionKey& newcomer, std::int64_t now_ms,
                 std::shared_ptr<FetchSession>& evicted) REQUIRES(mutex_);
  std::shared_ptr<FetchSession> take_out(Sessions::iterator place) REQUIRES(mutex_);
  void touch(Cached& cached, std::int64_t now_ms) REQUIRES(mutex_);
  static void change_key(std::set<EvictionKey>& keys, const EvictionKey& from,
                         const EvictionKey& to);

  static constexpr std::int64_t kEvictionMs = 120'000;
  std::size_t& partitions_of(const EvictionKey& key) REQUIRES(mutex_) {
    return key.is_follower ? follower_partitions_ : consumer_partitions_;
  }

  const std::size_t slots_;
  const std::size_t partitions_max_;
  mutable base::Mutex mutex_;
  Sessions sessions_ GUARDED_BY(mutex_);
  std::size_t consumer_partitions_ GUARDED_BY(mutex_) = 0;
  std::size_t follower_partitions_ GUARDED_BY(mutex_) = 0;
  std::list<std::int32_t> by_use_ GUARDED_BY(mutex_);  // the longest unused first
  // Who may give way to a new session of a consumer, and of a follower.
  std::set<EvictionKey> for_consumers_ GUARDED_BY(mutex_);
  std::set<EvictionKey> for_followers_ GUARDED_BY(mutex_);
};

}  // namespace replication
