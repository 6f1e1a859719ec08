// Purpose: the state of one fetcher, without network, disk or clock: which partitions it follows,
// how far each is, what to ask the leader next, and what an answer means.
//
// A partition is in one phase at a time. It stands in the leader's fetch session (KIP-227) while it
// fetches and is taken out of it when it does anything else, so that the leader does not answer for
// it meanwhile. Requests name only what has changed: idle partitions cost nothing.
//
// An answer counts for a partition only if nothing about it has changed since the question. Work on
// other threads (truncation, flush) carries the partition's `turn`, which changes with each leader
// epoch: what comes back for an earlier one is dropped.
//
// One loop. Source: AbstractFetcherThread, FetchSessionHandler (3.9).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/types.h"
#include "broker/replication/follower/truncation.h"

namespace replication {
class Partition;
}

namespace replication::follower {

enum class Phase : std::uint8_t {
  fetching,
  needs_epoch,  // OffsetForLeaderEpoch is to be asked
  needs_range,  // ListOffsets is to be asked
  needs_cut,    // its log is to be cut: take_cuts()
  busy,         // a worker cuts or flushes its log
  paused,       // until due_ms
  set_aside,    // until LeaderAndIsr says more
};

// Why a partition pauses.
enum class Trouble : std::uint8_t {
  leadership,  // leader and follower do not know the same epoch yet: soon over
  other,       // contents, disk, an error that the leader did not explain
};

struct FollowedPartition {
  base::TopicPartition id;
  base::TopicId topic_id;  // zero: none
  base::LeaderEpoch leader_epoch{-1};
  std::shared_ptr<Partition> partition;
  LogFacts log;                    // as of its last change by the fetcher
  base::Offset cut_if_unknown{0};  // the high watermark when it began to follow
  Phase phase = Phase::fetching;
  std::uint64_t turn = 0;
  bool is_reported = false;    // its trouble stands in the log
  std::uint32_t failures = 0;  // one after the other

 private:
  friend class FetchCore;
  static constexpr std::size_t kNowhere = SIZE_MAX;

  std::optional<Phase> phase_after_pause;  // nullopt: as when it began to follow
  std::int64_t due_ms = -1;
  TruncationStep cut;
  bool starts_over = false;
  base::Offset refused_end{-1};  // the end that was in range and was refused all the same
  // The session.
  std::uint64_t session = 0;  // the one that it is in
  base::TopicId session_topic_id;
  bool must_leave = false;  // and join again, even if it fetches
  std::size_t place_in_changed = kNowhere;
  std::size_t place_in_questions = kNowhere;
};

// A partition that is to be asked about, or cut.
struct Question {
  base::TopicPartition id;
  std::uint64_t turn = 0;
  base::LeaderEpoch leader_epoch{-1};
  base::LeaderEpoch asked_epoch{-1};
};

struct Cut {
  base::TopicPartition id;
  std::uint64_t turn = 0;
  base::LeaderEpoch leader_epoch{-1};
  std::shared_ptr<Partition> partition;
  base::Offset offset{0};
  bool starts_over = false;
};

struct FetchPlan {
  struct Forgotten {
    base::TopicPartition id;
    base::TopicId topic_id;
  };
  std::int32_t session_id = 0;
  std::int32_t session_epoch = 0;
  bool is_full = false;
  bool by_topic_id = false;
  std::vector<const FollowedPartition*> named;  // valid until the core is changed
  std::vector<Forgotten> forgotten;
  std::int64_t max_wait_ms = 0;
};

class FetchCore {
 public:
  struct Options {
    bool truncates_on_fetch = true;  // Fetch 12 and above says where logs diverge
    bool asks_epochs = true;         // OffsetForLeaderEpoch may be asked
    bool knows_topic_ids = true;     // Fetch 13 and above
    std::int64_t max_wait_ms = 500;
    std::int64_t pause_ms = 1000;
  };
  explicit FetchCore(Options options) : options_(options) {}
  FetchCore(const FetchCore&) = delete;
  FetchCore& operator=(const FetchCore&) = delete;

  struct Order {
    base::TopicPartition id;
    base::TopicId topic_id;
    base::LeaderEpoch leader_epoch{-1};
    std::shared_ptr<Partition> partition;
  };
  // Follows with a new leader epoch; the same one again changes nothing but the topic id.
  void add(Order order, const LogFacts& log);
  void remove(const base::TopicPartition& id);
  std::size_t size() const { return partitions_.size(); }
  FollowedPartition* find(const base::TopicPartition& id);
  FollowedPartition* find(const base::TopicPartition& id, std::uint64_t turn);
  FollowedPartition* find(const base::TopicId& topic_id, std::int32_t index);

