// Goal: a restarted static member takes its place without a rebalance where KIP-345 and KIP-814
// promise that, and its predecessor is fenced wherever it waits.
#include "test/unit/broker/groups/group_bench.h"

using namespace groups;
using protocol::ErrorCode;

TEST_CASE("a restarted follower of a stable group goes on with its assignment") {
  Bench bench;
  const auto ids = bench.stable(0, {"a", "b"});
  JoinRequest restart = a_static_join("b");
  restart.client_host = "/10.0.0.9";
  const Joined back = bench.join(restart);
  CHECK(back->waits());  // until its new id is stored
  CHECK_EQ(bench.group->heartbeat(ids[1], "b", 1, bench.now), ErrorCode::kFencedInstanceId);
  bench.finish_store();
  const JoinAnswer& answer = back->get();
  CHECK_EQ(answer.generation, 1);
  CHECK_EQ(answer.leader, ids[0]);
  CHECK(answer.members.empty());
  CHECK(!answer.skip_assignment);
  CHECK_EQ(bench.group->state(), GroupState::stable);
  CHECK_EQ(bench.store.stored.back().members[1].member_id, answer.member_id);
  CHECK_EQ(bench.store.stored.back().members[1].client_host, "/10.0.0.9");
  CHECK_EQ(bench.sync(answer.member_id)->get().assignment, "of " + ids[1]);
}

TEST_CASE("a restarted leader: told that it leads only if it knows how to skip the assignment") {
  Bench bench;
  const auto ids = bench.stable(0, {"a", "b"});
  const Joined older = bench.join(a_static_join("a"));
  bench.finish_store();
  CHECK_EQ(older->get().leader, ids[0]);  // nobody's id any more
  CHECK(older->get().members.empty());
  JoinRequest newer = a_static_join("a");
  newer.supports_skip_assignment = true;
  const Joined answered = bench.join(newer);
  bench.finish_store();
  CHECK_EQ(answered->get().leader, answered->get().member_id);
  CHECK_EQ(answered->get().members.size(), 2);
  CHECK(answered->get().skip_assignment);
}

TEST_CASE("a replacement that cannot be stored is undone") {
  Bench bench;
  const auto ids = bench.stable(0, {"a", "b"});
  JoinRequest restart = a_static_join("b");
  restart.session_timeout_ms = 20'000;
  restart.protocols[0].metadata = subscription_to({"other"});
  const Joined back = bench.join(restart);
  bench.finish_store(ErrorCode::kNotCoordinator);
  CHECK_EQ(back->error(), ErrorCode::kNotCoordinator);
  CHECK_EQ(back->get().member_id, "");
  CHECK_EQ(bench.group->heartbeat(ids[1], "b", 1, bench.now), ErrorCode::kNone);
  const auto member = bench.group->describe().members[1];
  CHECK_EQ(member.session_timeout_ms, 10'000);
  CHECK_EQ(member.subscription, subscription_to({"t"}));
}

TEST_CASE("a replacement during which a rebalance begins takes part in that") {
  for (const ErrorCode outcome : {ErrorCode::kNone, ErrorCode::kNotCoordinator}) {
    Bench bench;
    const auto ids = bench.stable(0, {"a", "b"});
    const Joined back = bench.join(a_static_join("b"));
    const Joined leader = bench.join(a_static_join("a", ids[0]));
    CHECK_EQ(back->get().generation, 2);
    CHECK_EQ(leader->get().members[1].member_id, back->get().member_id);
    bench.finish_store(outcome);
    CHECK_EQ(bench.group->member_count(), 2);
    bench.settle({ids[0], back->get().member_id});
  }
}

TEST_CASE("two restarts in a row: the second fences the first, whatever the first store says") {
  Bench bench;
  bench.stable(0, {"a", "b"});
  const Joined first = bench.join(a_static_join("b")), second = bench.join(a_static_join("b"));
  CHECK_EQ(first->error(), ErrorCode::kFencedInstanceId);
  bench.finish_store(ErrorCode::kNotCoordinator);
  CHECK(second->waits());
  bench.finish_store();
  CHECK_EQ(second->error(), ErrorCode::kNone);
}

TEST_CASE("a restart that changes the protocol, or comes while the leader assigns, rebalances") {
  Bench bench;
  const auto with = [](JoinRequest request, std::vector<MemberProtocol> protocols) {
    request.protocols = std::move(protocols);
    return request;
  };
  const std::vector<MemberProtocol> both = {{"range", ""}, {"sticky", ""}};
  const Joined first = bench.join(with(a_static_join("a"), both));
  bench.pass(3000);
  bench.settle({first->get().member_id});
  const Joined back = bench.join(with(a_static_join("a"), {{"sticky", ""}}));
  CHECK_EQ(back->get().generation, 2);  // alone: all have joined
  CHECK_EQ(back->get().protocol, "sticky");
  CHECK_EQ(bench.group->state(), GroupState::completing_rebalance);
  const Synced waiting = bench.sync(back->get().member_id);
  const Joined again = bench.join(with(a_static_join("a"), {{"sticky", ""}}));
  CHECK_EQ(waiting->error(), ErrorCode::kFencedInstanceId);
  CHECK_EQ(again->get().generation, 3);
  CHECK_EQ(bench.group->history().rebalances().back().causes[0].kind,
           RebalanceCause::Kind::static_member_replaced);
}

TEST_CASE("a restart while members join takes the predecessor's place") {
  Bench bench;
  const auto ids = bench.stable(0, {"a", "b"});
  const Joined waiting = bench.join(a_static_join("a", ids[0]));
  const Joined back = bench.join(a_static_join("a"));
  CHECK_EQ(waiting->error(), ErrorCode::kFencedInstanceId);
  CHECK_EQ(waiting->get().member_id, ids[0]);
  CHECK(back->waits());
  bench.join(a_static_join("b", ids[1]));
  CHECK_EQ(back->get().members.size(), 2);
}

TEST_CASE("a static member leaves by its instance id, and that rebalances") {
  Bench bench;
  bench.stable(0, {"a", "b"});
  CHECK_EQ(bench.leave({"", "a", "scaled down"}), ErrorCode::kNone);
  CHECK_EQ(bench.group->state(), GroupState::preparing_rebalance);
  CHECK_EQ(bench.group->history().rebalances().back().causes[0].reason, "scaled down");
}

TEST_CASE("a static leader that does not come stays a member, and another leads") {
  Bench bench;
  const auto ids = bench.stable(0, {"a", "b"});
  JoinRequest changed = a_static_join("b", ids[1]);
  changed.protocols[0].metadata = subscription_to({"u"});
  const Joined follower = bench.join(changed);
  for (int i = 0; i < 12; ++i) {
    bench.group->heartbeat(ids[0], "a", 1, bench.now);
    bench.pass(5000);
  }
  CHECK_EQ(follower->get().leader, ids[1]);
  CHECK_EQ(follower->get().members.size(), 2);
}
