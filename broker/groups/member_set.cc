#include "broker/groups/member_set.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace groups {

Member* MemberSet::find(std::string_view member_id) {
  const auto found = by_id_.find(member_id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

const Member* MemberSet::find(std::string_view member_id) const {
  const auto found = by_id_.find(member_id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

Member* MemberSet::find_instance(std::string_view instance_id) {
  const auto found = by_instance_.find(instance_id);
  return found == by_instance_.end() ? nullptr : found->second;
}

const Member* MemberSet::find_instance(std::string_view instance_id) const {
  const auto found = by_instance_.find(instance_id);
  return found == by_instance_.end() ? nullptr : found->second;
}

Member& MemberSet::add(Member member) {
  VERIFY(!member.join_reply, "a member waits only once it is in the set");
  members_.push_back(std::move(member));
  const auto place = std::prev(members_.end());
  const bool is_new_id = by_id_.emplace(place->id, place).second;
  VERIFY(is_new_id, "member {} twice", place->id);
  if (place->instance_id) {
    const bool is_new_instance = by_instance_.emplace(*place->instance_id, &*place).second;
    VERIFY(is_new_instance, "instance {} twice", *place->instance_id);
  }
  count_protocols(*place, 1);
  return *place;
}

Member MemberSet::remove(Member& member) {
  const auto found = by_id_.find(member.id);
  VERIFY(found != by_id_.end() && &*found->second == &member, "not a member: {}", member.id);
  const auto place = found->second;
  count_protocols(member, -1);
  if (member.joins()) --joining_count_;
  by_id_.erase(found);
  if (member.instance_id) by_instance_.erase(*member.instance_id);
  Member gone = std::move(member);
  members_.erase(place);
  return gone;
}

void MemberSet::rename(Member& member, std::string new_id) {
  const auto found = by_id_.find(member.id);
  VERIFY(found != by_id_.end(), "not a member: {}", member.id);
  const auto place = found->second;
  by_id_.erase(found);  // before the string that is its key changes
  member.id = std::move(new_id);
  const bool is_new_id = by_id_.emplace(place->id, place).second;
  VERIFY(is_new_id, "member {} twice", place->id);
}

void MemberSet::set_protocols(Member& member, std::vector<MemberProtocol> protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
}

void MemberSet::count_protocols(const Member& member, int by) {
  for (const MemberProtocol& each : member.protocols) {
    if (by > 0) {
      ++supporters_[each.name];
      continue;
    }
    const auto found = supporters_.find(each.name);
    VERIFY(found != supporters_.end(), "protocol {} was never counted", each.name);
    if (--found->second == 0) supporters_.erase(found);
  }
}

JoinReply MemberSet::set_join_reply(Member& member, JoinReply reply) {
  JoinReply older = take_join_reply(member);
  member.join_reply = std::move(reply);
  ++joining_count_;
  return older;
}

JoinReply MemberSet::take_join_reply(Member& member) {
  if (!member.joins()) return {};
  --joining_count_;
  return std::exchange(member.join_reply, nullptr);
}

bool MemberSet::has_common(const std::vector<MemberProtocol>& protocols) const {
  return std::any_of(protocols.begin(), protocols.end(), [&](const MemberProtocol& each) {
    const auto found = supporters_.find(each.name);
    return (found == supporters_.end() ? 0 : found->second) == members_.size();
  });
}

std::string MemberSet::vote() const {
  VERIFY(!members_.empty(), "nobody to vote");
  struct Tally {
    std::size_t votes = 0;
    std::size_t first_vote = 0;  // when it got its first one
  };
  std::map<std::string_view, Tally> tallies;
  std::size_t turn = 0;
  for (const Member& member : members_) {
    ++turn;
    for (const MemberProtocol& each : member.protocols) {
      const auto found = supporters_.find(each.name);
      if (found == supporters_.end() || found->second != members_.size()) continue;
      Tally& tally = tallies[each.name];
      if (tally.votes++ == 0) tally.first_vote = turn;
      break;
    }
  }
  VERIFY(!tallies.empty(), "members without a common protocol");
  const auto winner =
      std::max_element(tallies.begin(), tallies.end(), [](const auto& a, const auto& b) {
        if (a.second.votes != b.second.votes) return a.second.votes < b.second.votes;
        return a.second.first_vote > b.second.first_vote;
      });
  return std::string(winner->first);
}

std::int32_t MemberSet::max_rebalance_timeout_ms() const {
  std::int32_t longest_ms = 0;
  for (const Member& member : members_) {
    longest_ms = std::max(longest_ms, member.rebalance_timeout_ms);
  }
  return longest_ms;
}

}  // namespace groups
