// Goal: an answer is given when what it promises is so: on the own disk where flush.messages asks
// for it, replicated under the leadership of the append; and a disk that fails ends every wait.
#include <doctest/doctest.h>

#include "broker/replication/partition_table.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"
#include "storage/log_manager.h"
#include "test/unit/broker/replication/hosted_partition.h"

using base::Offset;
using replication::ReplicaError;
using replication_test::HostedPartition;

namespace {

base::Result<void> outcome_of(runtime::SimWorld& world, runtime::SimLoop& loop,
                              replication::StoredWait& wait, std::int64_t timeout_ms = 1000) {
  return world.block_on(loop, wait.wait(timeout_ms, true, {}));
}

// What a consumer could read now.
Offset readable(HostedPartition& partition) {
  replication::ReadParams params;
  params.fetch_offset = partition->log().log_start_offset();
  params.max_bytes = 1 << 20;
  const auto read = partition->read(params);
  REQUIRE(read.has_value());
  CHECK_EQ(read->plan.slices.empty(), read->offsets.high_watermark == Offset(0));
  return read->offsets.high_watermark;
}

}  // namespace

TEST_CASE("flush.messages=1: nothing is acknowledged or read before it is on the disk") {
  for (const std::int16_t acks : {std::int16_t{1}, std::int16_t{-1}}) {
    runtime::SimWorld world(1);
    runtime::SimLoop loop(world);
    HostedPartition partition(1);
    partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
    const auto outcome = partition.append(3, acks);
    REQUIRE(outcome.has_value());
    CHECK(outcome->must_wait(acks));
    CHECK(!outcome->is_committed);
    CHECK_EQ(readable(partition), Offset(0));
    CHECK_EQ(partition.jobs(), 1);
    auto early = partition->wait_stored(*outcome, acks, loop);
    CHECK(outcome_of(world, loop, early, 5).error().is(base::Errc::timed_out));
    auto wait = partition->wait_stored(*outcome, acks, loop);
    partition.run_jobs();
    CHECK(outcome_of(world, loop, wait).has_value());
    CHECK_EQ(readable(partition), Offset(3));
    CHECK_EQ(partition->waiting_for_replicas(), 0);
  }
}

