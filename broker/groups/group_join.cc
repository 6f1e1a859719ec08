// JoinGroup: who may come in, under which id, and whether that needs a rebalance.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "broker/groups/group.h"

namespace groups {

using protocol::ErrorCode;

namespace {

// A name counts once, at its first place: the counts of common protocols rely on it.
void drop_repeated_names(std::vector<MemberProtocol>& protocols) {
  if (protocols.size() < 2) return;
  std::unordered_set<std::string> seen;
  std::erase_if(protocols,
                [&](const MemberProtocol& each) { return !seen.insert(each.name).second; });
}

JoinAnswer refusal(ErrorCode error, std::string member_id = {}) {
  JoinAnswer answer;
  answer.error = error;
  answer.member_id = std::move(member_id);
  return answer;
}

}  // namespace

void Group::join(JoinRequest request, JoinReply reply, Time now) {
  if (request.session_timeout_ms < settings_.min_session_timeout_ms ||
      request.session_timeout_ms > settings_.max_session_timeout_ms) {
    reply(refusal(ErrorCode::kInvalidSessionTimeout, std::move(request.member_id)));
    return;
  }
  drop_repeated_names(request.protocols);
  Member* member = members_.find(request.member_id);
  if (!has_room_for(member)) {
    // Only while members join can it be one already: more are left than may be, and it is late.
    if (member != nullptr) remove_member(*member, ErrorCode::kGroupMaxSizeReached);
    pending_.erase(request.member_id);
    reply(refusal(ErrorCode::kGroupMaxSizeReached));
  } else if (request.member_id.empty()) {
    join_new(std::move(request), std::move(reply), now);
  } else {
    join_known(std::move(request), std::move(reply), now);
  }
  complete_join_if_ready(now);
}

// While members join, those who wait are counted, not those who are known: a limit that was lowered
// keeps out whoever rejoins last.
bool Group::has_room_for(const Member* member) const {
  const std::size_t room = static_cast<std::size_t>(std::max(settings_.max_size, 0));
  switch (state_) {
    case GroupState::empty:
    case GroupState::dead: return true;
    case GroupState::preparing_rebalance:
      return (member != nullptr && member->joins()) || members_.joining_count() < room;
    case GroupState::completing_rebalance:
    case GroupState::stable: return member != nullptr || members_.size() < room;
  }
  return true;
}

bool Group::supports(const JoinRequest& request) const {
  if (request.protocols.empty()) return false;
  if (state_ == GroupState::empty) return !request.protocol_type.empty();
  return request.protocol_type == protocol_type_ && members_.has_common(request.protocols);
}

void Group::join_new(JoinRequest request, JoinReply reply, Time now) {
  if (state_ == GroupState::dead) return reply(refusal(ErrorCode::kCoordinatorNotAvailable));
  if (!supports(request)) return reply(refusal(ErrorCode::kInconsistentGroupProtocol));

  if (request.instance_id) {
    Member* holder = members_.find_instance(*request.instance_id);
    if (holder != nullptr) {
      replace_static_member(*holder, std::move(request), std::move(reply), now);
      return;
    }
    std::string member_id = store_.new_member_id(*request.instance_id);
    add_member(std::move(member_id), std::move(request), std::move(reply), now);
    return;
  }
  std::string member_id = store_.new_member_id(request.client_id);
  if (request.requires_known_member_id) {
    // It comes back with the id; a client that does not leaves no ghost behind (KIP-394).
    const std::int64_t lapses_ms = now.now_ms + request.session_timeout_ms;
    pending_.insert_or_assign(member_id, lapses_ms);
    expiry_check_ms_ = std::min(expiry_check_ms_, lapses_ms);
    reply(refusal(ErrorCode::kMemberIdRequired, std::move(member_id)));
    return;
  }
  add_member(std::move(member_id), std::move(request), std::move(reply), now);
}

void Group::join_known(JoinRequest request, JoinReply reply, Time now) {
  std::string member_id = request.member_id;
  if (state_ == GroupState::dead) {
    return reply(refusal(ErrorCode::kCoordinatorNotAvailable, std::move(member_id)));
  }
  if (!supports(request)) {
    return reply(refusal(ErrorCode::kInconsistentGroupProtocol, std::move(member_id)));
  }
  // Ids wait for dynamic members only: with an instance id it is nobody's.
  if (!request.instance_id && pending_.contains(member_id)) {
    add_member(std::move(member_id), std::move(request), std::move(reply), now);
    return;
  }
  const ErrorCode error = check_member(member_id, request.instance_id);
  if (error != ErrorCode::kNone) return reply(refusal(error, std::move(member_id)));
  join_again(*members_.find(member_id), std::move(request), std::move(reply), now);
}

void Group::join_again(Member& member, JoinRequest request, JoinReply reply, Time now) {
  const bool is_unchanged = member.protocols == request.protocols;
  // The leader of a stable group asks because it saw something that no coordinator sees, such as
  // new partitions. All others who tell nothing new have missed an answer, or their assignment.
  const bool insists = state_ == GroupState::stable && leader_ == &member;
  if (state_ != GroupState::preparing_rebalance && is_unchanged && !insists) {
    alive(member, now);
    return reply(generation_answer(member));
  }
  Causes causes;
  if (state_ != GroupState::preparing_rebalance) {
    causes.push_back(cause_of(is_unchanged ? Kind::leader_rejoined : Kind::subscription_changed,
                              member, std::move(request.reason)));
  }
  members_.set_protocols(member, std::move(request.protocols));
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  await_join(member, std::move(reply), now);
  rebalance(std::move(causes), now);
  history_.member_joined(member.id, now);
}

void Group::add_member(std::string member_id, JoinRequest request, JoinReply reply, Time now) {
  if (state_ == GroupState::preparing_rebalance && generation_ == 0) {
    came_during_initial_join_ = true;
  }
  pending_.erase(member_id);
  if (members_.empty()) protocol_type_ = request.protocol_type;
  Member fresh;
  fresh.id = std::move(member_id);
  fresh.instance_id = std::move(request.instance_id);
  fresh.client_id = std::move(request.client_id);
  fresh.client_host = std::move(request.client_host);
  fresh.protocols = std::move(request.protocols);
  fresh.rebalance_timeout_ms = request.rebalance_timeout_ms;
  fresh.session_timeout_ms = request.session_timeout_ms;
  Member& member = members_.add(std::move(fresh));
  if (leader_ == nullptr) leader_ = &member;
  // It sends no heartbeats before its first answer, and a client that gave up may have come again
  // under another id: whoever waits too long is let go, and joins anew if it is still there.
  member.is_new = true;
  member.deadline_ms = now.now_ms + settings_.new_member_join_timeout_ms;
  expiry_check_ms_ = std::min(expiry_check_ms_, member.deadline_ms);
  await_join(member, std::move(reply), now);

  Causes causes;
  causes.push_back(cause_of(Kind::member_joined, member, std::move(request.reason)));
  rebalance(std::move(causes), now);
  history_.member_joined(member.id, now);
}

JoinAnswer Group::generation_answer(const Member& member) const {
  JoinAnswer answer;
  answer.generation = generation_;
  answer.protocol_type = protocol_type_;
  answer.protocol = protocol_;
  answer.leader = leader_->id;
  answer.member_id = member.id;
  if (leader_ != &member) return answer;
  answer.members.reserve(members_.size());
  for (const Member& each : members_) {
    const std::string* metadata = each.metadata_for(*protocol_);
    answer.members.push_back(
        {each.id, each.instance_id, metadata == nullptr ? std::string() : *metadata});
  }
  return answer;
}

}  // namespace groups
