#include "broker/replication/follower/fetch_core.h"

#include <algorithm>

#include "base/check.h"

namespace replication::follower {
namespace {

constexpr std::int64_t kFirstLeadershipPauseMs = 25;
constexpr std::int64_t kLongestLeadershipPauseMs = 2'000;
constexpr std::int64_t kLongestPauseMs = 60'000;
// While a worker is at it, the leader is not to wait long: the partition joins again soon.
constexpr std::int64_t kWaitWhileBusyMs = 50;

std::int64_t pause_after(std::uint32_t failures, Trouble trouble, std::int64_t configured_ms) {
  const bool is_short = trouble == Trouble::leadership;
  configured_ms = std::max<std::int64_t>(configured_ms, 1);
  const std::int64_t first_ms = is_short ? kFirstLeadershipPauseMs : configured_ms;
  const std::int64_t longest_ms = is_short ? kLongestLeadershipPauseMs : kLongestPauseMs;
  const std::uint32_t doublings = std::min<std::uint32_t>(failures, 16);
  return std::min(first_ms << doublings, std::max(longest_ms, configured_ms));
}

}  // namespace

// --- membership ----------------------------------------------------------------------------------

void FetchCore::add(Order order, const LogFacts& log) {
  auto& slot = partitions_[order.id];
  if (slot != nullptr && slot->leader_epoch == order.leader_epoch) {
    set_topic_id(*slot, order.topic_id);
    return;
  }
  if (slot == nullptr) {
    slot = std::make_unique<FollowedPartition>();
    slot->id = order.id;
    set_phase(*slot, Phase::set_aside);
    ++without_topic_id_;
  }
  FollowedPartition& partition = *slot;
  set_topic_id(partition, order.topic_id);
  partition.leader_epoch = order.leader_epoch;
  partition.partition = std::move(order.partition);
  partition.log = log;
  partition.cut_if_unknown = log.high_watermark;
  partition.turn = next_turn_++;
  partition.failures = 0;
  partition.is_reported = false;
  partition.refused_end = base::Offset(-1);
  begin(partition);
  ignore(partition);
}

void FetchCore::begin(FollowedPartition& partition) {
  const LogFacts& log = partition.log;
  const bool has_epoch = log.latest_epoch.value() >= 0;
  if (has_epoch && options_.truncates_on_fetch) return set_phase(partition, Phase::fetching);
  if (has_epoch && options_.asks_epochs) return set_phase(partition, Phase::needs_epoch);
  if (log.high_watermark >= log.log_end) return set_phase(partition, Phase::fetching);
  cut(partition, {log.high_watermark, true});
}

void FetchCore::remove(const base::TopicPartition& id) {
  const auto found = partitions_.find(id);
  if (found == partitions_.end()) return;
  FollowedPartition& partition = *found->second;
  if (is_in_session(partition)) {
    removed_.emplace(id, partition.session_topic_id);
    leave_session(partition);
  }
  set_topic_id(partition, {});
  --without_topic_id_;
  set_phase(partition, Phase::set_aside);
  forget_change(partition);
  partitions_.erase(found);
}

void FetchCore::set_topic_id(FollowedPartition& partition, const base::TopicId& topic_id) {
  if (partition.topic_id == topic_id) return;
  if (partition.topic_id.is_zero()) {
    --without_topic_id_;
  } else {
    by_topic_id_.erase({partition.topic_id, partition.id.partition});
  }
  partition.topic_id = topic_id;
  if (topic_id.is_zero()) {
    ++without_topic_id_;
  } else {
    by_topic_id_[{topic_id, partition.id.partition}] = &partition;
  }
  ignore(partition);
}

FollowedPartition* FetchCore::find(const base::TopicPartition& id) {
  const auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.get();
}

FollowedPartition* FetchCore::find(const base::TopicPartition& id, std::uint64_t turn) {
  FollowedPartition* const partition = find(id);
  return partition != nullptr && partition->turn == turn ? partition : nullptr;
}

FollowedPartition* FetchCore::find(const base::TopicId& topic_id, std::int32_t index) {
  const auto found = by_topic_id_.find({topic_id, index});
  return found == by_topic_id_.end() ? nullptr : found->second;
}

// --- phases --------------------------------------------------------------------------------------

FetchCore::Places* FetchCore::questions_of(Phase phase) {
  switch (phase) {
    case Phase::needs_epoch: return &epoch_questions_;
    case Phase::needs_range: return &range_questions_;
    case Phase::needs_cut: return &cuts_;
    default: return nullptr;
  }
}

void FetchCore::set_phase(FollowedPartition& partition, Phase phase) {
  if (Places* const before = questions_of(partition.phase);
      before != nullptr && partition.place_in_questions != FollowedPartition::kNowhere) {
    FollowedPartition* const last = before->back();
    (*before)[partition.place_in_questions] = last;
    last->place_in_questions = partition.place_in_questions;
    before->pop_back();
    partition.place_in_questions = FollowedPartition::kNowhere;
  }
  if (partition.phase == Phase::busy) --busy_count_;
  if (partition.phase == Phase::paused) pauses_.erase({partition.due_ms, &partition});
  partition.phase = phase;
  if (phase == Phase::busy) ++busy_count_;
  if (phase == Phase::paused) pauses_.emplace(partition.due_ms, &partition);
  if (Places* const now = questions_of(phase)) {
    partition.place_in_questions = now->size();
    now->push_back(&partition);
  }
  note_changed(partition);
}

void FetchCore::pause(FollowedPartition& partition, Trouble trouble, std::int64_t now_ms) {
  // Whatever was asked for is asked for again afterwards.
  const Phase phase = partition.phase;
  const bool asks = phase == Phase::needs_epoch || phase == Phase::needs_range;
  const std::int64_t pause_ms = pause_after(partition.failures, trouble, options_.pause_ms);
  set_phase(partition, Phase::set_aside);
  // Where the log was to be cut, what it takes has to be found out anew.
  const bool begins_anew = phase == Phase::needs_cut || phase == Phase::busy;
  partition.phase_after_pause =
      begins_anew ? std::nullopt : std::optional(asks ? phase : Phase::fetching);
  ++partition.failures;
  partition.due_ms = now_ms + pause_ms;
  set_phase(partition, Phase::paused);
  ignore(partition);
}

void FetchCore::set_aside(FollowedPartition& partition) {
  set_phase(partition, Phase::set_aside);
  ignore(partition);
}

void FetchCore::hold(FollowedPartition& partition) { set_phase(partition, Phase::busy); }

void FetchCore::release(FollowedPartition& partition) {
  if (partition.phase == Phase::busy) set_phase(partition, Phase::fetching);
}

void FetchCore::end_pauses(std::int64_t now_ms) {
  while (!pauses_.empty() && pauses_.begin()->first <= now_ms) {
    FollowedPartition& partition = *pauses_.begin()->second;
    if (partition.phase_after_pause) {
      set_phase(partition, *partition.phase_after_pause);
    } else {
      begin(partition);
    }
  }
}

std::optional<std::int64_t> FetchCore::next_due_ms() const {
  if (pauses_.empty()) return std::nullopt;
  return pauses_.begin()->first;
}

// --- questions and cuts --------------------------------------------------------------------------

std::vector<Question> FetchCore::questions(const Places& places, std::size_t count_max) {
  std::vector<Question> all;
  const std::size_t count = std::min(places.size(), count_max);
  all.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const FollowedPartition& partition = *places[i];
    all.push_back(
        {partition.id, partition.turn, partition.leader_epoch, partition.log.latest_epoch});
  }
  return all;
}

