// Goal: a leader proposes to its ISR exactly who may join or has to leave, one change at a time,
// and takes an outcome only for the change that it waits for.
#include <doctest/doctest.h>

#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"
#include "test/unit/broker/replication/isr_keeper.h"

using base::BrokerId;
using base::Offset;
using replication::ReplicaError;
using replication_test::HostedPartition;
using replication_test::NotedKeeper;
using replication_test::state_with;

namespace {

using Ids = std::vector<BrokerId>;

Ids ids(std::vector<int> numbers) {
  Ids typed;
  for (const int id : numbers) typed.emplace_back(id);
  return typed;
}

struct Leader {
  explicit Leader(std::vector<int> isr, std::vector<int> replicas = {1, 2, 3},
                  std::int64_t flush_messages = INT64_MAX)
      : hosted(flush_messages) {
    hosted->set_isr_keeper(&keeper);
    lead(2, std::move(isr), std::move(replicas), 4);
  }
  void lead(int epoch, std::vector<int> isr, std::vector<int> replicas, int version) {
    auto state = HostedPartition::state(1, epoch, std::move(isr), std::move(replicas));
    state.controller_epoch = base::ControllerEpoch(9);
    state.partition_epoch = base::ZkVersion(version);
    REQUIRE(hosted->make_leader(state, now()));
  }
  std::int64_t& now() { return hosted.fixture().now_ms; }
  void fetch(int id, std::int64_t offset) {
    auto& clock = clocks[id];
    if (clock == nullptr) clock = std::make_shared<replication::FollowerClock>();
    REQUIRE(hosted.follower_fetch(id, offset, &clock).has_value());
  }
  void append(int records) { REQUIRE(hosted.append(records).has_value()); }
  Offset high_watermark() { return hosted->log().high_watermark(); }
  std::size_t proposals() const { return keeper.proposed.size(); }
  const replication::IsrChange& last() { return keeper.proposed.back(); }
  void confirm(int version) {
    hosted->on_isr_confirmed(last().id, state_with(last(), version), now());
  }

  NotedKeeper keeper;
  HostedPartition hosted;
  std::map<int, std::shared_ptr<replication::FollowerClock>> clocks;  // of the followers' sessions
};

}  // namespace

TEST_CASE("a follower that has all that is committed, and of this epoch, is proposed") {
  Leader leader({1});
  leader.append(4);
  CHECK_EQ(leader.high_watermark(), Offset(4));
  leader.fetch(2, 3);
  CHECK_EQ(leader.proposals(), 0);
  leader.fetch(2, 4);
  REQUIRE_EQ(leader.proposals(), 1);
  CHECK_EQ(leader.last().proposed.isr, ids({1, 2}));
  CHECK_EQ(leader.last().proposed.leader, BrokerId(1));
  CHECK_EQ(leader.last().proposed.leader_epoch.value(), 2);
  CHECK_EQ(leader.last().proposed.partition_epoch.value(), 4);
  CHECK_EQ(leader.last().controller_epoch.value(), 9);
  CHECK(leader.last().is_pending());
  // One change at a time.
  leader.fetch(2, 4);
  leader.fetch(3, 4);
  CHECK_EQ(leader.proposals(), 1);
}

TEST_CASE("what lies between the high watermark and the start of the epoch has to be there first") {
  Leader leader({1, 3});
  leader.append(4);
  leader.lead(3, {1, 3}, {1, 2, 3}, 5);
  CHECK_EQ(leader.high_watermark(), Offset(0));
  leader.fetch(2, 3);
  CHECK_EQ(leader.proposals(), 0);
  leader.fetch(2, 4);
  CHECK_EQ(leader.proposals(), 1);
}

TEST_CASE("a proposed member holds the high watermark, one that leaves does so until confirmed") {
  Leader leader({1});
  leader.fetch(2, 0);
  REQUIRE_EQ(leader.proposals(), 1);
  leader.append(3);
  CHECK_EQ(leader.high_watermark(), Offset(0));
  leader.confirm(5);
  CHECK_EQ(leader.hosted->leader_state().isr, ids({1, 2}));
  CHECK_EQ(leader.hosted->leader_state().partition_epoch.value(), 5);
  CHECK_EQ(leader.hosted->pending_isr_change(), 0);

  leader.now() += 30'001;
  leader.hosted->look_at_isr(leader.now());
  REQUIRE_EQ(leader.proposals(), 2);
  CHECK_EQ(leader.last().proposed.isr, ids({1}));
  CHECK_EQ(leader.last().proposed.partition_epoch.value(), 5);
  leader.append(1);
  CHECK_EQ(leader.high_watermark(), Offset(0));
  leader.confirm(6);
  CHECK_EQ(leader.high_watermark(), Offset(4));
}

