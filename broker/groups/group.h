// Purpose: one consumer group: members, generations, rebalances. Plain synchronous code; time comes
// as a value, what waits is kept as a reply to be called, what must be durable goes to a
// GroupStore.
//
// One loop (its shard's); not thread-safe. `now_ms` is the monotonic clock; `wall_ms` only where a
// record carries it. Committed offsets live beside it (group_offsets.h).
// After each call the owner asks next_deadline_ms() and sees to it that on_time() is called then.
// Source: GroupCoordinator.scala, GroupMetadata.scala (3.9).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "broker/groups/group_types.h"
#include "broker/groups/member_set.h"
#include "broker/groups/rebalance_history.h"

namespace groups {

class Group;

// Where a group record becomes durable. Implemented by the shard, and by tests.
class GroupStore {
 public:
  virtual ~GroupStore() = default;
  // `done` is called later, never inside this call, on the same loop, with the append's outcome in
  // SyncGroup's terms; not at all if the shard is unloaded meanwhile. It may outlive the group, and
  // does nothing then.
  using Done = std::move_only_function<void(protocol::ErrorCode, Time)>;
  virtual void store(Group& group, GroupRecord record, Done done) = 0;
  // A new member id: "<prefix>-<uuid>".
  virtual std::string new_member_id(const std::string& prefix) = 0;
};

class Group {
 public:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  // `settings` and `store` outlive the group; a changed setting counts from the next request on.
  Group(std::string id, const GroupSettings& settings, GroupStore& store, Time now);
  // As loaded: Stable with members (each has its session timeout from now), else Empty; with more
  // members than group.max.size it rebalances at once. Of two members with one id or instance id
  // the first counts.
  Group(std::string id, const GroupSettings& settings, GroupStore& store, GroupRecord record,
        Time now);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // --- requests -----------------------------------------------------------------------------
  void join(JoinRequest request, JoinReply reply, Time now);
  void sync(SyncRequest request, SyncReply reply, Time now);
  protocol::ErrorCode heartbeat(const std::string& member_id,
                                const std::optional<std::string>& instance_id,
                                std::int32_t generation, Time now);
  // One code per member. A dead group: COORDINATOR_NOT_AVAILABLE for each.
  std::vector<protocol::ErrorCode> leave(const std::vector<LeavingMember>& members, Time now);
  // Whether this member may commit offsets now; counts as a sign of life. `is_transactional`:
  // TxnOffsetCommit's looser rules (KIP-447), and no sign of life.
  protocol::ErrorCode check_commit(const std::string& member_id,
                                   const std::optional<std::string>& instance_id,
                                   std::int32_t generation, bool is_transactional, Time now);

  // --- time ---------------------------------------------------------------------------------
  // The next moment at which on_time may have something to do (never later than it really has), or
  // kNever. Cheap.
  std::int64_t next_deadline_ms() const;
  void on_time(Time now);

  // --- views --------------------------------------------------------------------------------
  const std::string& id() const { return id_; }
  GroupState state() const { return state_; }
  std::int32_t generation() const { return generation_; }
  const std::string& protocol_type() const { return protocol_type_; }
  std::size_t member_count() const { return members_.size(); }
  GroupDescription describe() const;
  GroupRecord record() const;
  // Wall clock since when the group is in its state; -1 if unknown (records below v2).
  std::optional<std::int64_t> state_timestamp_ms() const { return state_timestamp_ms_; }
  // Topics that members subscribe to (embedded consumer protocol), as of the current generation;
  // empty for a consumer group without members; nullopt if the group is no consumer group or one
  // subscription cannot be parsed.
  const std::optional<std::set<std::string>>& subscribed_topics() const { return topics_; }
  const RebalanceHistory& history() const { return history_; }

  // --- end ----------------------------------------------------------------------------------
  // Removed by DeleteGroups or expiry (only while Empty), or its shard moves away: state Dead,
  // whoever waits gets `why`. Before the destructor, if anybody may wait.
  void close(protocol::ErrorCode why);

 private:
  using Kind = RebalanceCause::Kind;
  using Causes = std::vector<RebalanceCause>;
  struct BeforeReplacement;  // what a failed store brings back