std::vector<Question> FetchCore::epoch_questions(std::size_t count_max) const {
  return questions(epoch_questions_, count_max);
}

std::vector<Question> FetchCore::range_questions(std::size_t count_max) const {
  return questions(range_questions_, count_max);
}

void FetchCore::on_epoch_answer(FollowedPartition& partition, const storage::EpochEndOffset& leader,
                                const storage::EpochEndOffset& own, std::int64_t now_ms) {
  if (partition.phase != Phase::needs_epoch) return;
  const LogFacts& log = partition.log;
  // The largest epoch up to the one asked for cannot be above it.
  if (leader.epoch > log.latest_epoch) return pause(partition, Trouble::other, now_ms);
  const TruncationStep step = truncate_by_epoch(leader, own, log, partition.cut_if_unknown);
  if (step.is_complete && step.offset >= log.log_end && log.latest_epoch_start < log.log_end) {
    partition.failures = 0;
    return set_phase(partition, Phase::fetching);
  }
  cut(partition, step);
}

void FetchCore::on_range_answer(FollowedPartition& partition, const LeaderRange& leader,
                                std::int64_t now_ms) {
  if (partition.phase != Phase::needs_range) return;
  const bool was_in_range = partition.refused_end == partition.log.log_end;
  const RangeStep step = step_into_range(leader, partition.log, was_in_range);
  switch (step.kind) {
    case RangeStep::Kind::truncate:
    case RangeStep::Kind::drop_epoch: return cut(partition, {step.offset, true});
    case RangeStep::Kind::start_over: return cut(partition, {step.offset, true}, true);
    case RangeStep::Kind::make_no_sense: return pause(partition, Trouble::other, now_ms);
    case RangeStep::Kind::fetch_on: break;
  }
  if (was_in_range) return pause(partition, Trouble::other, now_ms);
  partition.refused_end = partition.log.log_end;
  set_phase(partition, Phase::fetching);
}

