#include "broker/groups/group_offsets.h"

#include <algorithm>

#include "base/saturating.h"

namespace groups {
namespace {

// Since when an offset ages, or nullopt: it doesn't.
std::optional<std::int64_t> ages_since(const ExpiryView& view, std::string_view topic,
                                       const CommittedOffset& offset) {
  if (view.protocol_type.empty()) return offset.commit_timestamp_ms;
  if (view.state == GroupState::empty) {
    return view.state_timestamp_ms.value_or(offset.commit_timestamp_ms);
  }
  const bool is_consuming = view.protocol_type == kConsumerProtocolType &&
                            view.state == GroupState::stable && view.subscribed_topics != nullptr;
  if (!is_consuming || view.subscribed_topics->contains(std::string(topic))) return std::nullopt;
  return offset.commit_timestamp_ms;
}

}  // namespace

bool is_expired(const ExpiryView& view, std::string_view topic, const CommittedOffset& offset) {
  const auto since_ms = ages_since(view, topic, offset);
  if (!since_ms) return false;
  if (offset.expire_timestamp_ms != kNoExpireTimestamp) {
    return view.wall_ms >= offset.expire_timestamp_ms;
  }
  return base::saturating_sub(view.wall_ms, *since_ms) >= view.retention_ms;
}

// --- slots --------------------------------------------------------------------------------------

template <class AnyTopics>
auto GroupOffsets::find_slot(AnyTopics& topics, std::string_view topic, std::int32_t partition)
    -> decltype(topics.begin()->second.data()) {
  const auto place = topics.find(topic);
  if (place == topics.end()) return nullptr;
  const auto slot = std::ranges::lower_bound(place->second, partition, {}, &Slot::partition);
  return slot != place->second.end() && slot->partition == partition ? &*slot : nullptr;
}

GroupOffsets::Slot& GroupOffsets::make_slot(std::string_view topic, std::int32_t partition) {
  auto place = topics_.find(topic);
  if (place == topics_.end()) place = topics_.emplace(topic, Slots()).first;
  const auto slot = std::ranges::lower_bound(place->second, partition, {}, &Slot::partition);
  if (slot != place->second.end() && slot->partition == partition) return *slot;
  Slot fresh;
  fresh.partition = partition;
  return *place->second.insert(slot, std::move(fresh));
}

void GroupOffsets::drop_if_unused(std::string_view topic, std::int32_t partition) {
  const auto place = topics_.find(topic);
  if (place == topics_.end()) return;
  std::erase_if(place->second, [partition](const Slot& slot) {
    return slot.partition == partition && !slot.is_committed() && slot.under_way == 0;
  });
  if (place->second.empty()) topics_.erase(place);
}

void GroupOffsets::put(Slot& slot, CommittedOffset value, base::Offset log_offset) {
  if (slot.is_committed() && slot.log_offset >= log_offset) return;
  slot.value = std::move(value);
  slot.log_offset = log_offset;
}

// --- commits ------------------------------------------------------------------------------------

void GroupOffsets::stage(std::string_view topic, std::int32_t partition, CommitId id) {
  Slot& slot = make_slot(topic, partition);
  if (!slot.is_committed() && slot.under_way == 0) slot.first = id;
  ++slot.under_way;
}

void GroupOffsets::finish(std::string_view topic, std::int32_t partition, CommitId id,
                          CommittedOffset value, base::Offset log_offset) {
  Slot* slot = slot_of(topic, partition);
  if (slot == nullptr || !slot->awaits(id)) return;
  put(*slot, std::move(value), log_offset);
  --slot->under_way;
}

void GroupOffsets::fail(std::string_view topic, std::int32_t partition, CommitId id) {
  Slot* slot = slot_of(topic, partition);
  if (slot == nullptr || !slot->awaits(id)) return;
  --slot->under_way;
  drop_if_unused(topic, partition);
}

void GroupOffsets::load(std::string_view topic, std::int32_t partition, CommittedOffset value,
                        base::Offset log_offset) {
  Slot& slot = make_slot(topic, partition);
  slot.value = std::move(value);
  slot.log_offset = log_offset;
}

void GroupOffsets::load_pending(base::ProducerId producer, std::string_view topic,
                                std::int32_t partition, CommittedOffset value,
                                base::Offset log_offset) {
  pending_[producer][{std::string(topic), partition}] = {std::move(value), log_offset};
}

void GroupOffsets::end_transaction(base::ProducerId producer, bool is_commit) {
  auto ended = pending_.extract(producer);
  if (ended.empty() || !is_commit) return;
  for (auto& [id, pending] : ended.mapped()) {
    put(make_slot(id.topic, id.partition), std::move(pending.value), pending.log_offset);
  }
}

// --- views --------------------------------------------------------------------------------------

const CommittedOffset* GroupOffsets::find(std::string_view topic, std::int32_t partition) const {
  const Slot* slot = slot_of(topic, partition);
  return slot != nullptr && slot->is_committed() ? &slot->value : nullptr;
}

bool GroupOffsets::has_pending(std::string_view topic, std::int32_t partition) const {
  const Slot* slot = slot_of(topic, partition);
  if (slot != nullptr && slot->under_way > 0) return true;
  if (pending_.empty()) return false;
  const base::TopicPartition id{std::string(topic), partition};
  return std::ranges::any_of(pending_, [&id](const auto& of) { return of.second.contains(id); });
}

std::size_t GroupOffsets::size() const {
  std::size_t count = 0;
  for_each([&count](const std::string&, std::int32_t, const CommittedOffset&) { ++count; });
  return count;
}

// --- removal ------------------------------------------------------------------------------------

bool GroupOffsets::remove(std::string_view topic, std::int32_t partition) {
  for (auto of = pending_.begin(); of != pending_.end();) {
    of->second.erase({std::string(topic), partition});
    of = of->second.empty() ? pending_.erase(of) : std::next(of);
  }
  Slot* slot = slot_of(topic, partition);
  if (slot == nullptr) return false;
  const bool was_committed = slot->is_committed();
  slot->under_way = 0;
  slot->log_offset = kNotCommitted;
  drop_if_unused(topic, partition);
  return was_committed;
}

std::vector<base::TopicPartition> GroupOffsets::remove_all() {
  std::vector<base::TopicPartition> removed;
  for_each([&removed](const std::string& topic, std::int32_t partition, const CommittedOffset&) {
    removed.push_back({topic, partition});
  });
  topics_.clear();
  pending_.clear();
  return removed;
}

std::vector<base::TopicPartition> GroupOffsets::take_expired(const ExpiryView& view) {
  std::vector<base::TopicPartition> expired;
  for (auto& [topic, slots] : topics_) {
    for (Slot& slot : slots) {
      if (!slot.is_committed() || slot.under_way > 0) continue;
      if (!is_expired(view, topic, slot.value)) continue;
      expired.push_back({topic, slot.partition});
    }
  }
  for (const auto& id : expired) {
    Slot* slot = slot_of(id.topic, id.partition);
    slot->log_offset = kNotCommitted;
    drop_if_unused(id.topic, id.partition);
  }
  return expired;
}

}  // namespace groups
