// Purpose: the committed offsets of one group, and which of them have outlived their retention.
//
// Plain synchronous code of one loop (its shard's). A commit is staged before its records are
// appended and finished with their outcome; the log position of its batch decides which of two
// commits is the newer one. Transactional commits stay pending until their marker comes.
// Source: GroupMetadata.scala (offsets, pendingOffsetCommits, removeExpiredOffsets) of 3.9.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "broker/groups/offset_records.h"

namespace groups {

// The protocol type of consumers; others bring protocols of their own.
inline constexpr std::string_view kConsumerProtocolType = "consumer";

// What decides about expiry beside the offsets themselves.
struct ExpiryView {
  GroupState state = GroupState::empty;
  std::string_view protocol_type;                            // "": a group that only stores offsets
  std::optional<std::int64_t> state_timestamp_ms;            // since when it is in its state
  const std::set<std::string>* subscribed_topics = nullptr;  // null: unknown
  std::int64_t wall_ms = 0;
  std::int64_t retention_ms = 0;
};

class GroupOffsets {
 public:
  using CommitId = std::uint64_t;  // of one commit; unique in its shard, never 0

  // --- commits --------------------------------------------------------------------------------
  void stage(std::string_view topic, std::int32_t partition, CommitId id);
  // The batch stands at `log_offset`. Without effect if the offset was removed meanwhile.
  void finish(std::string_view topic, std::int32_t partition, CommitId id, CommittedOffset value,
              base::Offset log_offset);
  void fail(std::string_view topic, std::int32_t partition, CommitId id);

  // --- from the log -----------------------------------------------------------------------------
  void load(std::string_view topic, std::int32_t partition, CommittedOffset value,
            base::Offset log_offset);
  // In the batch of a transaction that has not ended yet.
  void load_pending(base::ProducerId producer, std::string_view topic, std::int32_t partition,
                    CommittedOffset value, base::Offset log_offset);
  // The transaction's marker: its offsets become visible unless a newer one is there, or vanish.
  void end_transaction(base::ProducerId producer, bool is_commit);

  // --- views ------------------------------------------------------------------------------------
  const CommittedOffset* find(std::string_view topic, std::int32_t partition) const;
  bool has_pending(std::string_view topic, std::int32_t partition) const;
  // Nothing is committed, staged or pending.
  bool empty() const { return topics_.empty() && pending_.empty(); }
  std::size_t size() const;  // of committed ones
  // `visit(topic, partition, const CommittedOffset&)`, by topic and partition.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [topic, slots] : topics_) {
      for (const Slot& slot : slots) {
        if (slot.is_committed()) visit(topic, slot.partition, slot.value);
      }
    }
  }

  // --- removal ----------------------------------------------------------------------------------
  // True if one was committed. What is staged for it will have no effect.
  bool remove(std::string_view topic, std::int32_t partition);
  std::vector<base::TopicPartition> remove_all();
  // Those that are past their time, now removed.
  std::vector<base::TopicPartition> take_expired(const ExpiryView& view);

 private:
  static constexpr base::Offset kNotCommitted{-1};  // an optional would cost each offset 8 bytes
  struct Slot {
    std::int32_t partition = 0;
    std::uint32_t under_way = 0;              // commits
    CommitId first = 0;                       // earlier ones are from before the offset was removed
    base::Offset log_offset = kNotCommitted;  // of the batch
    CommittedOffset value;

    bool is_committed() const { return log_offset != kNotCommitted; }
    bool awaits(CommitId id) const { return under_way > 0 && id >= first; }
  };
  using Slots = std::vector<Slot>;  // by partition
  using Topics = std::map<std::string, Slots, std::less<>>;

  const Slot* slot_of(std::string_view topic, std::int32_t partition) const {
    return find_slot(topics_, topic, partition);
  }
  Slot* slot_of(std::string_view topic, std::int32_t partition) {
    return find_slot(topics_, topic, partition);
  }
  // `topics` may be const or not, and so is what is found.
  template <class AnyTopics>
  static auto find_slot(AnyTopics& topics, std::string_view topic, std::int32_t partition)
      -> decltype(topics.begin()->second.data());
  Slot& make_slot(std::string_view topic, std::int32_t partition);
  void drop_if_unused(std::string_view topic, std::int32_t partition);
  static void put(Slot& slot, CommittedOffset value, base::Offset log_offset);

  Topics topics_;
  struct Pending {
    CommittedOffset value;
    base::Offset log_offset = kNotCommitted;
  };
  std::map<base::ProducerId, std::map<base::TopicPartition, Pending>> pending_;
};

// Whether an offset of such a group is past its time.
bool is_expired(const ExpiryView& view, std::string_view topic, const CommittedOffset& offset);

}  // namespace groups