void FetchCore::cut(FollowedPartition& partition, TruncationStep step, bool starts_over) {
  partition.cut = step;
  partition.starts_over = starts_over;
  set_phase(partition, Phase::needs_cut);
  ignore(partition);
}

std::vector<Cut> FetchCore::take_cuts() {
  std::vector<Cut> cuts;
  while (!cuts_.empty()) {
    FollowedPartition& partition = *cuts_.back();
    cuts.push_back({partition.id, partition.turn, partition.leader_epoch, partition.partition,
                    partition.cut.offset, partition.starts_over});
    set_phase(partition, Phase::busy);
  }
  return cuts;
}

void FetchCore::on_cut(FollowedPartition& partition, const LogFacts& log) {
  if (partition.phase != Phase::busy) return;
  partition.log = log;
  const bool asks_again =
      !partition.cut.is_complete && !options_.truncates_on_fetch && log.latest_epoch.value() >= 0;
  set_phase(partition, asks_again ? Phase::needs_epoch : Phase::fetching);
}

// --- answers -------------------------------------------------------------------------------------

bool FetchCore::accepts(const FollowedPartition& partition) const {
  return partition.phase == Phase::fetching && is_in_session(partition) &&
         partition.place_in_changed == FollowedPartition::kNowhere;
}

void FetchCore::ignore(FollowedPartition& partition) {
  partition.must_leave = is_in_session(partition);
  note_changed(partition);
}

void FetchCore::on_appended(FollowedPartition& partition, const LogFacts& log) {
  partition.failures = 0;
  const bool has_moved = partition.log.log_end != log.log_end ||
                         partition.log.log_start != log.log_start ||
                         partition.log.latest_epoch != log.latest_epoch;
  partition.log = log;
  partition.refused_end = base::Offset(-1);  // the leader takes it now
  if (has_moved) note_changed(partition);
}

void FetchCore::on_diverging(FollowedPartition& partition, const storage::EpochEndOffset& leader,
                             const storage::EpochEndOffset& own, std::int64_t now_ms) {
  const LogFacts& log = partition.log;
  const bool is_sane = leader.end_offset.value() >= 0 && leader.epoch <= log.latest_epoch;
  if (!is_sane) return pause(partition, Trouble::other, now_ms);
  const TruncationStep step = truncate_by_epoch(leader, own, log, partition.cut_if_unknown);
  // Either records go, or an epoch without any.
  if (step.offset >= log.log_end && log.latest_epoch_start < log.log_end) {
    return pause(partition, Trouble::other, now_ms);
  }
  cut(partition, step);
}

void FetchCore::on_out_of_range(FollowedPartition& partition) {
  set_phase(partition, Phase::needs_range);
  ignore(partition);
}

void FetchCore::on_straddling(FollowedPartition& partition, base::Offset batch_start,
                              std::int64_t now_ms) {
  const bool is_cut = batch_start >= partition.log.log_start && batch_start < partition.log.log_end;
  if (!is_cut) return pause(partition, Trouble::other, now_ms);
  cut(partition, {batch_start, true});
}

// --- the session ---------------------------------------------------------------------------------

void FetchCore::note_changed(FollowedPartition& partition) {
  if (partition.place_in_changed != FollowedPartition::kNowhere) return;
  partition.place_in_changed = changed_.size();
  changed_.push_back(&partition);
}

