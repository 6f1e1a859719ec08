// A static member that comes back without its id (KIP-345): a restarted process takes the place of
// its predecessor, in a stable group without a rebalance.
#include <utility>

#include "base/log.h"
#include "broker/groups/group.h"

namespace groups {

using protocol::ErrorCode;

struct Group::BeforeReplacement {
  std::string member_id;
  std::string leader_id;
  std::string client_id;
  std::string client_host;
  std::vector<MemberProtocol> protocols;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  bool supports_skip_assignment = false;  // of the newcomer
};

void Group::replace_static_member(Member& member, JoinRequest request, JoinReply reply, Time now) {
  // Whoever held the instance id until now is fenced, wherever it waits.
  if (JoinReply older = members_.take_join_reply(member)) {
    older({.error = ErrorCode::kFencedInstanceId, .member_id = member.id});
  }
  if (SyncReply older = std::exchange(member.sync_reply, nullptr)) {
    older({.error = ErrorCode::kFencedInstanceId});
  }
  BeforeReplacement before{
      .member_id = member.id,
      .leader_id = leader_->id,
      .client_id = std::exchange(member.client_id, std::move(request.client_id)),
      .client_host = std::exchange(member.client_host, std::move(request.client_host)),
      .protocols = member.protocols,
      .rebalance_timeout_ms = member.rebalance_timeout_ms,
      .session_timeout_ms = member.session_timeout_ms,
      .supports_skip_assignment = request.supports_skip_assignment};
  members_.rename(member, store_.new_member_id(*member.instance_id));
  members_.set_protocols(member, std::move(request.protocols));
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  if (member.is_new) {
    member.deadline_ms = now.now_ms + settings_.new_member_join_timeout_ms;
  }
  await_join(member, std::move(reply), now);

  if (state_ == GroupState::stable && members_.vote() == protocol_) {
    store_replacement(member, std::move(before), now);
    return;
  }
  // In CompletingRebalance the leader may be assigning to the old id at this moment.
  Causes causes;
  if (state_ != GroupState::preparing_rebalance) {
    causes.push_back(cause_of(Kind::static_member_replaced, member, std::move(request.reason)));
  }
  rebalance(std::move(causes), now);
  history_.member_joined(member.id, now);
}

void Group::store_replacement(Member& member, BeforeReplacement before, Time /*now*/) {
  store_.store(*this, record(),
               in_this_generation([this, member_id = member.id, before = std::move(before)](
                                      ErrorCode error, Time now) mutable {
                 on_replacement_stored(member_id, std::move(before), error, now);
               }));
}

void Group::on_replacement_stored(const std::string& member_id, BeforeReplacement before,
                                  ErrorCode error, Time now) {
  // In a rebalance that began meanwhile its JoinGroup counts as one for that, stored or not: the
  // next record will have its id.
  if (state_ != GroupState::stable) return;
  Member* member = members_.find(member_id);
  if (member == nullptr || !member->joins()) return;  // it left, or was replaced in its turn
  JoinAnswer answer = generation_answer(*member);
  if (error != ErrorCode::kNone) {
    LOG_WARN("group {} could not store a replaced static member instance={} error={}", id_,
             *member->instance_id, protocol::name(error));
    answer.error = error;
    answer.member_id.clear();
    answer.members.clear();
    answer.leader = before.leader_id;
    JoinReply reply = members_.take_join_reply(*member);
    members_.rename(*member, std::move(before.member_id));
    members_.set_protocols(*member, std::move(before.protocols));
    member->client_id = std::move(before.client_id);
    member->client_host = std::move(before.client_host);
    member->rebalance_timeout_ms = before.rebalance_timeout_ms;
    member->session_timeout_ms = before.session_timeout_ms;
    alive(*member, now);
    reply(std::move(answer));
    return;
  }
  if (before.supports_skip_assignment) {
    // The leader learns that it leads, and watches for new partitions, but assigns nothing: the
    // group is stable and would not look at it (KIP-814).
    answer.skip_assignment = leader_ == member;
  } else {
    // Older clients would assign if they were told that they lead.
    answer.members.clear();
    answer.leader = before.leader_id;
  }
  refresh_topics();
  alive(*member, now);
  members_.take_join_reply (*member)(std::move(answer));
}

}  // namespace groups