TEST_CASE("a member leaves when it was not caught up for replica.lag.time.max.ms, not before") {
  Leader leader({1, 2, 3});
  leader.keeper.lag_ms = 1000;
  leader.append(2);
  leader.fetch(2, 2);
  leader.fetch(3, 1);
  leader.now() += 1000;
  leader.hosted->look_at_isr(leader.now());
  CHECK_EQ(leader.proposals(), 0);
  leader.now() += 1;
  leader.hosted->look_at_isr(leader.now());
  REQUIRE_EQ(leader.proposals(), 1);
  // Broker 2 has everything, however long ago.
  CHECK_EQ(leader.last().proposed.isr, ids({1, 2}));
}

TEST_CASE("acks=all waits for the ISR of its time; below the minimum it is refused") {
  runtime::SimWorld world(3);
  runtime::SimLoop loop(world);
  Leader leader({1, 2});
  leader.hosted->set_min_insync_replicas(2);
  leader.keeper.lag_ms = 1000;
  const auto outcome = leader.hosted.append(1, -1);
  REQUIRE(outcome.has_value());
  auto stored = leader.hosted->wait_stored(*outcome, -1, loop);
  leader.now() += 1001;
  leader.hosted->look_at_isr(leader.now());
  REQUIRE_EQ(leader.proposals(), 1);
  CHECK_EQ(leader.hosted.jobs(), 0);
  leader.confirm(5);
  // The last replica: what was acknowledged is synced at once, and only once.
  CHECK_EQ(leader.hosted.jobs(), 1);
  leader.hosted.run_jobs();
  CHECK_EQ(leader.hosted->log().durable_offset(), Offset(1));
  CHECK(leader.hosted.append(1, -1).error().is(ReplicaError::not_enough_replicas));
  const auto answer = world.block_on(loop, stored.wait(100, true, {}));
  REQUIRE(!answer.has_value());
  CHECK(answer.error().is(base::Errc::timed_out));
  CHECK_EQ(leader.high_watermark(), Offset(0));
}

TEST_CASE("records that are replicated when the minimum is not met any more are told so") {
  runtime::SimWorld world(4);
  runtime::SimLoop loop(world);
  Leader leader({1, 2});
  const auto outcome = leader.hosted.append(1, -1);
  REQUIRE(outcome.has_value());
  leader.fetch(2, 1);
  leader.hosted->set_min_insync_replicas(3);
  auto stored = leader.hosted->wait_stored(*outcome, -1, loop);
  const auto answer = world.block_on(loop, stored.wait(100, true, {}));
  REQUIRE(!answer.has_value());
  CHECK(answer.error().is(ReplicaError::not_enough_replicas_after_append));
}

TEST_CASE("told to lead below the minimum, a leader syncs its log") {
  Leader leader({1, 2}, {1, 2});
  leader.hosted->set_min_insync_replicas(2);
  leader.append(2);
  CHECK_EQ(leader.hosted.jobs(), 0);
  leader.lead(3, {1}, {1, 2}, 5);
  CHECK_EQ(leader.hosted.jobs(), 1);
}

TEST_CASE("a follower whose broker is not known to live is looked at again") {
  Leader leader({1});
  leader.keeper.dead = {BrokerId(2)};
  leader.fetch(2, 0);
  CHECK_EQ(leader.proposals(), 0);
  CHECK_EQ(leader.keeper.looks_again, 1);
  leader.keeper.dead.clear();
  leader.hosted->look_at_isr(leader.now());
  CHECK_EQ(leader.proposals(), 1);
}

TEST_CASE("a dead follower outside the ISR does not hold the high watermark, a live one does") {
  Leader leader({1});
  leader.append(2);
  leader.keeper.dead = {BrokerId(2)};
  leader.fetch(2, 2);
  leader.append(2);
  CHECK_EQ(leader.high_watermark(), Offset(4));
  leader.fetch(2, 4);
  leader.keeper.dead.clear();
  leader.append(2);
  CHECK_EQ(leader.high_watermark(), Offset(4));
}

TEST_CASE("a follower that came while another change was pending is proposed after it") {
  Leader leader({1});
  leader.fetch(2, 0);
  leader.fetch(3, 0);
  REQUIRE_EQ(leader.proposals(), 1);
  leader.confirm(5);
  REQUIRE_EQ(leader.proposals(), 2);
  CHECK_EQ(leader.last().proposed.isr, ids({1, 2, 3}));
  CHECK_EQ(leader.last().proposed.partition_epoch.value(), 5);
  leader.confirm(6);
  CHECK_EQ(leader.proposals(), 2);
}

