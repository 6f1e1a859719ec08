// Goal: what is as new as what is known changes nothing, what is older is refused, and a reader
// gets no more than is committed.
#include <doctest/doctest.h>

#include "broker/replication/fetch_session_table.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"

using base::LeaderEpoch;
using base::Offset;
using replication::FetchSessionTable;
using replication::ReadParams;
using replication::ReplicaError;
using replication::Role;
using replication_test::HostedPartition;

namespace {

ReadParams consumer_at(std::int64_t offset) {
  ReadParams params;
  params.fetch_offset = Offset(offset);
  params.max_bytes = 1 << 20;
  return params;
}

}  // namespace

TEST_CASE("the epoch that is known makes no leader and no follower, and fences nobody") {
  HostedPartition partition;
  REQUIRE(partition->make_leader(HostedPartition::state(1, 4, {1}, {1, 2}), 0));
  CHECK_FALSE(partition->make_follower(HostedPartition::state(2, 4, {2}, {1, 2})));
  CHECK_FALSE(partition->make_follower(HostedPartition::state(2, 3, {2}, {1, 2})));
  partition->fence(LeaderEpoch(3));
  partition->fence(LeaderEpoch(4));
  CHECK_EQ(partition->role().role, Role::leader);
  CHECK(partition.append(1).has_value());
  partition->fence(LeaderEpoch(5));
  CHECK(partition.append(1).error().is(ReplicaError::not_leader));
}

TEST_CASE("a follower serves nobody, a reader of its epoch included") {
  HostedPartition partition;
  REQUIRE(partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2})));
  ReadParams params = consumer_at(0);
  CHECK(partition->read(params).error().is(ReplicaError::not_leader));
  params.current_leader_epoch = LeaderEpoch(4);
  CHECK(partition->read(params).error().is(ReplicaError::not_leader));
}

TEST_CASE("consumers read up to the high watermark, followers up to the log end") {
  HostedPartition partition;
  REQUIRE(partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0));
  REQUIRE(partition.append(2).has_value());
  REQUIRE(partition.append(2).has_value());
  auto read = partition->read(consumer_at(0));
  REQUIRE(read.has_value());
  CHECK_EQ(read->plan.size_bytes, 0);
  CHECK_FALSE(read->has_more);

  REQUIRE(partition.follower_fetch(2, 2).has_value());
  REQUIRE_EQ(partition->log().high_watermark(), Offset(2));
  read = partition->read(consumer_at(0));
  REQUIRE(read.has_value());
  const std::int64_t committed_bytes = read->plan.size_bytes;
  CHECK(committed_bytes > 0);
  CHECK_EQ(partition->read(consumer_at(2))->plan.size_bytes, 0);
  const auto followed = partition.follower_fetch(2, 0);
  REQUIRE(followed.has_value());
  CHECK_EQ(followed->plan.size_bytes, 2 * committed_bytes);
  // What a follower says again moves nothing back.
  CHECK_EQ(partition->log().high_watermark(), Offset(2));
}

// KIP-320: the epoch of the last record that the reader has, and where it would go on.
TEST_CASE("a reader whose log diverged is told where, one that has all of an epoch reads on") {
  HostedPartition partition;
  REQUIRE(partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0));
  REQUIRE(partition.append(2).has_value());
  REQUIRE(partition->make_leader(HostedPartition::state(1, 5, {1}, {1}), 0));
  REQUIRE(partition.append(2).has_value());

  ReadParams params = consumer_at(2);
  params.last_fetched_epoch = LeaderEpoch(0);
  auto read = partition->read(params);
  REQUIRE(read.has_value());
  CHECK_FALSE(read->diverging.has_value());
  CHECK(read->plan.size_bytes > 0);

  params.fetch_offset = Offset(3);
  read = partition->read(params);
  REQUIRE(read.has_value());
  REQUIRE(read->diverging.has_value());
  CHECK_EQ(read->diverging->epoch, LeaderEpoch(0));
  CHECK_EQ(read->diverging->end_offset, Offset(2));
  CHECK_EQ(read->plan.size_bytes, 0);

  // An epoch that this log never had.
  params.last_fetched_epoch = LeaderEpoch(3);
  params.fetch_offset = Offset(2);
  read = partition->read(params);
  REQUIRE(read.has_value());
  REQUIRE(read->diverging.has_value());
  CHECK_EQ(read->diverging->epoch, LeaderEpoch(0));
}

TEST_CASE("a fetch session takes its next epoch and no other, and begins again behind the last") {
  runtime::SimWorld world(5);
  FetchSessionTable table(4);
  const auto session = table.create(false, false, 1, 0, world.random());
  session->release();
  const auto find = [&](std::int32_t epoch) {
    const auto found = table.find(session->id(), epoch, 1);
    if (found.session) found.session->release();
    return found.error;
  };
  using Error = FetchSessionTable::LookupError;
  CHECK_EQ(find(1), Error::none);
  CHECK_EQ(find(2), Error::none);
  for (const std::int32_t wrong : {1, 2, 4, INT32_MAX}) {
    CHECK_EQ(find(wrong), Error::invalid_epoch);
  }
  CHECK_EQ(find(3), Error::none);
  session->next_epoch = INT32_MAX;
  CHECK_EQ(find(INT32_MAX), Error::none);
  CHECK_EQ(find(1), Error::none);
}
