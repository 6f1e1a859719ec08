#include "broker/replication/isr_queue.h"

#include "base/check.h"

namespace replication {

void IsrQueue::add(IsrChange change, std::int64_t now_ms) {
  if (!change.is_pending()) return;
  Entry& entry = entries_[change.partition];
  entry.change = change;
  queue(entry);
  look_ups_.push_back({now_ms + kLookUpAfterMs, std::move(change)});
}

IsrQueue::Entry* IsrQueue::find(const IsrChange& change) {
  const auto place = entries_.find(change.partition);
  if (place == entries_.end()) return nullptr;
  Entry& entry = place->second;
  if (entry.change.owner != change.owner || entry.change.id != change.id) return nullptr;
  if (entry.change.is_pending()) return &entry;
  entries_.erase(place);
  return nullptr;
}

void IsrQueue::queue(Entry& entry) {
  entry.step = Step::queued;
  to_send_.push_back(entry.change);
}

std::vector<IsrChange> IsrQueue::take_batch() {
  std::vector<IsrChange> batch;
  while (!to_send_.empty() && batch.size() < kBatchMax) {
    const IsrChange change = std::move(to_send_.front());
    to_send_.pop_front();
    Entry* const entry = find(change);
    if (entry == nullptr || entry->step != Step::queued) continue;
    entry->step = Step::in_flight;
    batch.push_back(change);
  }
  return batch;
}

std::vector<IsrQueue::Settled> IsrQueue::settle(const std::vector<IsrChange>& batch,
                                                const std::vector<IsrVerdict>& verdicts) {
  VERIFY(batch.size() == verdicts.size(), "{} verdicts of {} changes", verdicts.size(),
         batch.size());
  std::vector<Settled> settled;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Entry* const entry = find(batch[i]);
    if (entry == nullptr || entry->step != Step::in_flight) continue;
    switch (verdicts[i].kind) {
      case IsrVerdict::Kind::confirmed:
        settled.push_back({batch[i], verdicts[i].kind, verdicts[i].state});
        // A state that the partition does not take leaves the change pending: it is looked up.
        entry->step = Step::answered;
        break;
      case IsrVerdict::Kind::not_attempted:
        settled.push_back({batch[i], verdicts[i].kind, verdicts[i].state});
        // The partition goes back to what is committed, however late it hears of it: from here on
        // the change must not be written any more.
        entries_.erase(batch[i].partition);
        break;
      case IsrVerdict::Kind::waits: entry->step = Step::refused; break;
      case IsrVerdict::Kind::again: queue(*entry); break;
    }
  }
  return settled;
}

std::vector<IsrChange> IsrQueue::take_unknown(std::int64_t now_ms) {
  std::vector<IsrChange> unknown;
  while (!look_ups_.empty() && look_ups_.front().at_ms <= now_ms && unknown.size() < kBatchMax) {
    IsrChange change = std::move(look_ups_.front().change);
    look_ups_.pop_front();
    if (find(change) == nullptr) continue;
    look_ups_.push_back({now_ms + kLookUpAfterMs, change});
    unknown.push_back(std::move(change));
  }
  return unknown;
}

std::vector<IsrQueue::Settled> IsrQueue::look_up(
    const std::vector<IsrChange>& changes, const std::vector<std::optional<IsrState>>& states) {
  VERIFY(changes.size() == states.size(), "{} states of {} changes", states.size(), changes.size());
  std::vector<Settled> settled;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Entry* const entry = find(changes[i]);
    if (entry == nullptr || !states[i]) continue;
    const IsrState& proposed = changes[i].proposed;
    // Another leadership: LeaderAndIsr is on its way.
    if (states[i]->leader != proposed.leader || states[i]->leader_epoch != proposed.leader_epoch) {
      continue;
    }
    if (states[i]->partition_epoch > proposed.partition_epoch) {
      settled.push_back({changes[i], IsrVerdict::Kind::confirmed, *states[i]});
    } else if (entry->step == Step::refused) {
      // Not written so far, though it may have been refused by one who did not know the partition
      // yet. Sent again, not taken back: somebody may still be about to write it.
      queue(*entry);
    }
  }
  return settled;
}

}  // namespace replication
