// Goal: a follower's log takes what its leader has, in its present epoch alone, and nothing else.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "broker/replication/follower/fetcher_manager.h"
#include "test/unit/broker/replication/hosted_partition.h"

using base::LeaderEpoch;
using base::Offset;
using replication::FollowerAppend;
using replication::ReplicaError;
using replication_test::HostedPartition;
using storage::LogError;

namespace {

// What a leader in `epoch` would send: batches of three records.
base::Buffer fetched(std::int64_t from, int batches, int epoch) {
  base::Buffer all;
  for (int i = 0; i < batches; ++i) {
    base::Buffer batch = storage_test::make_batch(3);
    protocol::MutableRecordBatch view(batch.mutable_bytes());
    view.set_base_offset(Offset(from + 3 * i));
    view.set_leader_epoch(LeaderEpoch(epoch));
    all.append(batch.bytes());
  }
  return all;
}

FollowerAppend answer(const base::Buffer& records, std::int64_t from, int epoch,
                      std::int64_t high_watermark = 0, std::int64_t log_start = 0) {
  return {LeaderEpoch(epoch),     Offset(from),      records.bytes(),
          Offset(high_watermark), Offset(log_start), 1'000'000};
}

}  // namespace

TEST_CASE("a follower takes records, epochs, high watermark and log start") {
  HostedPartition partition;
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  const base::Buffer records = fetched(0, 4, 3);
  const auto appended = partition->append_as_follower(answer(records, 0, 4, 7, 3));
  REQUIRE(appended.has_value());
  const auto offsets = partition->log().offsets();
  CHECK_EQ(offsets.log_end, Offset(12));
  CHECK_EQ(offsets.high_watermark, Offset(7));
  CHECK_EQ(offsets.log_start, Offset(3));
  CHECK_EQ(partition->log().latest_epoch(), LeaderEpoch(3));
  // The same bytes as the leader's.
  const auto read = partition->log().read({Offset(3), Offset(12), 1 << 20, true});
  REQUIRE(read.has_value());
  CHECK(std::ranges::equal(read->bytes(), records.bytes().last(read->size())));
  // Beyond its own end no follower knows of anything.
  REQUIRE(partition->append_as_follower(answer({}, 12, 4, 100)).has_value());
  CHECK_EQ(partition->log().high_watermark(), Offset(12));
  REQUIRE(partition->append_as_follower(answer({}, 12, 4, -1)).has_value());
  CHECK_EQ(partition->log().high_watermark(), Offset(3));
}

TEST_CASE("nothing is appended or cut in another epoch or role") {
  HostedPartition partition;
  const base::Buffer records = fetched(0, 2, 3);
  const auto is_fenced = [&](int epoch) {
    const auto appended = partition->append_as_follower(answer(records, 0, epoch));
    const auto cut = partition->cut_as_follower({LeaderEpoch(epoch), Offset(0), false}, 0);
    return !appended && appended.error().is(ReplicaError::fenced_leader_epoch) && !cut &&
           cut.error().is(ReplicaError::fenced_leader_epoch);
  };
  CHECK(is_fenced(4));
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  CHECK(is_fenced(3));
  CHECK(is_fenced(5));
  partition->make_follower(HostedPartition::state(2, 5, {1, 2}, {1, 2}));
  CHECK(is_fenced(4));
  partition->make_leader(HostedPartition::state(1, 6, {1, 2}, {1, 2}), 0);
  CHECK(is_fenced(6));
  partition->make_follower(HostedPartition::state(2, 7, {1, 2}, {1, 2}));
  REQUIRE(partition->append_as_follower(answer(records, 0, 7)).has_value());
  partition->close(ReplicaError::offline);
  CHECK(is_fenced(7));
  CHECK_EQ(partition->log().log_end_offset(), Offset(6));
}

TEST_CASE("an answer that does not fit the end of the log is not appended") {
  HostedPartition partition;
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  const base::Buffer records = fetched(0, 2, 3);
  REQUIRE(partition->append_as_follower(answer(records, 0, 4)).has_value());
  CHECK(partition->append_as_follower(answer(records, 0, 4)).error().is(base::Errc::cancelled));
  // Batches below the end, cut ones, broken ones, none at all.
  CHECK(partition->append_as_follower(answer(fetched(3, 2, 3), 6, 4))
            .error()
            .is(LogError::unexpected_append_offset));
  base::Buffer part;
  part.append(fetched(6, 1, 3).bytes().first(40));
  CHECK(partition->append_as_follower(answer(part, 6, 4)).error().is(LogError::corrupt_message));
  base::Buffer broken = fetched(6, 1, 3);
  broken.mutable_bytes().back() ^= std::byte{1};
  CHECK(partition->append_as_follower(answer(broken, 6, 4)).error().is(LogError::corrupt_message));
  CHECK_EQ(partition->log().log_end_offset(), Offset(6));
}

TEST_CASE("offsets at the end of what can be counted are refused") {
  HostedPartition partition;
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  for (const std::int64_t from : {INT64_MAX, INT64_MAX - 2, std::int64_t{-1}, INT64_MIN}) {
    const base::Buffer records = fetched(from, 1, 3);
    const auto appended = partition->append_as_follower(answer(records, 0, 4));
    REQUIRE(!appended);
    CHECK(appended.error().is(LogError::corrupt_message));
  }
  CHECK_EQ(partition->log().log_end_offset(), Offset(0));
}

