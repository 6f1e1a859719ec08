// SyncGroup: the leader's assignment is stored, then everybody gets its part.
#include <utility>

#include "base/check.h"
#include "broker/groups/group.h"

namespace groups {

using protocol::ErrorCode;

void Group::sync(SyncRequest request, SyncReply reply, Time now) {
  const ErrorCode error = check_sync(request);
  if (error != ErrorCode::kNone) return reply({.error = error});

  Member& member = *members_.find(request.member_id);
  forget_sync_debt(member);
  alive(member, now);
  if (state_ == GroupState::stable) {
    reply(
        {.protocol_type = protocol_type_, .protocol = protocol_, .assignment = member.assignment});
    return;
  }
  if (SyncReply older = std::exchange(member.sync_reply, std::move(reply))) {
    // The client gave up on it and asks again; nobody reads this answer.
    older({.error = ErrorCode::kRebalanceInProgress});
  }
  if (&member == leader_) store_assignment(std::move(request), now);
}

ErrorCode Group::check_sync(const SyncRequest& request) const {
  if (state_ == GroupState::dead) return ErrorCode::kCoordinatorNotAvailable;
  const ErrorCode error = check_member(request.member_id, request.instance_id);
  if (error != ErrorCode::kNone) return error;
  if (request.generation != generation_) return ErrorCode::kIllegalGeneration;
  if ((request.protocol_type && *request.protocol_type != protocol_type_) ||
      (request.protocol && request.protocol != protocol_)) {
    return ErrorCode::kInconsistentGroupProtocol;
  }
  return state_ == GroupState::preparing_rebalance ? ErrorCode::kRebalanceInProgress
                                                   : ErrorCode::kNone;
}

void Group::store_assignment(SyncRequest request, Time /*now*/) {
  // One assignment per generation: a leader that asks again waits for the first to be stored.
  if (is_storing_assignment_) return;
  is_storing_assignment_ = true;
  // Members that the leader forgot get an empty one; whom it invented is no member.
  for (Member& each : members_) each.pending_assignment.clear();
  for (SyncRequest::Assignment& each : request.assignments) {
    Member* member = members_.find(each.member_id);
    if (member != nullptr) member->pending_assignment = std::move(each.bytes);
  }
  GroupRecord next = record();
  auto stored = next.members.begin();
  for (const Member& each : members_) (stored++)->assignment = each.pending_assignment;
  store_.store(*this, std::move(next),
               in_this_generation(
                   [this, leader_id = std::move(request.member_id)](ErrorCode error, Time now) {
                     on_assignment_stored(leader_id, error, now);
                   }));
}

void Group::on_assignment_stored(const std::string& leader_id, ErrorCode error, Time now) {
  // A rebalance began meanwhile; whoever waited has been told.
  if (state_ != GroupState::completing_rebalance) return;
  is_storing_assignment_ = false;
  if (error != ErrorCode::kNone) {
    answer_syncs(error, now);
    const Member* leader = members_.find(leader_id);
    VERIFY(leader != nullptr, "a leader left and no rebalance began: {}", leader_id);
    Causes causes;
    causes.push_back(
        cause_of(Kind::assignment_not_stored, *leader, std::string(protocol::name(error))));
    rebalance(std::move(causes), now);
    return;
  }
  for (Member& each : members_) {
    each.assignment = std::move(each.pending_assignment);
    each.pending_assignment.clear();
  }
  enter(GroupState::stable, now);
  finish_rebalance(now);
  answer_syncs(ErrorCode::kNone, now);
}

// Everybody whose SyncGroup waits: with its assignment, or with what went wrong.
void Group::answer_syncs(ErrorCode error, Time now) {
  for (Member& each : members_) {
    if (error != ErrorCode::kNone) each.assignment.clear();
    SyncReply reply = std::exchange(each.sync_reply, nullptr);
    if (!reply) continue;
    alive(each, now);
    if (error != ErrorCode::kNone) {
      reply({.error = error});
    } else {
      reply(
          {.protocol_type = protocol_type_, .protocol = protocol_, .assignment = each.assignment});
    }
  }
}

}  // namespace groups
