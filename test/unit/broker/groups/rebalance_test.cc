// Goal: phases of a rebalance begin and end when Kafka's do, and everybody is answered.
#include "test/unit/broker/groups/group_bench.h"

using namespace groups;
using protocol::ErrorCode;

TEST_CASE("the first members of a group are gathered for the initial delay") {
  Bench bench;
  const Joined first = bench.join(a_join());
  CHECK_EQ(bench.group->next_deadline_ms(), bench.now.now_ms + 3000);
  bench.pass(2999);
  CHECK(first->waits());
  bench.pass(1);
  CHECK_EQ(first->get().generation, 1);
  CHECK_EQ(first->get().leader, first->get().member_id);
  CHECK_EQ(first->get().members.size(), 1);
  CHECK_EQ(first->get().protocol, "range");
}

TEST_CASE("a fresh group waits on while members come, up to the rebalance timeout") {
  Bench bench;
  JoinRequest request = a_join();
  request.rebalance_timeout_ms = 7000;
  const Joined first = bench.join(request);
  for (int i = 0; i < 6; ++i) {  // one new member each second, until 6 s
    bench.pass(1000);
    bench.join(request);
  }
  CHECK(first->waits());
  bench.pass(999);
  CHECK(first->waits());
  bench.pass(1);  // 3 s, 3 s, 1 s
  CHECK_EQ(first->get().members.size(), 7);
}

TEST_CASE("only a fresh group waits longer than the initial delay") {
  Bench bench;
  const auto ids = bench.stable(1);
  CHECK_EQ(bench.leave({ids[0], {}, {}}), ErrorCode::kNone);
  CHECK_EQ(bench.group->state(), GroupState::empty);
  CHECK_EQ(bench.group->generation(), 2);
  const Joined first = bench.join(a_join());
  bench.pass(1000);
  bench.join(a_join());
  bench.pass(2000);
  CHECK_EQ(first->get().generation, 3);
}

TEST_CASE("no initial delay: the first member is answered at once") {
  Bench bench({.initial_rebalance_delay_ms = 0});
  CHECK_EQ(bench.join(a_join())->get().generation, 1);
}

TEST_CASE("a rebalance ends when the last member has rejoined; the order of joining is kept") {
  Bench bench;
  const auto ids = bench.stable(3);
  CHECK_EQ(bench.beat(ids[1]), ErrorCode::kNone);
  const Joined newcomer = bench.join(a_join());
  CHECK_EQ(bench.beat(ids[1]), ErrorCode::kRebalanceInProgress);
  bench.join(a_join(ids[2]));
  const Joined leader = bench.join(a_join(ids[0]));
  CHECK(leader->waits());
  bench.join(a_join(ids[1]));
  REQUIRE_EQ(leader->get().members.size(), 4);
  CHECK_EQ(leader->get().members[0].member_id, ids[0]);
  CHECK_EQ(leader->get().members[3].member_id, newcomer->get().member_id);
  CHECK(newcomer->get().members.empty());
  CHECK_EQ(newcomer->get().leader, ids[0]);
}

TEST_CASE(
    "at the rebalance timeout dynamic members that did not come are gone, and a new leader leads") {
  Bench bench;
  const auto ids = bench.stable(2);
  const Joined follower = bench.join([&] {
    JoinRequest request = a_join(ids[1]);
    request.protocols[0].metadata = subscription_to({"t", "u"});
    return request;
  }());
  for (int i = 0; i < 12; ++i) {
    CHECK(follower->waits());
    CHECK_EQ(bench.beat(ids[0]), ErrorCode::kRebalanceInProgress);
    bench.pass(5000);
  }
  CHECK_EQ(follower->get().leader, ids[1]);
  CHECK_EQ(follower->get().members.size(), 1);
  CHECK_EQ(bench.beat(ids[0]), ErrorCode::kUnknownMemberId);
  REQUIRE_EQ(bench.group->history().rebalances().back().causes.size(), 2);
  CHECK_EQ(bench.group->history().rebalances().back().causes[1].kind,
           RebalanceCause::Kind::join_timed_out);
}

TEST_CASE("static members that did not come stay in the group") {
  Bench bench;
  const auto ids = bench.stable(0, {"a", "b"});
  const Joined leader = bench.join(a_static_join("a", ids[0]));
  for (int i = 0; i < 12; ++i) {
    bench.group->heartbeat(ids[1], "b", bench.group->generation(), bench.now);
    bench.pass(5000);
  }
  CHECK_EQ(leader->get().members.size(), 2);
  CHECK_EQ(bench.group->member_count(), 2);
}