void FetchCore::forget_change(FollowedPartition& partition) {
  if (partition.place_in_changed == FollowedPartition::kNowhere) return;
  FollowedPartition* const last = changed_.back();
  changed_[partition.place_in_changed] = last;
  last->place_in_changed = partition.place_in_changed;
  changed_.pop_back();
  partition.place_in_changed = FollowedPartition::kNowhere;
}

void FetchCore::leave_session(FollowedPartition& partition) {
  if (is_in_session(partition)) --members_;
  partition.session = 0;
  partition.must_leave = false;
}

void FetchCore::join_session(FollowedPartition& partition) {
  if (!is_in_session(partition)) ++members_;
  partition.session = session_;
  partition.session_topic_id = partition.topic_id;
}

void FetchCore::on_session_lost(bool forgets_id) {
  needs_full_ = true;
  if (forgets_id) session_id_ = 0;
}

bool FetchCore::on_answer(std::int32_t session_id) {
  if (session_id < 0) return false;
  if (session_epoch_ == 0) {
    session_id_ = session_id;
    session_epoch_ = 1;
    needs_full_ = session_id == 0;
    return true;
  }
  if (session_id == 0) {  // closed: nothing was left in it
    on_session_lost(true);
    return true;
  }
  if (session_id != session_id_) return false;
  session_epoch_ = session_epoch_ == INT32_MAX ? 1 : session_epoch_ + 1;
  return true;
}

std::optional<FetchPlan> FetchCore::next_fetch(std::int64_t now_ms) {
  const bool by_topic_id = options_.knows_topic_ids && without_topic_id_ == 0;
  if (by_topic_id != is_by_topic_id_) needs_full_ = true;
  is_by_topic_id_ = by_topic_id;
  FetchPlan plan = needs_full_ ? full_plan() : incremental_plan();
  if (members_ == 0 && plan.forgotten.empty()) {
    // Where a session is left behind empty, nobody asks for it again: the leader lets it go in
    // time.
    needs_full_ = true;
    return std::nullopt;
  }
  plan.session_id = session_id_;
  plan.session_epoch = session_epoch_;
  plan.by_topic_id = by_topic_id;
  plan.max_wait_ms = options_.max_wait_ms;
  if (busy_count_ > 0) plan.max_wait_ms = std::min(plan.max_wait_ms, kWaitWhileBusyMs);
  if (const auto due_ms = next_due_ms()) {
    plan.max_wait_ms = std::clamp<std::int64_t>(*due_ms - now_ms, 0, plan.max_wait_ms);
  }
  if (!changed_.empty() || has_questions() || !cuts_.empty()) plan.max_wait_ms = 0;
  return plan;
}

FetchPlan FetchCore::full_plan() {
  FetchPlan plan;
  plan.is_full = true;
  ++session_;
  session_epoch_ = 0;
  members_ = 0;
  removed_.clear();
  for (FollowedPartition* partition : changed_) {
    partition->place_in_changed = FollowedPartition::kNowhere;
  }
  changed_.clear();
  for (auto& [id, partition] : partitions_) {
    partition->must_leave = false;
    if (partition->phase != Phase::fetching) continue;
    join_session(*partition);
    plan.named.push_back(partition.get());
  }
  needs_full_ = false;
  return plan;
}

FetchPlan FetchCore::incremental_plan() {
  FetchPlan plan;
  Places changed = std::exchange(changed_, {});
  for (FollowedPartition* partition : changed) {
    partition->place_in_changed = FollowedPartition::kNowhere;
    const bool is_fetching = partition->phase == Phase::fetching;
    if (is_in_session(*partition) && (partition->must_leave || !is_fetching)) {
      plan.forgotten.push_back({partition->id, partition->session_topic_id});
      leave_session(*partition);
      // What a request both names and forgets is forgotten: it joins with the next one.
      if (is_fetching) note_changed(*partition);
    } else if (is_fetching && removed_.contains(partition->id)) {
      note_changed(*partition);
    } else if (is_fetching) {
      join_session(*partition);
      plan.named.push_back(partition);
    }
  }
  for (const auto& [id, topic_id] : removed_) plan.forgotten.push_back({id, topic_id});
  removed_.clear();
  return plan;
}

}  // namespace replication::follower
