// Purpose: what a Fetch connection remembers between requests (KIP-227): the partitions, where each
// was last read, which of them have something to say, and whose turn it is.
//
// A session is used by one request at a time (try_hold). Its links live in the partitions as long
// as it does. Sessions live in a broker-wide table (FetchSessionTable) and outlive connections; a
// waiting fetch without one uses a session of its own that is in no table.
//
// The order: `pending` holds the partitions that have, or may have, something to say, the next one
// to be read first. What was told to the client goes to its end, so that no partition starves.
// Source: FetchSession.scala, FetchMetadata (3.9).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/types.h"
#include "broker/replication/partition.h"
#include "broker/replication/read_ahead.h"

namespace replication {

// What the client asked of one partition.
struct FetchPosition {
  base::Offset fetch_offset;
  base::Offset follower_log_start{-1};
  base::LeaderEpoch current_leader_epoch{-1};
  base::LeaderEpoch last_fetched_epoch{-1};
  std::int32_t max_bytes = 0;
};

// One partition of a session.
struct FetchEntry : FetchLink {
  std::string topic;       // empty while its id is unknown
  base::TopicId topic_id;  // zero below Fetch 13
  std::int32_t partition_index = 0;
  FetchPosition position;
  std::shared_ptr<Partition> partition;  // null: not hosted here when last looked up

  // Set by the caller before a read: what its metadata says of the partition.
  std::error_code lookup_error;

  // Of the last read.
  base::Result<ReadOutcome> outcome{ReadOutcome{}};
  std::shared_ptr<ReadAhead> read_ahead;  // its records are being brought into memory

  // As last told to the client; an incremental answer leaves out what has not changed.
  base::Offset sent_high_watermark{-1};
  base::Offset sent_log_start{-1};
  bool sent_error = false;

  // Of the request that uses the session.
  bool in_visit = false;
  bool is_forgotten = false;        // it is about to leave the session
  bool starts_topic = false;        // the answer may have to name its topic anew
  std::int64_t charged_bytes = 0;   // of the answer's budget
  std::int64_t credited_bytes = 0;  // toward the least that the client waits for

  // Whether the offsets are other than the client knows.
  bool has_moved() const {
    return sent_error || sent_high_watermark != outcome->offsets.high_watermark ||
           sent_log_start != outcome->offsets.log_start;
  }
  // Whether there is something to tell in any case, though the offsets be as before.
  bool has_news() const { return !outcome || outcome->diverging || outcome->plan.size_bytes > 0; }
  // Whether it must be visited again without an event in its partition.
  bool has_something() const { return has_news() || outcome->has_more; }

 private:
  friend class PendingEntries;
  FetchEntry* next_pending_ = nullptr;
  FetchEntry* previous_pending_ = nullptr;
  bool is_pending_ = false;
};

// A list of entries; adding and taking out cost the same however long it is. The session's holder.
class PendingEntries {
 public:
  FetchEntry* front() const { return first_; }
  std::size_t size() const { return size_; }
  static bool contains(const FetchEntry& entry) { return entry.is_pending_; }
  // An entry that is there stays where it is.
  void push_back(FetchEntry& entry) { insert(entry, nullptr); }
  void push_front(FetchEntry& entry) { insert(entry, first_); }
  void remove(FetchEntry& entry);

 private:
  void insert(FetchEntry& entry, FetchEntry* before);

  FetchEntry* first_ = nullptr;
  FetchEntry* last_ = nullptr;
  std::size_t size_ = 0;
};

class FetchSession {
 public:
  FetchSession(std::int32_t id, bool is_follower, bool uses_topic_ids, std::int64_t now_ms);
  ~FetchSession();  // takes its links out of their partitions
  FetchSession(const FetchSession&) = delete;
  FetchSession& operator=(const FetchSession&) = delete;

  std::int32_t id() const { return id_; }
  bool is_follower() const { return is_follower_; }
  bool uses_topic_ids() const { return uses_topic_ids_; }
  std::int64_t created_ms() const { return created_ms_; }

  // Adds the partition or changes its position. Keyed by topic name, or from Fetch 13 on by id.
  FetchEntry& upsert(std::string_view topic, const base::TopicId& topic_id,
                     std::int32_t partition_index, const FetchPosition& position);
  // Null if it isn't there.
  FetchEntry* find(std::string_view topic, const base::TopicId& topic_id,
                   std::int32_t partition_index) const;
  void forget(std::string_view topic, const base::TopicId& topic_id, std::int32_t partition_index);
  std::size_t size() const { return entries_.size(); }

  // Binds an entry to the partition that hosts it now (null: none), moving its link.
  void bind(FetchEntry& entry, std::shared_ptr<Partition> partition);
  ReadyList& ready() { return ready_; }

  PendingEntries& pending() { return pending_; }
  // What moved since then joins the end of pending().
  void collect_ready();
  // After the answer was made from `visited`: those that still have something to say are pending
  // again, the ones the client was told of behind all others.
  void requeue(const std::vector<FetchEntry*>& visited);

  // When the follower fetched last, wall clock: every partition of its session was fetched then.
  // Null for a consumer.
  const std::shared_ptr<FollowerClock>& follower_clock() const { return follower_clock_; }

  // True if no other request uses the session; the holder releases it.
  bool try_hold() { return !is_held_.exchange(true, std::memory_order_acquire); }
  void release() { is_held_.store(false, std::memory_order_release); }

  std::int32_t next_epoch = 1;  // guarded by the table's mutex

 private:
  struct Key {
    std::string_view topic;
    base::TopicId topic_id;
    std::int32_t partition_index;
  };
  // Entries and keys alike: an id may get its name only later, so it alone counts where it is used.
  struct KeyHash {
    using is_transparent = void;
    std::size_t operator()(const Key& key) const noexcept;
    std::size_t operator()(const std::unique_ptr<FetchEntry>& entry) const noexcept;
    bool by_id;
    std::uint64_t salt;  // unknown to who might choose partitions that collide
  };
  struct KeyEqual {
    using is_transparent = void;
    bool operator()(const Key& a, const Key& b) const noexcept;
    bool operator()(const Key& a, const std::unique_ptr<FetchEntry>& b) const noexcept;
    bool operator()(const std::unique_ptr<FetchEntry>& a, const Key& b) const noexcept;
    bool operator()(const std::unique_ptr<FetchEntry>& a,
                    const std::unique_ptr<FetchEntry>& b) const noexcept;
    bool by_id;
  };
  static Key key_of(const FetchEntry& entry) {
    return {entry.topic, entry.topic_id, entry.partition_index};
  }

  const std::int32_t id_;
  const bool is_follower_;
  const bool uses_topic_ids_;
  const std::int64_t created_ms_;
  const std::shared_ptr<FollowerClock> follower_clock_;
  std::atomic<bool> is_held_{false};
  ReadyList ready_;
  PendingEntries pending_;
  std::unordered_set<std::unique_ptr<FetchEntry>, KeyHash, KeyEqual> entries_;
};

}  // namespace replication
