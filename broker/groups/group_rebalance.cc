// The cycle of a group: why a rebalance begins, when the join phase ends, what time does.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "broker/groups/group.h"
#include "broker/groups/subscription.h"

namespace groups {

using protocol::ErrorCode;

void Group::enter(GroupState state, Time now) {
  state_ = state;
  state_timestamp_ms_ = now.wall_ms;
}

void Group::rebalance(Causes causes, Time now) {
  if (state_ != GroupState::preparing_rebalance) {
    prepare_rebalance(std::move(causes), now);
    return;
  }
  for (RebalanceCause& each : causes) history_.add_cause(std::move(each));
}

// Members (or pending ids) are gone. Several at once are one event, so that no join phase ends
// between two of them.
void Group::after_removals(Causes causes, Time now) {
  if (state_ == GroupState::empty || state_ == GroupState::dead) return;
  if (!causes.empty()) rebalance(std::move(causes), now);
  complete_join_if_ready(now);
}

void Group::prepare_rebalance(Causes causes, Time now) {
  if (state_ == GroupState::completing_rebalance) {
    answer_syncs(ErrorCode::kRebalanceInProgress, now);
  }
  is_storing_assignment_ = false;
  for (Member& each : members_) forget_sync_debt(each);

  is_initial_join_ = state_ == GroupState::empty;
  const std::int64_t timeout_ms = members_.max_rebalance_timeout_ms();
  if (is_initial_join_) {
    initial_join_step_ms_ = std::max(settings_.initial_rebalance_delay_ms, 0);
    initial_join_remaining_ms_ = std::max<std::int64_t>(timeout_ms - initial_join_step_ms_, 0);
    join_deadline_ms_ = now.now_ms + initial_join_step_ms_;
  } else {
    join_deadline_ms_ = now.now_ms + timeout_ms;
  }
  enter(GroupState::preparing_rebalance, now);
  history_.begin(generation_, now);
  for (RebalanceCause& each : causes) history_.add_cause(std::move(each));
}

void Group::complete_join_if_ready(Time now) {
  if (state_ != GroupState::preparing_rebalance) return;
  if (now.now_ms >= join_deadline_ms_) {
    on_join_deadline(now);
  } else if (!is_initial_join_ && members_.all_join() && pending_.empty()) {
    complete_join(now);
  }
}

void Group::on_join_deadline(Time now) {
  // A fresh group waits on while members keep coming, so that its first generation is complete.
  if (is_initial_join_ && came_during_initial_join_ && initial_join_remaining_ms_ != 0) {
    came_during_initial_join_ = false;
    const std::int64_t last_step_ms = initial_join_step_ms_;
    initial_join_step_ms_ = std::min<std::int64_t>(
        std::max(settings_.initial_rebalance_delay_ms, 0), initial_join_remaining_ms_);
    initial_join_remaining_ms_ =
        std::max<std::int64_t>(initial_join_remaining_ms_ - last_step_ms, 0);
    join_deadline_ms_ = now.now_ms + initial_join_step_ms_;
    return;
  }
  complete_join(now);
}

// The join phase is over: all have come, or time is up.
void Group::complete_join(Time now) {
  for (auto each = members_.begin(); each != members_.end();) {
    Member& member = *each++;
    if (member.joins() || member.is_static()) continue;
    RebalanceCause cause = cause_of(Kind::join_timed_out, member);
    cause.late_by_ms = now.now_ms - member.heard_ms;
    history_.add_cause(std::move(cause));
    remove_member(member, ErrorCode::kUnknownMemberId);
  }
  if (members_.empty()) {
    become_empty(now);
  } else if (elect_joined_leader()) {
    begin_generation(now);
  } else {
    // Only static members, none of which came: another round, until their sessions end.
    constexpr std::int64_t kRoundMinMs = 1000;  // a timeout of 0 does not spin
    is_initial_join_ = false;
    join_deadline_ms_ =
        now.now_ms + std::max<std::int64_t>(members_.max_rebalance_timeout_ms(), kRoundMinMs);
  }
}

// The leader stays if it came, else the first who did.
bool Group::elect_joined_leader() {
  if (leader_->joins()) return true;
  const auto joined = std::find_if(members_.begin(), members_.end(),
                                   [](const Member& each) { return each.joins(); });
  if (joined == members_.end()) return false;
  leader_ = &*joined;
  return true;
}

namespace {

std::int32_t next_generation(std::int32_t generation) {
  // 0 is for groups that never had one.
  return generation == std::numeric_limits<std::int32_t>::max() ? 1 : generation + 1;
}

}  // namespace

void Group::become_empty(Time now) {
  generation_ = next_generation(generation_);
  protocol_.reset();
  leader_ = nullptr;
  join_deadline_ms_ = kNever;
  is_initial_join_ = came_during_initial_join_ = false;
  refresh_topics();
  enter(GroupState::empty, now);
  history_.all_joined(generation_, 0, now);
  finish_rebalance(now);
  // A failure does no harm: the older record would come back with members that have gone, and their
  // sessions would end.
  store_.store(*this, record(), in_this_generation([this](ErrorCode error, Time) {
    if (error != ErrorCode::kNone) {
      LOG_WARN("group {} could not store that it is empty error={}", id_, protocol::name(error));
    }
  }));
}

void Group::begin_generation(Time now) {
  generation_ = next_generation(generation_);
  protocol_ = members_.vote();
  join_deadline_ms_ = kNever;
  is_initial_join_ = came_during_initial_join_ = false;
  refresh_topics();
  enter(GroupState::completing_rebalance, now);
  history_.all_joined(generation_, members_.size(), now);
  sync_deadline_ms_ = now.now_ms + members_.max_rebalance_timeout_ms();
  sync_debtors_ = members_.size();
  for (Member& each : members_) {
    each.is_new = false;
    each.owes_sync = true;
    // A static member that did not come may still do so within a session from now.
    start_session(each, now);
    if (JoinReply reply = members_.take_join_reply(each)) {
      each.heard_ms = now.now_ms;
      reply(generation_answer(each));
    }
  }
}

void Group::finish_rebalance(Time now) {
  LOG_INFO("{}", groups::describe(id_, history_.synced(now)));
}

void Group::refresh_topics() {
  topics_.reset();
  if (protocol_type_ != "consumer") return;
  std::set<std::string> topics;
  for (const Member& each : members_) {
    const std::string* metadata = protocol_ ? each.metadata_for(*protocol_) : nullptr;
    if (metadata == nullptr) return;
    auto parsed = parse_subscribed_topics(*metadata);
    if (!parsed) {
      LOG_WARN_EVERY(10'000, "group {} has a subscription that cannot be read member={} error={}",
                     id_, each.id, parsed.error().context());
      return;
    }
    for (std::string& topic : *parsed) topics.insert(std::move(topic));
  }
  topics_ = std::move(topics);
}

// --- time ---------------------------------------------------------------------------------------

std::int64_t Group::next_deadline_ms() const {
  return std::min({expiry_check_ms_, join_deadline_ms_, sync_deadline_ms_});
}

void Group::on_time(Time now) {
  if (state_ == GroupState::dead) return;
  if (now.now_ms >= expiry_check_ms_) expire_members(now);
  if (now.now_ms >= sync_deadline_ms_) on_sync_deadline(now);
  if (now.now_ms >= join_deadline_ms_) complete_join_if_ready(now);
}

void Group::expire_members(Time now) {
  expiry_check_ms_ = kNever;
  bool any_gone =
      std::erase_if(pending_, [&](const auto& each) { return each.second <= now.now_ms; }) != 0;
  for (const auto& [member_id, lapses_ms] : pending_) {
    expiry_check_ms_ = std::min(expiry_check_ms_, lapses_ms);
  }
  Causes causes;
  for (auto each = members_.begin(); each != members_.end();) {
    Member& member = *each++;
    if (!member.can_expire()) continue;  // alive() will set a deadline once it is answered
    if (member.deadline_ms > now.now_ms) {
      expiry_check_ms_ = std::min(expiry_check_ms_, member.deadline_ms);
      continue;
    }
    RebalanceCause cause = cause_of(Kind::member_timed_out, member);
    cause.late_by_ms = now.now_ms - member.heard_ms;
    causes.push_back(std::move(cause));
    remove_member(member, ErrorCode::kUnknownMemberId);
    any_gone = true;
  }
  if (any_gone) after_removals(std::move(causes), now);
}

// Who was told of the generation and does not take up its part holds up nobody for long
// (since 2.8).
void Group::on_sync_deadline(Time now) {
  Causes causes;
  for (auto each = members_.begin(); each != members_.end();) {
    Member& member = *each++;
    if (!member.owes_sync) continue;
    RebalanceCause cause = cause_of(Kind::sync_timed_out, member);
    cause.late_by_ms = now.now_ms - member.heard_ms;
    causes.push_back(std::move(cause));
    remove_member(member, ErrorCode::kUnknownMemberId);
  }
  VERIFY(sync_deadline_ms_ == kNever && !causes.empty(), "a sync deadline that nobody misses");
  after_removals(std::move(causes), now);
}

}  // namespace groups
