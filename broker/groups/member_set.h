// Purpose: the members of a group, in the order in which they came, with the counts that keep a
// join cheap: how many wait, and how many support each protocol.
//
// Addresses of members are stable until they are removed. Joining is O(protocols) per member,
// however many members there are; a vote walks all of them, once per generation.
// Source: GroupMetadata.scala (3.9); there the order is that of a hash map, here it is arrival.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/groups/member.h"

namespace groups {

class MemberSet {
 public:
  using List = std::list<Member>;

  bool empty() const { return members_.empty(); }
  std::size_t size() const { return members_.size(); }
  List::iterator begin() { return members_.begin(); }
  List::iterator end() { return members_.end(); }
  List::const_iterator begin() const { return members_.begin(); }
  List::const_iterator end() const { return members_.end(); }

  // nullptr if there is none.
  Member* find(std::string_view member_id);
  const Member* find(std::string_view member_id) const;
  Member* find_instance(std::string_view instance_id);
  const Member* find_instance(std::string_view instance_id) const;

  // Neither its id nor its instance id is taken.
  Member& add(Member member);
  // The member with its replies, for the caller to answer.
  Member remove(Member& member);
  // A static member's successor: the same place in the order.
  void rename(Member& member, std::string new_id);
  void set_protocols(Member& member, std::vector<MemberProtocol> protocols);

  // --- the join phase -----------------------------------------------------------------------
  std::size_t joining_count() const { return joining_count_; }
  bool all_join() const { return joining_count_ == members_.size(); }
  // An older JoinGroup of the same member that still waits comes back.
  JoinReply set_join_reply(Member& member, JoinReply reply);
  JoinReply take_join_reply(Member& member);

  // Whether one of `protocols` is supported by every member.
  bool has_common(const std::vector<MemberProtocol>& protocols) const;
  // Each member votes for the first of its protocols that all support; most votes win, a tie goes
  // to what an earlier member wanted. Not for an empty set.
  std::string vote() const;
  std::int32_t max_rebalance_timeout_ms() const;

 private:
  void count_protocols(const Member& member, int by);

  List members_;
  // Keys are views of the members' own strings.
  std::unordered_map<std::string_view, List::iterator> by_id_;
  std::unordered_map<std::string_view, Member*> by_instance_;
  std::map<std::string, std::size_t, std::less<>> supporters_;  // protocol name: members
  std::size_t joining_count_ = 0;
};

}  // namespace groups