TEST_CASE("when no static member comes, another round waits for them") {
  Bench bench;
  const auto ids = bench.stable(1, {"a"});
  CHECK_EQ(bench.leave({ids[0], {}, {}}), ErrorCode::kNone);
  const std::int32_t generation = bench.group->generation();
  for (int i = 0; i < 14; ++i) {
    bench.pass(5000);
    bench.group->heartbeat(ids[1], "a", generation, bench.now);
  }
  CHECK_EQ(bench.group->generation(), generation);
  CHECK_EQ(bench.group->state(), GroupState::preparing_rebalance);
  const Joined late = bench.join(a_static_join("a", ids[1]));
  CHECK_EQ(late->get().generation, generation + 1);
}

TEST_CASE("a new member that waits for five minutes is let go") {
  Bench bench;
  const auto ids = bench.stable(1);
  JoinRequest slow = a_join(ids[0]);
  slow.rebalance_timeout_ms = 600'000;
  bench.join(slow);
  bench.settle(ids);
  const Joined newcomer = bench.join(a_join());
  for (int i = 0; i < 60; ++i) {
    CHECK(newcomer->waits());
    bench.beat(ids[0]);
    bench.pass(5000);
  }
  CHECK_EQ(newcomer->error(), ErrorCode::kUnknownMemberId);
  CHECK_EQ(newcomer->get().member_id, "");
}

TEST_CASE(
    "an id that was given and not used lapses with its session, and holds up the join phase") {
  Bench bench;
  const auto ids = bench.stable(1);
  JoinRequest request = a_join();
  request.requires_known_member_id = true;
  const std::string pending = bench.join(request)->get().member_id;
  CHECK_EQ(bench.group->state(), GroupState::stable);
  const Joined leader = bench.join(a_join(ids[0]));
  bench.pass(9999);
  CHECK(leader->waits());
  bench.pass(1);
  CHECK_EQ(leader->get().generation, 2);
  CHECK_EQ(bench.join(a_join(pending))->error(), ErrorCode::kUnknownMemberId);
}

TEST_CASE("a member joins with the id that it was given") {
  Bench bench;
  JoinRequest request = a_join();
  request.requires_known_member_id = true;
  request.member_id = bench.join(request)->get().member_id;
  CHECK_EQ(request.member_id, "c-1");
  CHECK_EQ(bench.group->state(), GroupState::empty);
  const Joined joined = bench.join(request);
  bench.pass(3000);
  CHECK_EQ(joined->get().member_id, request.member_id);
}