TEST_CASE("flush.messages=1: a new leader flushes what it has before it is read") {
  HostedPartition partition(1);
  partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
  REQUIRE(partition.append(3).has_value());
  REQUIRE(partition->make_follower(HostedPartition::state(2, 1, {1, 2}, {1, 2})));
  partition.run_jobs();
  CHECK_EQ(partition->log().high_watermark(), Offset(0));
  REQUIRE(partition->make_leader(HostedPartition::state(1, 2, {1}, {1, 2}), 100'000));
  CHECK_EQ(readable(partition), Offset(3));
}

TEST_CASE("flush.messages=1: the leader's disk counts as one of the replicas") {
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  HostedPartition partition(1);
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  const auto outcome = partition.append(3, -1);
  auto wait = partition->wait_stored(*outcome, -1, loop);
  REQUIRE(partition.follower_fetch(2, 3).has_value());
  CHECK_EQ(partition->log().high_watermark(), Offset(0));
  partition.run_jobs();
  CHECK_EQ(partition->log().high_watermark(), Offset(3));
  CHECK(outcome_of(world, loop, wait).has_value());
}

TEST_CASE("without flush.messages no append starts a flush or waits for one") {
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
  const auto outcome = partition.append(3, -1);
  CHECK(outcome->is_committed);
  CHECK(!outcome->must_wait(-1));
  CHECK_EQ(partition.jobs(), 0);
}

TEST_CASE("the high watermark of a later leadership acknowledges nothing of an earlier one") {
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  const auto outcome = partition.append(3, -1);
  // Lost and won again before the wait stands; other records may be at those offsets by now.
  REQUIRE(partition->make_follower(HostedPartition::state(2, 1, {1, 2}, {1, 2})));
  REQUIRE(partition->make_leader(HostedPartition::state(1, 2, {1}, {1, 2}), 100'000));
  CHECK_EQ(partition->log().high_watermark(), Offset(3));
  auto late = partition->wait_stored(*outcome, -1, loop);
  CHECK(outcome_of(world, loop, late).error().is(ReplicaError::not_leader));
  // A new epoch of the same leadership changes nothing.
  REQUIRE(partition->make_leader(HostedPartition::state(1, 3, {1, 2}, {1, 2}), 0));
  const auto next = partition.append(1, -1);
  auto wait = partition->wait_stored(*next, -1, loop);
  REQUIRE(partition->make_leader(HostedPartition::state(1, 4, {1, 2}, {1, 2}), 0));
  REQUIRE(partition.follower_fetch(2, 4).has_value());
  CHECK(outcome_of(world, loop, wait).has_value());
}

TEST_CASE("a wait that timed out or was dropped leaves nothing behind") {
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  HostedPartition partition;
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  const auto outcome = partition.append(3, -1);
  std::optional<replication::StoredWait> timed_out(partition->wait_stored(*outcome, -1, loop));
  std::optional<replication::StoredWait> dropped(partition->wait_stored(*outcome, -1, loop));
  CHECK_EQ(partition->waiting_for_replicas(), 2);
  CHECK(outcome_of(world, loop, *timed_out, 5).error().is(base::Errc::timed_out));
  timed_out.reset();
  CHECK_EQ(partition->waiting_for_replicas(), 1);
  dropped.reset();
  CHECK_EQ(partition->waiting_for_replicas(), 0);
}

namespace {

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 5000; }
};

class CountingRandom final : public runtime::Random {
 public:
  std::uint64_t next() override { return ++state_; }
  void fill(base::MutableBytes into) override {
    for (auto& byte : into) byte = static_cast<std::byte>(next());
  }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace

// Reported from under the partition's lock and the log's; whoever deals with it takes those locks.
TEST_CASE("a disk that fails under an append fails it, and then its directory; nobody hangs") {
  StillClock clock;
  CountingRandom random;
  runtime::SimFileSystem files(clock);
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  replication::PartitionTable partitions;
  std::vector<std::string> posted;
  storage::LogManagerOptions options;
  options.log_dirs = {"/logs"};
  options.config_of = [](const auto&) { return std::make_shared<const storage::LogConfig>(); };
  options.post_settling = [&](const std::string& log_dir) { posted.push_back(log_dir); };
  options.on_directory_failed = [&](const std::string& log_dir, const base::Error&) {
    for (const auto& partition : partitions.all()) {
      CHECK_EQ(partition->log().log_dir(), log_dir);
      partitions.erase(partition->id());
      partition->close(ReplicaError::offline);
    }
  };
  auto manager = storage::LogManager::open(files, random, options).value();
  REQUIRE(manager->load([](auto job) { job(); }, [] { return std::int64_t{5000}; }).has_value());
  const base::TopicPartition id{"t", 0};
  const auto partition = std::make_shared<replication::Partition>(
      id, base::BrokerId(1), manager->get_or_create(id, std::nullopt, 5000).value());
  partitions.put(partition);
  partition->make_leader(HostedPartition::state(1, 0, {1, 2}, {1, 2}), 0);
  const auto append = [&] {
    base::Buffer batch = storage_test::make_batch(1);
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    return partition->append(partition->log().validate(request).value(), -1, 5000);
  };
  const auto first = append();
  auto wait = partition->wait_stored(*first, -1, loop);
  files.set_fault_hook([](runtime::SimFileOperation operation, const std::string&) {
    return runtime::SimFileFault{operation == runtime::SimFileOperation::write ? EIO : 0};
  });
  CHECK(append().error().is(storage::LogError::storage_error));
  CHECK(append().error().is(storage::LogError::storage_error));
  REQUIRE_EQ(posted, std::vector<std::string>{"/logs"});
  CHECK(!partition->is_closed());
  manager->settle_failure("/logs");
  CHECK(partition->is_closed());
  CHECK_EQ(partitions.size(), 0);
  CHECK(manager->is_offline(id));
  CHECK(outcome_of(world, loop, wait).error().is(ReplicaError::offline));
}