TEST_CASE("one that does not fetch any more is not proposed by a look") {
  Leader leader({1});
  leader.keeper.dead = {BrokerId(2)};
  leader.fetch(2, 0);
  leader.keeper.dead.clear();
  leader.now() += 30'001;
  leader.hosted->look_at_isr(leader.now());
  CHECK_EQ(leader.proposals(), 0);
}

TEST_CASE("nor one whose session has let go of the partition") {
  Leader leader({1});
  leader.keeper.dead = {BrokerId(2)};
  leader.fetch(2, 0);
  leader.keeper.dead.clear();
  leader.hosted->on_follower_left(*leader.clocks[2]);
  leader.hosted->look_at_isr(leader.now());
  CHECK_EQ(leader.proposals(), 0);
}

TEST_CASE("nor one that has not fetched in this leader epoch") {
  Leader leader({1, 2});
  leader.fetch(2, 0);
  leader.lead(3, {1}, {1, 2, 3}, 5);
  leader.hosted->look_at_isr(leader.now());
  CHECK_EQ(leader.proposals(), 0);
  leader.fetch(2, 0);
  CHECK_EQ(leader.proposals(), 1);
}

TEST_CASE("refused and never written: the committed ISR counts again, and is proposed to again") {
  Leader leader({1});
  leader.fetch(2, 0);
  leader.append(1);
  leader.keeper.dead = {BrokerId(2)};
  leader.hosted->on_isr_not_attempted(leader.last().id + 1, leader.now());
  CHECK_EQ(leader.high_watermark(), Offset(0));
  leader.hosted->on_isr_not_attempted(leader.last().id, leader.now());
  CHECK_EQ(leader.high_watermark(), Offset(1));
  CHECK(!leader.last().is_pending());
  CHECK_EQ(leader.keeper.looks_again, 1);
}

TEST_CASE("an outcome counts for the change that waits, this leadership and no older version") {
  Leader leader({1});
  leader.fetch(2, 0);
  const replication::IsrChange change = leader.last();
  const auto is_ignored = [&](std::uint64_t id, const replication::IsrState& state) {
    leader.hosted->on_isr_confirmed(id, state, leader.now());
    return change.is_pending() && leader.hosted->leader_state().isr == ids({1});
  };
  CHECK(is_ignored(change.id + 1, state_with(change, 5)));
  CHECK(is_ignored(change.id, state_with(change, 3)));
  auto other = state_with(change, 5);
  other.leader_epoch = base::LeaderEpoch(3);
  CHECK(is_ignored(change.id, other));
  other = state_with(change, 5);
  other.leader = BrokerId(2);
  CHECK(is_ignored(change.id, other));
  // Nobody leads without being in the ISR, nor twice.
  other = state_with(change, 5);
  other.isr = ids({2});
  CHECK(is_ignored(change.id, other));
  other.isr = ids({1, 2, 2});
  CHECK(is_ignored(change.id, other));
  // The same version: what was proposed stood there before.
  CHECK(!is_ignored(change.id, state_with(change, 4)));
}

TEST_CASE("LeaderAndIsr voids a change, and so does the end of the leadership") {
  Leader leader({1});
  leader.fetch(2, 0);
  const replication::IsrChange first = leader.last();
  leader.lead(3, {1}, {1, 2, 3}, 5);
  CHECK(!first.is_pending());
  leader.hosted->on_isr_confirmed(first.id, state_with(first, 6), leader.now());
  CHECK_EQ(leader.hosted->leader_state().isr, ids({1}));
  leader.fetch(2, 0);
  const replication::IsrChange second = leader.last();
  CHECK(second.is_pending());
  CHECK(second.id != first.id);
  leader.hosted->fence(base::LeaderEpoch(4));
  CHECK(!second.is_pending());
  leader.lead(5, {1}, {1, 2, 3}, 7);
  leader.fetch(2, 0);
  const replication::IsrChange third = leader.last();
  CHECK(leader.hosted->make_follower(HostedPartition::state(2, 6, {2}, {1, 2, 3})));
  CHECK(!third.is_pending());
  leader.hosted->look_at_isr(leader.now());
  CHECK_EQ(leader.proposals(), 3);
}

TEST_CASE("a new leader does not know the committed end until its epoch is committed") {
  Leader leader({1, 2});
  CHECK(leader.hosted->knows_committed_end());
  leader.append(3);
  CHECK(leader.hosted->knows_committed_end());
  leader.lead(3, {1, 2}, {1, 2}, 5);
  CHECK(!leader.hosted->knows_committed_end());
  leader.fetch(2, 2);
  CHECK(!leader.hosted->knows_committed_end());
  leader.fetch(2, 3);
  CHECK(leader.hosted->knows_committed_end());
}