  // Requests: the parts of join (group_join.cc, group_replace.cc) and sync (group_sync.cc).
  bool has_room_for(const Member* member) const;
  bool supports(const JoinRequest& request) const;
  void join_new(JoinRequest request, JoinReply reply, Time now);
  void join_known(JoinRequest request, JoinReply reply, Time now);
  void join_again(Member& member, JoinRequest request, JoinReply reply, Time now);
  void add_member(std::string member_id, JoinRequest request, JoinReply reply, Time now);
  void replace_static_member(Member& member, JoinRequest request, JoinReply reply, Time now);
  void store_replacement(Member& member, BeforeReplacement before, Time now);
  void on_replacement_stored(const std::string& member_id, BeforeReplacement before,
                             protocol::ErrorCode error, Time now);
  JoinAnswer generation_answer(const Member& member) const;
  protocol::ErrorCode check_sync(const SyncRequest& request) const;
  void store_assignment(SyncRequest request, Time now);
  void on_assignment_stored(const std::string& leader_id, protocol::ErrorCode error, Time now);

  // Members (group.cc).
  // Known and, with an instance id, not replaced by another.
  protocol::ErrorCode check_member(const std::string& member_id,
                                   const std::optional<std::string>& instance_id) const;
  void await_join(Member& member, JoinReply reply, Time now);
  void alive(Member& member, Time now);  // heard of: its session starts anew
  void start_session(Member& member, Time now);
  void remove_member(Member& member, protocol::ErrorCode why);
  void forget_sync_debt(Member& member);
  RebalanceCause cause_of(Kind kind, const Member& member, std::string reason = {}) const;
  // A store's callback that does nothing once the group is gone or another generation came.
  GroupStore::Done in_this_generation(
      std::move_only_function<void(protocol::ErrorCode, Time)> done);

  // The cycle (group_rebalance.cc).
  void enter(GroupState state, Time now);
  // Rebalances if the group is not doing so; else the causes are noted.
  void rebalance(Causes causes, Time now);
  void after_removals(Causes causes, Time now);
  void prepare_rebalance(Causes causes, Time now);
  void answer_syncs(protocol::ErrorCode error, Time now);
  void complete_join_if_ready(Time now);
  void on_join_deadline(Time now);
  void complete_join(Time now);
  bool elect_joined_leader();
  void become_empty(Time now);
  void begin_generation(Time now);
  void on_sync_deadline(Time now);
  void expire_members(Time now);
  void finish_rebalance(Time now);
  void refresh_topics();

  const std::string id_;
  const GroupSettings& settings_;
  GroupStore& store_;

  GroupState state_ = GroupState::empty;
  std::optional<std::int64_t> state_timestamp_ms_;
  std::int32_t generation_ = 0;
  std::string protocol_type_;            // "": never had a member
  std::optional<std::string> protocol_;  // of the current generation
  MemberSet members_;
  Member* leader_ = nullptr;  // of members_; set while there are members
  // Ids given with MEMBER_ID_REQUIRED and not used yet (KIP-394): when they lapse.
  std::map<std::string, std::int64_t, std::less<>> pending_;
  std::optional<std::set<std::string>> topics_;
  RebalanceHistory history_;

  // No member and no pending id lapses before; early is allowed, so that a heartbeat need not look
  // for the next one.
  std::int64_t expiry_check_ms_ = kNever;
  std::int64_t join_deadline_ms_ = kNever;  // PreparingRebalance
  std::int64_t sync_deadline_ms_ = kNever;  // while somebody owes SyncGroup
  std::size_t sync_debtors_ = 0;
  bool is_storing_assignment_ = false;  // CompletingRebalance: the leader has spoken
  // The first join phase of an empty group lasts a fixed time (KIP-134).
  bool is_initial_join_ = false;
  bool came_during_initial_join_ = false;
  std::int64_t initial_join_step_ms_ = 0;       // the current wait
  std::int64_t initial_join_remaining_ms_ = 0;  // may be added at most

  std::shared_ptr<char> alive_token_ = std::make_shared<char>();
};

}  // namespace groups
