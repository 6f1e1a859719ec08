#include "broker/groups/group.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace groups {

using protocol::ErrorCode;

namespace {

constexpr std::string_view kNoMemberId;  // JoinGroup: "give me one"

}  // namespace

Group::Group(std::string id, const GroupSettings& settings, GroupStore& store, Time now)
    : id_(std::move(id)), settings_(settings), store_(store), state_timestamp_ms_(now.wall_ms) {}

Group::Group(std::string id, const GroupSettings& settings, GroupStore& store, GroupRecord record,
             Time now)
    : id_(std::move(id)),
      settings_(settings),
      store_(store),
      state_timestamp_ms_(record.state_timestamp_ms),
      generation_(record.generation),
      protocol_type_(std::move(record.protocol_type)),
      protocol_(std::move(record.protocol)) {
  // A record with members names their protocol; one that doesn't is served as if it were "".
  if (!record.members.empty() && !protocol_) protocol_.emplace();
  for (GroupRecord::Member& each : record.members) {
    if (members_.find(each.member_id) != nullptr) continue;
    if (each.instance_id && members_.find_instance(*each.instance_id) != nullptr) continue;
    Member member;
    member.id = std::move(each.member_id);
    member.instance_id = std::move(each.instance_id);
    member.client_id = std::move(each.client_id);
    member.client_host = std::move(each.client_host);
    member.protocols.push_back({*protocol_, std::move(each.subscription)});
    member.rebalance_timeout_ms = each.rebalance_timeout_ms;
    member.session_timeout_ms = each.session_timeout_ms;
    member.assignment = std::move(each.assignment);
    alive(members_.add(std::move(member)), now);
  }
  if (!members_.empty()) {
    state_ = GroupState::stable;
    leader_ = members_.find(record.leader.value_or(""));
    if (leader_ == nullptr) leader_ = &*members_.begin();
  }
  refresh_topics();
  if (members_.size() > static_cast<std::size_t>(std::max(settings_.max_size, 0))) {
    // Who rejoins first stays, up to the limit.
    Causes causes;
    causes.push_back(cause_of(Kind::group_too_large, *leader_));
    prepare_rebalance(std::move(causes), now);
  }
}

Group::~Group() = default;

// --- requests that are answered at once --------------------------------------------------------

ErrorCode Group::check_member(const std::string& member_id,
                              const std::optional<std::string>& instance_id) const {
  if (instance_id) {
    const Member* holder = members_.find_instance(*instance_id);
    if (holder == nullptr) return ErrorCode::kUnknownMemberId;
    return holder->id == member_id ? ErrorCode::kNone : ErrorCode::kFencedInstanceId;
  }
  return members_.find(member_id) == nullptr ? ErrorCode::kUnknownMemberId : ErrorCode::kNone;
}

ErrorCode Group::heartbeat(const std::string& member_id,
                           const std::optional<std::string>& instance_id, std::int32_t generation,
                           Time now) {
  if (state_ == GroupState::dead) return ErrorCode::kCoordinatorNotAvailable;
  const ErrorCode error = check_member(member_id, instance_id);
  if (error != ErrorCode::kNone) return error;
  if (generation != generation_) return ErrorCode::kIllegalGeneration;
  alive(*members_.find(member_id), now);
  return state_ == GroupState::preparing_rebalance ? ErrorCode::kRebalanceInProgress
                                                   : ErrorCode::kNone;
}

std::vector<ErrorCode> Group::leave(const std::vector<LeavingMember>& leaving, Time now) {
  std::vector<ErrorCode> errors;
  errors.reserve(leaving.size());
  Causes causes;
  bool any_gone = false;
  for (const LeavingMember& each : leaving) {
    if (state_ == GroupState::dead) {
      errors.push_back(ErrorCode::kCoordinatorNotAvailable);
      continue;
    }
    Member* member = nullptr;
    ErrorCode error = ErrorCode::kNone;
    if (each.member_id == kNoMemberId) {
      // An administrator removes whoever holds this instance id.
      if (each.instance_id) member = members_.find_instance(*each.instance_id);
      if (member == nullptr) error = ErrorCode::kUnknownMemberId;
    } else if (pending_.erase(each.member_id) != 0) {
      any_gone = true;
    } else {
      error = check_member(each.member_id, each.instance_id);
      if (error == ErrorCode::kNone) member = members_.find(each.member_id);
    }
    if (member != nullptr) {
      causes.push_back(cause_of(Kind::member_left, *member, each.reason));
      remove_member(*member, ErrorCode::kUnknownMemberId);
      any_gone = true;
    }
    errors.push_back(error);
  }
  if (any_gone) after_removals(std::move(causes), now);
  return errors;
}

