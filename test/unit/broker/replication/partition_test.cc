// Goal: a partition appends only as leader, commits by its ISR, and tells every waiter the truth.
#include <doctest/doctest.h>

#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"

using base::Offset;
using replication::ReplicaError;
using replication_test::HostedPartition;

TEST_CASE("a partition that does not lead refuses appends and reads") {
  HostedPartition partition;
  const auto refused = partition.append(1);
  REQUIRE(!refused);
  CHECK(refused.error().is(ReplicaError::not_leader));
  CHECK(partition.follower_fetch(2, 0).error().is(ReplicaError::not_leader));
}

TEST_CASE("alone in its ISR a leader commits with the append") {
  HostedPartition partition;
  CHECK(partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0));
  CHECK(!partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0));
  const auto outcome = partition.append(3, -1);
  REQUIRE(outcome.has_value());
  CHECK(outcome->is_committed);
  CHECK_EQ(partition->log().high_watermark(), Offset(3));
}

TEST_CASE("acks=all waits for the follower, and answers when it has fetched") {
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  const auto outcome = partition.append(3, -1);
  REQUIRE(outcome.has_value());
  CHECK(!outcome->is_committed);
  auto stored = partition->wait_stored(*outcome, -1, loop);
  REQUIRE(partition.follower_fetch(2, 3).has_value());
  const auto answer = world.block_on(loop, stored.wait(1000, true, {}));
  CHECK(answer.has_value());
  CHECK_EQ(partition->log().high_watermark(), Offset(3));
}

TEST_CASE("who waits for replicas hears when the leadership is lost") {
  runtime::SimWorld world(2);
  runtime::SimLoop loop(world);
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  const auto outcome = partition.append(1, -1);
  REQUIRE(outcome.has_value());
  auto stored = partition->wait_stored(*outcome, -1, loop);
  CHECK(partition->make_follower(HostedPartition::state(2, 1, {2}, {1, 2})));
  const auto answer = world.block_on(loop, stored.wait(1000, true, {}));
  REQUIRE(!answer.has_value());
  CHECK(answer.error().is(ReplicaError::not_leader));
  CHECK(partition.append(1).error().is(ReplicaError::not_leader));
}

TEST_CASE("acks=all is refused below the minimum ISR, acks=1 is not") {
  HostedPartition partition;
  partition->set_min_insync_replicas(2);
  partition->make_leader(HostedPartition::state(1, 0, {1}, {1, 2}), 0);
  CHECK(partition.append(1, -1).error().is(ReplicaError::not_enough_replicas));
  CHECK(partition.append(1, 1).has_value());
}

TEST_CASE("a fetch with another leader epoch is told which side is behind") {
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 5, {1}, {1}), 0);
  CHECK(
      partition->check_leader(base::LeaderEpoch(4)).error().is(ReplicaError::fenced_leader_epoch));
  CHECK(
      partition->check_leader(base::LeaderEpoch(6)).error().is(ReplicaError::unknown_leader_epoch));
  CHECK(partition->check_leader(base::LeaderEpoch(5)).has_value());
  CHECK(partition->check_leader(base::LeaderEpoch(-1)).has_value());
}

TEST_CASE("a broker that is not a replica gets nothing") {
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  CHECK(partition.follower_fetch(3, 0).error().is(ReplicaError::not_leader));
}

TEST_CASE("what a follower said counts only in the epoch in which it was checked") {
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 4, {1, 2}, {1, 2}), 0);
  REQUIRE(partition.append(3).has_value());
  replication::ReadParams params;
  params.fetch_offset = Offset(3);
  params.replica_id = base::BrokerId(2);
  const auto seen = partition->check_leader(base::LeaderEpoch(-1)).value();
  SUBCASE("a newer epoch of ours") {
    partition->make_leader(HostedPartition::state(1, 5, {1, 2}, {1, 2}), 0);
  }
  SUBCASE("another leader") {
    partition->make_follower(HostedPartition::state(2, 5, {1, 2}, {1, 2}));
  }
  SUBCASE("deleted") { partition->close(ReplicaError::unknown_partition); }
  const auto told = partition->on_follower_fetch(params, seen);
  REQUIRE(!told);
  CHECK(told.error().is(ReplicaError::not_leader));
  CHECK_EQ(partition->log().high_watermark(), Offset(0));
}

TEST_CASE("an hour without records leaves a follower caught up, while its session fetches") {
  HostedPartition partition;
  constexpr std::int64_t kHourMs = 3'600'000;
  const std::int64_t begin_ms = partition.fixture().now_ms;
  partition->make_leader(HostedPartition::state(1, 0, {1}, {1, 2}), begin_ms);
  const auto clock = std::make_shared<replication::FollowerClock>();
  clock->last_fetch_ms = begin_ms;
  replication::ReadParams params;
  params.replica_id = base::BrokerId(2);
  params.max_bytes = 1 << 20;
  params.now_ms = begin_ms;
  params.follower_clock = &clock;
  REQUIRE(partition->read(params).has_value());

  partition.fixture().now_ms = begin_ms + kHourMs;
  SUBCASE("it fetched just now: the high watermark waits for it") {
    clock->last_fetch_ms = begin_ms + kHourMs - 100;
    REQUIRE(partition.append(1).has_value());
    CHECK_EQ(partition->log().high_watermark(), Offset(0));
  }
  SUBCASE("it has let go of the partition after a fetch: so too") {
    clock->last_fetch_ms = begin_ms + kHourMs - 100;
    partition->on_follower_left(*clock);
    clock->last_fetch_ms = begin_ms;
    REQUIRE(partition.append(1).has_value());
    CHECK_EQ(partition->log().high_watermark(), Offset(0));
  }
  SUBCASE("it let go an hour ago: nobody waits, though its session goes on with others") {
    partition->on_follower_left(*clock);
    clock->last_fetch_ms = begin_ms + kHourMs - 100;
    REQUIRE(partition.append(1).has_value());
    CHECK_EQ(partition->log().high_watermark(), Offset(1));
  }
}

TEST_CASE("a log start that moved is told to consumers and followers") {
  HostedPartition partition;
  replication::ReadyList list;
  replication::FetchLink consumer, follower;
  consumer.list = follower.list = &list;
  follower.is_follower = true;
  partition->link(consumer);
  partition->link(follower);
  partition->on_log_start_moved();
  int woken = 0;
  list.drain([&](replication::FetchLink&) { ++woken; });
  CHECK_EQ(woken, 2);
  partition->unlink(consumer);
  partition->unlink(follower);
}