  // --- time
  // ---------------------------------------------------------------------------------------
  void end_pauses(std::int64_t now_ms);
  // When the next pause ends; nullopt: none waits.
  std::optional<std::int64_t> next_due_ms() const;

  // --- questions, at most `count_max` at a time
  // ---------------------------------------------------
  std::vector<Question> epoch_questions(std::size_t count_max) const;
  // `own`: where the leader's epoch ends in the own log.
  void on_epoch_answer(FollowedPartition& partition, const storage::EpochEndOffset& leader,
                       const storage::EpochEndOffset& own, std::int64_t now_ms);
  std::vector<Question> range_questions(std::size_t count_max) const;
  void on_range_answer(FollowedPartition& partition, const LeaderRange& leader,
                       std::int64_t now_ms);

  bool has_questions() const { return !epoch_questions_.empty() || !range_questions_.empty(); }

  // --- cuts
  // ---------------------------------------------------------------------------------------
  std::vector<Cut> take_cuts();
  void on_cut(FollowedPartition& partition, const LogFacts& log);

  // --- fetching
  // ----------------------------------------------------------------------------------- Nullopt:
  // there is nothing to fetch.
  std::optional<FetchPlan> next_fetch(std::int64_t now_ms);
  // The answer to the last plan came, with this session id. False: it makes no sense.
  bool on_answer(std::int32_t session_id);
  // Refused as a whole, or no answer came: the next fetch names everything. `forgets_id`: the
  // leader does not know the session.
  void on_session_lost(bool forgets_id);
  // Whether what was answered for it is about its present state.
  bool accepts(const FollowedPartition& partition) const;
  // What was answered is not used: the leader has to tell all of it again.
  void ignore(FollowedPartition& partition);
  void on_appended(FollowedPartition& partition, const LogFacts& log);
  void on_diverging(FollowedPartition& partition, const storage::EpochEndOffset& leader,
                    const storage::EpochEndOffset& own, std::int64_t now_ms);
  void on_out_of_range(FollowedPartition& partition);
  // The first batch begins below the own end and reaches beyond it.
  void on_straddling(FollowedPartition& partition, base::Offset batch_start, std::int64_t now_ms);

  // --- what else may happen to a partition
  // ----------------------------------------------------------
  void pause(FollowedPartition& partition, Trouble trouble, std::int64_t now_ms);
  void set_aside(FollowedPartition& partition);
  // Its append has to be on the device before it is fetched again.
  void hold(FollowedPartition& partition);
  void release(FollowedPartition& partition);
  std::size_t busy_count() const { return busy_count_; }

 private:
  using Key = base::TopicPartition;
  struct IdKey {
    base::TopicId topic_id;
    std::int32_t index;
    friend bool operator==(const IdKey&, const IdKey&) = default;
  };
  struct IdKeyHash {
    std::size_t operator()(const IdKey& key) const noexcept {
      return std::hash<base::TopicId>()(key.topic_id) * 31 + static_cast<std::size_t>(key.index);
    }
  };
  using Places = std::vector<FollowedPartition*>;

  void set_phase(FollowedPartition& partition, Phase phase);
  void begin(FollowedPartition& partition);
  void cut(FollowedPartition& partition, TruncationStep step, bool starts_over = false);
  void set_topic_id(FollowedPartition& partition, const base::TopicId& topic_id);
  bool is_in_session(const FollowedPartition& partition) const {
    return partition.session == session_;
  }
  void leave_session(FollowedPartition& partition);
  void join_session(FollowedPartition& partition);
  void note_changed(FollowedPartition& partition);
  void forget_change(FollowedPartition& partition);
  Places* questions_of(Phase phase);
  static std::vector<Question> questions(const Places& places, std::size_t count_max);
  FetchPlan full_plan();
  FetchPlan incremental_plan();

  const Options options_;
  std::unordered_map<Key, std::unique_ptr<FollowedPartition>> partitions_;
  std::unordered_map<IdKey, FollowedPartition*, IdKeyHash> by_topic_id_;
  std::size_t without_topic_id_ = 0;
  std::uint64_t next_turn_ = 1;
  std::size_t busy_count_ = 0;
  Places epoch_questions_;
  Places range_questions_;
  Places cuts_;
  std::set<std::pair<std::int64_t, FollowedPartition*>> pauses_;

  std::uint64_t session_ = 1;  // of ours: changes whenever the leader's is given up
  std::int32_t session_id_ = 0;
  std::int32_t session_epoch_ = 0;
  bool is_by_topic_id_ = false;
  bool needs_full_ = true;
  std::size_t members_ = 0;                         // of the session
  Places changed_;                                  // to be named or forgotten
  std::unordered_map<Key, base::TopicId> removed_;  // from here, not from the session yet
};

}  // namespace replication::follower