TEST_CASE("the session: without a sign of life for its length a member is gone") {
  Bench bench;
  const auto ids = bench.stable(2);
  bench.pass(9999);
  bench.beat(ids[0]);
  bench.pass(1);
  CHECK_EQ(bench.group->state(), GroupState::preparing_rebalance);
  CHECK_EQ(bench.beat(ids[1]), ErrorCode::kUnknownMemberId);
  const Rebalance& last = bench.group->history().rebalances().back();
  REQUIRE_EQ(last.causes.size(), 1);
  CHECK_EQ(last.causes[0].kind, RebalanceCause::Kind::member_timed_out);
  CHECK_EQ(last.causes[0].late_by_ms, 10'000);
  bench.pass(10'000);
  CHECK_EQ(bench.group->state(), GroupState::empty);
  CHECK_EQ(bench.group->next_deadline_ms(), Group::kNever);
}

TEST_CASE("who waits does not expire") {
  Bench bench;
  const auto ids = bench.stable(2);
  const Joined leader = bench.join(a_join(ids[0]));
  for (int i = 0; i < 4; ++i) {
    bench.pass(9000);
    bench.beat(ids[1]);
  }
  CHECK(leader->waits());
  bench.join(a_join(ids[1]));
  CHECK_EQ(leader->error(), ErrorCode::kNone);
  const Synced follower = bench.sync(ids[1]);
  for (int i = 0; i < 4; ++i) {
    bench.pass(9000);
    bench.beat(ids[0]);
  }
  CHECK(follower->waits());
  CHECK_EQ(bench.group->member_count(), 2);
}

TEST_CASE(
    "who was told of the generation and does not sync is removed after the rebalance timeout") {
  Bench bench;
  std::vector<Joined> joins = {bench.join(a_join()), bench.join(a_join())};
  bench.pass(6000);
  const std::string leader = joins[0]->get().member_id, follower = joins[1]->get().member_id;
  const Synced waiting = bench.sync(follower);
  for (int i = 0; i < 11; ++i) {
    bench.pass(5000);
    CHECK_EQ(bench.beat(leader), ErrorCode::kNone);
  }
  CHECK(waiting->waits());
  bench.pass(5000);
  CHECK_EQ(waiting->error(), ErrorCode::kRebalanceInProgress);
  CHECK_EQ(bench.beat(leader), ErrorCode::kUnknownMemberId);
  CHECK_EQ(bench.beat(follower), ErrorCode::kRebalanceInProgress);
}

TEST_CASE("an assignment is stored before anybody gets it") {
  Bench bench;
  std::vector<Joined> joins = {bench.join(a_join()), bench.join(a_join())};
  bench.pass(6000);
  const std::string leader = joins[0]->get().member_id, follower = joins[1]->get().member_id;
  const Synced first = bench.sync(leader, {{leader, "L"}, {follower, "F"}, {"invented", "X"}});
  const Synced second = bench.sync(follower);
  CHECK(first->waits());
  CHECK(second->waits());
  CHECK_EQ(bench.group->state(), GroupState::completing_rebalance);
  REQUIRE_EQ(bench.store.waiting.size(), 1);
  const GroupRecord& record = bench.store.waiting.front().record;
  CHECK_EQ(record.leader, leader);
  CHECK_EQ(record.protocol, "range");
  REQUIRE_EQ(record.members.size(), 2);
  CHECK_EQ(record.members[1].assignment, "F");
  CHECK_EQ(record.members[1].subscription, subscription_to({"t"}));
  bench.finish_store();
  CHECK_EQ(first->get().assignment, "L");
  CHECK_EQ(second->get().assignment, "F");
  CHECK_EQ(second->get().protocol, "range");
  CHECK_EQ(bench.group->state(), GroupState::stable);
  CHECK_EQ(bench.sync(follower)->get().assignment, "F");
}

TEST_CASE(
    "an assignment that cannot be stored fails everybody's SyncGroup and the group begins anew") {
  Bench bench;
  std::vector<Joined> joins = {bench.join(a_join()), bench.join(a_join())};
  bench.pass(6000);
  const std::string leader = joins[0]->get().member_id, follower = joins[1]->get().member_id;
  const Synced first = bench.sync(leader, {{leader, "L"}}), second = bench.sync(follower);
  bench.finish_store(ErrorCode::kCoordinatorNotAvailable);
  CHECK_EQ(first->error(), ErrorCode::kCoordinatorNotAvailable);
  CHECK_EQ(second->error(), ErrorCode::kCoordinatorNotAvailable);
  CHECK_EQ(second->get().assignment, "");
  CHECK_EQ(bench.group->state(), GroupState::preparing_rebalance);
  bench.join(a_join(leader));
  bench.join(a_join(follower));
  bench.settle({leader, follower});
  CHECK_EQ(bench.group->describe().members[1].assignment, "of " + follower);
}

TEST_CASE("a record that is stored after a new rebalance began changes nothing") {
  Bench bench;
  const Joined joined = bench.join(a_join());
  bench.pass(3000);
  const std::string leader = joined->get().member_id;
  const Synced synced = bench.sync(leader, {{leader, "old"}});
  const Joined newcomer = bench.join(a_join());
  CHECK_EQ(synced->error(), ErrorCode::kRebalanceInProgress);
  bench.join(a_join(leader));
  bench.finish_store();
  CHECK_EQ(bench.group->state(), GroupState::completing_rebalance);
  bench.settle({leader, newcomer->get().member_id});
  CHECK_EQ(bench.group->describe().members[0].assignment, "of " + leader);
}

TEST_CASE("a leader that asks twice gets what it said first") {
  Bench bench;
  const Joined joined = bench.join(a_join());
  bench.pass(3000);
  const std::string leader = joined->get().member_id;
  const Synced first = bench.sync(leader, {{leader, "1"}});
  const Synced second = bench.sync(leader, {{leader, "2"}});
  CHECK_EQ(first->error(), ErrorCode::kRebalanceInProgress);
  CHECK_EQ(bench.store.waiting.size(), 1);
  bench.finish_store();
  CHECK_EQ(second->get().assignment, "1");
  CHECK_EQ(bench.store.stored.back().members[0].assignment, "1");
}

TEST_CASE("the protocol that most members prefer, of those that all support") {
  Bench bench;
  const auto with = [](std::vector<MemberProtocol> protocols) {
    JoinRequest request = a_join();
    request.protocols = std::move(protocols);
    return request;
  };
  const Joined first = bench.join(with({{"only-mine", ""}, {"range", ""}, {"sticky", ""}}));
  bench.join(with({{"sticky", ""}, {"range", ""}}));
  bench.join(with({{"sticky", ""}, {"range", ""}, {"sticky", "again"}}));
  bench.pass(6000);
  CHECK_EQ(first->get().protocol, "sticky");
}

TEST_CASE(
    "while the leader assigns, a repeated join gets the same answer, a changed one rebalances") {
  Bench bench;
  std::vector<Joined> joins = {bench.join(a_join()), bench.join(a_join())};
  bench.pass(6000);
  const std::string leader = joins[0]->get().member_id, follower = joins[1]->get().member_id;
  CHECK_EQ(bench.join(a_join(leader))->get().members.size(), 2);
  CHECK_EQ(bench.join(a_join(follower))->get().generation, 1);
  const Synced waiting = bench.sync(leader);
  JoinRequest changed = a_join(follower);
  changed.protocols[0].metadata = "new";
  const Joined again = bench.join(changed);
  CHECK_EQ(waiting->error(), ErrorCode::kRebalanceInProgress);
  CHECK(again->waits());
}

TEST_CASE("a stable group rebalances for its leader, not for a follower with nothing new") {
  Bench bench;
  const auto ids = bench.stable(2);
  CHECK_EQ(bench.join(a_join(ids[1]))->get().generation, 1);
  CHECK_EQ(bench.group->state(), GroupState::stable);
  CHECK(bench.join(a_join(ids[0]))->waits());
  CHECK_EQ(bench.group->history().rebalances().back().causes[0].kind,
           RebalanceCause::Kind::leader_rejoined);
}

TEST_CASE("a lowered group.max.size keeps out who rejoins last") {
  Bench bench;
  const auto ids = bench.stable(3);
  bench.settings.max_size = 2;
  const Joined leader = bench.join(a_join(ids[0]));
  bench.join(a_join(ids[1]));
  CHECK_EQ(bench.join(a_join(ids[2]))->error(), ErrorCode::kGroupMaxSizeReached);
  CHECK_EQ(leader->get().members.size(), 2);
}

TEST_CASE("the last to leave leaves an empty group behind, and a record of that") {
  Bench bench;
  const auto ids = bench.stable(2);
  CHECK_EQ(bench.group->leave({{ids[0], {}, "bye"}, {ids[1], {}, {}}}, bench.now),
           std::vector{ErrorCode::kNone, ErrorCode::kNone});
  CHECK_EQ(bench.group->state(), GroupState::empty);
  CHECK_EQ(bench.group->state_timestamp_ms(), bench.now.wall_ms);
  REQUIRE_EQ(bench.store.waiting.size(), 1);
  const GroupRecord& record = bench.store.waiting.front().record;
  CHECK(!record.protocol);
  CHECK(!record.leader);
  CHECK_EQ(record.protocol_type, "consumer");
  CHECK_EQ(record.generation, 2);
  CHECK(record.members.empty());
  bench.finish_store(ErrorCode::kNotCoordinator);
  CHECK_EQ(bench.group->state(), GroupState::empty);
}

TEST_CASE("a group that moves away tells whoever waits") {
  Bench bench;
  const auto ids = bench.stable(2);
  const Joined joins = bench.join(a_join(ids[0]));
  bench.group->close(ErrorCode::kNotCoordinator);
  CHECK_EQ(joins->error(), ErrorCode::kNotCoordinator);
  CHECK_EQ(joins->get().member_id, ids[0]);
  CHECK_EQ(bench.group->state(), GroupState::dead);
  CHECK_EQ(bench.group->next_deadline_ms(), Group::kNever);
}

TEST_CASE("a store that answers after the group is gone") {
  Bench bench;
  const auto ids = bench.stable(1);
  bench.leave({ids[0], {}, {}});
  bench.group->close(ErrorCode::kNone);
  bench.group = std::make_unique<Group>("g", bench.settings, bench.store, bench.now);
  bench.finish_store(ErrorCode::kNotCoordinator);
  CHECK_EQ(bench.group->generation(), 0);
}

TEST_CASE("five hundred members join and leave without a step that visits all of them each time") {
  Bench bench({.initial_rebalance_delay_ms = 10});
  std::vector<Joined> joins;
  for (int i = 0; i < 500; ++i) joins.push_back(bench.join(a_join()));
  bench.pass(100);
  REQUIRE_EQ(joins[0]->get().members.size(), 500);
  std::vector<std::string> ids;
  for (const Joined& each : joins) ids.push_back(each->get().member_id);
  bench.settle(ids);
  std::vector<LeavingMember> all;
  for (const std::string& each : ids) all.push_back({each, {}, {}});
  bench.group->leave(all, bench.now);
  CHECK_EQ(bench.group->state(), GroupState::empty);
}

TEST_CASE("after a long wait for its assignment a member has a whole session, and no more") {
  Bench bench;
  std::vector<Joined> joins = {bench.join(a_join()), bench.join(a_join())};
  bench.pass(6000);
  const std::string leader = joins[0]->get().member_id, follower = joins[1]->get().member_id;
  bench.sync(follower);
  bench.pass(9000);
  bench.beat(leader);
  bench.pass(9000);
  bench.sync(leader);
  bench.finish_store();
  bench.pass(9999);
  CHECK_EQ(bench.group->member_count(), 2);
  bench.beat(leader);
  bench.pass(1);
  CHECK_EQ(bench.group->member_count(), 1);
}