ErrorCode Group::check_commit(const std::string& member_id,
                              const std::optional<std::string>& instance_id,
                              std::int32_t generation, bool is_transactional, Time now) {
  if (state_ == GroupState::dead) return ErrorCode::kCoordinatorNotAvailable;
  // An administrator, or a consumer that assigns partitions to itself.
  if (generation < 0 && state_ == GroupState::empty) return ErrorCode::kNone;
  if (generation < 0 && member_id == kNoMemberId && !instance_id) {
    // Older producers commit for their group without naming a member.
    return is_transactional ? ErrorCode::kNone : ErrorCode::kUnknownMemberId;
  }
  const ErrorCode error = check_member(member_id, instance_id);
  if (error != ErrorCode::kNone) return error;
  if (generation != generation_) return ErrorCode::kIllegalGeneration;
  if (is_transactional) return ErrorCode::kNone;
  // It knows this generation and has no assignment of it yet: what it commits is of the last one.
  if (state_ == GroupState::completing_rebalance) return ErrorCode::kRebalanceInProgress;
  // While members join, a commit of the old generation is welcome: it saves reading twice.
  alive(*members_.find(member_id), now);
  return ErrorCode::kNone;
}

// --- members ------------------------------------------------------------------------------------

void Group::alive(Member& member, Time now) {
  member.heard_ms = now.now_ms;
  if (!member.is_new) start_session(member, now);  // else: one deadline for its whole first join
}

void Group::start_session(Member& member, Time now) {
  member.deadline_ms = now.now_ms + member.session_timeout_ms;
  expiry_check_ms_ = std::min(expiry_check_ms_, member.deadline_ms);
}

void Group::await_join(Member& member, JoinReply reply, Time now) {
  JoinReply older = members_.set_join_reply(member, std::move(reply));
  if (older) {
    // The client gave up on it and asks again; nobody reads this answer.
    older({.error = ErrorCode::kRebalanceInProgress, .member_id = member.id});
  }
  alive(member, now);
}

void Group::remove_member(Member& member, ErrorCode why) {
  forget_sync_debt(member);
  const bool was_leader = leader_ == &member;
  Member gone = members_.remove(member);
  if (was_leader) leader_ = members_.empty() ? nullptr : &*members_.begin();
  if (gone.join_reply) gone.join_reply({.error = why});
  if (gone.sync_reply) gone.sync_reply({.error = why});
}

void Group::forget_sync_debt(Member& member) {
  if (!member.owes_sync) return;
  member.owes_sync = false;
  if (--sync_debtors_ == 0) sync_deadline_ms_ = kNever;
}

RebalanceCause Group::cause_of(Kind kind, const Member& member, std::string reason) const {
  return {.kind = kind,
          .member_id = member.id,
          .client_id = member.client_id,
          .client_host = member.client_host,
          .late_by_ms = 0,
          .reason = std::move(reason)};
}

GroupStore::Done Group::in_this_generation(GroupStore::Done done) {
  return [this, token = std::weak_ptr<char>(alive_token_), generation = generation_,
          done = std::move(done)](ErrorCode error, Time now) mutable {
    if (token.expired() || state_ == GroupState::dead || generation_ != generation) return;
    done(error, now);
  };
}

// --- views --------------------------------------------------------------------------------------

GroupDescription Group::describe() const {
  GroupDescription description;
  description.state = state_;
  GroupRecord now = record();
  description.protocol_type = std::move(now.protocol_type);
  description.members = std::move(now.members);
  if (state_ == GroupState::stable) {
    description.protocol = protocol_.value_or("");
    return description;
  }
  for (GroupRecord::Member& each : description.members) {
    each.subscription.clear();
    each.assignment.clear();
  }
  return description;
}

GroupRecord Group::record() const {
  GroupRecord record;
  record.protocol_type = protocol_type_;
  record.generation = generation_;
  record.protocol = protocol_;
  if (leader_ != nullptr) record.leader = leader_->id;
  record.state_timestamp_ms = state_timestamp_ms_;
  record.members.reserve(members_.size());
  for (const Member& each : members_) {
    const std::string* metadata = protocol_ ? each.metadata_for(*protocol_) : nullptr;
    record.members.push_back({.member_id = each.id,
                              .instance_id = each.instance_id,
                              .client_id = each.client_id,
                              .client_host = each.client_host,
                              .rebalance_timeout_ms = each.rebalance_timeout_ms,
                              .session_timeout_ms = each.session_timeout_ms,
                              .subscription = metadata == nullptr ? std::string() : *metadata,
                              .assignment = each.assignment});
  }
  return record;
}

// --- end ----------------------------------------------------------------------------------------

void Group::close(ErrorCode why) {
  state_ = GroupState::dead;
  expiry_check_ms_ = join_deadline_ms_ = sync_deadline_ms_ = kNever;
  pending_.clear();
  for (Member& each : members_) {
    if (JoinReply reply = members_.take_join_reply(each)) {
      reply({.error = why, .member_id = each.id});
    }
    if (SyncReply reply = std::exchange(each.sync_reply, nullptr)) reply({.error = why});
  }
}

}  // namespace groups
