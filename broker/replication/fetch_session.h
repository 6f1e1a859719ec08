// Purpose: what a Fetch connection remembers between requests (KIP-227): the partitions, where each
// was last read, and which of them have something to say.
//
// A session is used by one request at a time (try_hold). Its links live in the partitions as long
// as it does. Sessions live in a broker-wide table and outlive connections; a waiting fetch without
// one uses a session of its own that is in no table.
// Source: FetchSession.scala, FetchMetadata (3.9).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "broker/replication/partition.h"

namespace replication {

class PartitionTable;

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
  bool in_visit = false;

  // As last told to the client; an incremental answer leaves out what has not changed.
  base::Offset sent_high_watermark{-1};
  base::Offset sent_log_start{-1};
  bool sent_error = false;
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

  // Adds the partition or changes its position. Keyed by topic name and, from Fetch 13 on, by id.
  FetchEntry& upsert(const std::string& topic, const base::TopicId& topic_id,
                     std::int32_t partition_index, const FetchPosition& position);
  void forget(const std::string& topic, const base::TopicId& topic_id,
              std::int32_t partition_index);
  std::size_t size() const { return entries_.size(); }
  // In the order of the last full fetch.
  const std::vector<std::unique_ptr<FetchEntry>>& entries() const { return entries_; }

  // Binds an entry to the partition that hosts it now (null: none), moving its link.
  void bind(FetchEntry& entry, std::shared_ptr<Partition> partition);
  ReadyList& ready() { return ready_; }

  // True if no other request uses the session; the holder releases it.
  bool try_hold() { return !is_held_.exchange(true, std::memory_order_acquire); }
  void release() { is_held_.store(false, std::memory_order_release); }

  // --- guarded by the table's mutex ---
  std::int32_t next_epoch = 1;
  std::int64_t last_used_ms = 0;
  std::size_t cached_size = 0;  // size() as the table knows it

 private:
  struct Key {
    std::string topic;
    base::TopicId topic_id;
    std::int32_t partition_index;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept;
  };
  Key key_of(const std::string& topic, const base::TopicId& topic_id,
             std::int32_t partition_index) const;
  void drop_from_ready(FetchEntry& entry);

  const std::int32_t id_;
  const bool is_follower_;
  const bool uses_topic_ids_;
  const std::int64_t created_ms_;
  std::atomic<bool> is_held_{false};
  ReadyList ready_;
  std::vector<std::unique_ptr<FetchEntry>> entries_;
  std::unordered_map<Key, std::size_t, KeyHash> index_;  // into entries_
};

// All sessions of the broker. Any thread.
class FetchSessionTable {
 public:
  explicit FetchSessionTable(std::size_t slots) : slots_(slots) {}

  // Makes a session and caches it, evicting by KIP-227's rules; its id is 0 (not cached) when there
  // is no room. `random` supplies ids.
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
  void resized(FetchSession& session) EXCLUDES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);

 private:
  bool make_room(bool is_follower, std::size_t partition_count, std::int64_t now_ms)
      REQUIRES(mutex_);

  static constexpr std::int64_t kEvictionMs = 120'000;
  const std::size_t slots_;
  mutable base::Mutex mutex_;
  std::unordered_map<std::int32_t, std::shared_ptr<FetchSession>> sessions_ GUARDED_BY(mutex_);
};

}  // namespace replication