TEST_CASE("batches of an epoch that is yet to come are not this leader's") {
  HostedPartition partition;
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  base::Buffer records = fetched(0, 2, 4);
  records.append(fetched(6, 1, 5).bytes());
  REQUIRE(partition->append_as_follower(answer(records, 0, 4)).has_value());
  CHECK_EQ(partition->log().log_end_offset(), Offset(6));
  CHECK_EQ(partition->log().latest_epoch(), LeaderEpoch(4));
  CHECK(partition->append_as_follower(answer(fetched(6, 1, 5), 6, 4))
            .error()
            .is(LogError::corrupt_message));
}

TEST_CASE("a log start above the high watermark is refused") {
  HostedPartition partition;
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  const base::Buffer records = fetched(0, 2, 3);
  CHECK(partition->append_as_follower(answer(records, 0, 4, 3, 5))
            .error()
            .is(LogError::offset_out_of_range));
  CHECK_EQ(partition->log().log_start_offset(), Offset(0));
}

TEST_CASE("a cut goes below the high watermark and the log's start where the leader says so") {
  HostedPartition partition;
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  REQUIRE(partition->append_as_follower(answer(fetched(0, 4, 3), 0, 4, 12, 6)).has_value());
  REQUIRE(partition->cut_as_follower({LeaderEpoch(4), Offset(9), false}, 0).has_value());
  CHECK_EQ(partition->log().log_end_offset(), Offset(9));
  CHECK_EQ(partition->log().high_watermark(), Offset(9));
  REQUIRE(partition->cut_as_follower({LeaderEpoch(4), Offset(3), false}, 0).has_value());
  auto offsets = partition->log().offsets();
  CHECK_EQ(offsets.log_end, Offset(3));
  CHECK_EQ(offsets.log_start, Offset(3));
  CHECK_EQ(offsets.high_watermark, Offset(3));
  REQUIRE(partition->cut_as_follower({LeaderEpoch(4), Offset(50), true}, 0).has_value());
  offsets = partition->log().offsets();
  CHECK_EQ(offsets.log_start, Offset(50));
  CHECK_EQ(offsets.log_end, Offset(50));
  REQUIRE(partition->append_as_follower(answer(fetched(50, 1, 4), 50, 4, 53, 50)).has_value());
  CHECK_EQ(partition->log().high_watermark(), Offset(53));
}

TEST_CASE("a former leader forgets the epoch in which it wrote nothing") {
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 3, {1, 2}, {1, 2}), 0);
  REQUIRE(partition.append(2).has_value());
  partition->make_leader(HostedPartition::state(1, 5, {1, 2}, {1, 2}), 0);
  CHECK_EQ(partition->log().latest_epoch(), LeaderEpoch(5));
  partition->make_follower(HostedPartition::state(2, 6, {1, 2}, {1, 2}));
  CHECK_EQ(partition->log().latest_epoch(), LeaderEpoch(3));
}

TEST_CASE("a follower beyond the leader's end hears where it diverged") {
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 3, {1, 2}, {1, 2}), 0);
  REQUIRE(partition.append(4).has_value());
  partition->make_leader(HostedPartition::state(1, 6, {1, 2}, {1, 2}), 0);
  replication::ReadParams params;
  params.replica_id = base::BrokerId(2);
  params.fetch_offset = Offset(10);
  params.last_fetched_epoch = LeaderEpoch(5);
  const auto read = partition->read(params);
  REQUIRE(read.has_value());
  REQUIRE(read->diverging.has_value());
  CHECK_EQ(*read->diverging, storage::EpochEndOffset{LeaderEpoch(3), Offset(4)});
  params.last_fetched_epoch = LeaderEpoch(-1);
  CHECK(partition->read(params).error().is(LogError::offset_out_of_range));
}

TEST_CASE("with flush.messages=1 an append asks to be on the device") {
  HostedPartition partition(1);
  partition->make_follower(HostedPartition::state(2, 4, {1, 2}, {1, 2}));
  const auto appended = partition->append_as_follower(answer(fetched(0, 2, 3), 0, 4, 6));
  REQUIRE(appended.has_value());
  CHECK(appended->must_flush);
  CHECK_EQ(partition->log().durable_offset(), Offset(0));
  partition.run_jobs();
  CHECK_EQ(partition->log().durable_offset(), Offset(6));
}

TEST_CASE("partitions are spread over fetchers as Apache Kafka does") {
  using replication::follower::fetcher_index;
  // abs(31 * "topic".hashCode() + partition) % n, in 32 bits.
  CHECK_EQ(fetcher_index({"a", 0}, 4), (31 * 97) % 4);
  CHECK_EQ(fetcher_index({"a", 3}, 4), (31 * 97 + 3) % 4);
  std::set<std::int32_t> used;
  for (int i = 0; i < 100; ++i) {
    const auto index = fetcher_index({"a-longer-name-that-wraps", i}, 3);
    CHECK(index >= 0);
    CHECK(index < 3);
    used.insert(index);
  }
  CHECK_EQ(used.size(), 3);
}
