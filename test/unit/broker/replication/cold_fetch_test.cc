// Goal: a fetch never waits for the device on its loop: what is in memory is answered, a worker
// brings in the rest, and every partition gets its turn. Method: a simulated disk whose files are
// in memory only once a worker has read them.
#include <doctest/doctest.h>

#include <set>

#include "broker/replication/fetcher.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"

using base::Offset;
using namespace replication;
using replication_test::HostedPartition;
using runtime::SimFileOperation;

namespace {

struct ColdPartition {
  ColdPartition(runtime::SimWorld& world, std::int32_t index)
      : files(std::make_shared<runtime::SimFileSystem>(world.clock())) {
    REQUIRE(files->create_directories("/data").has_value());
    fixture = std::make_unique<storage_test::LogFixture>(files, "/data");
    fixture->open();
    for (int i = 0; i < 10; ++i) {
      REQUIRE(fixture->append(storage_test::make_batch(5)).has_value());
    }
    fixture->reopen_clean();
    partition = std::make_shared<Partition>(
        base::TopicPartition{"topic", index}, base::BrokerId(1),
        std::shared_ptr<storage::PartitionLog>(fixture->log.get(), [](storage::PartitionLog*) {}));
    partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
    files->set_fault_hook([this](SimFileOperation operation, const std::string& path) {
      runtime::SimFileFault fault;
      if (operation == SimFileOperation::read && is_broken) {
        fault.errno_value = EIO;
      } else if (operation == SimFileOperation::read) {
        resident.insert(path);
      }
      if (operation == SimFileOperation::read_nowait && !resident.contains(path)) {
        fault.errno_value = EAGAIN;
      }
      return fault;
    });
  }
  ~ColdPartition() { files->set_fault_hook({}); }

  std::shared_ptr<runtime::SimFileSystem> files;
  std::set<std::string> resident;
  bool is_broken = false;
  std::unique_ptr<storage_test::LogFixture> fixture;
  std::shared_ptr<Partition> partition;
};

struct Bench {
  Bench() {
    hot->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
    REQUIRE(hot.append(1).has_value());
  }
  ~Bench() {
    scope.cancel();
    world.run_until_idle();
  }
  FetchEntry& upsert(std::int32_t index) {
    FetchPosition position;
    position.max_bytes = 1 << 20;
    return session.upsert("topic", {}, index, position);
  }
  std::vector<FetchEntry*> fetch(std::vector<FetchEntry*> named, bool is_full,
                                 std::int64_t max_wait_ms = 0) {
    FetchLimits limits;
    limits.max_bytes = 1 << 20;
    limits.max_wait_ms = max_wait_ms;
    auto visited = world.block_on(
        loop, run_fetch({loop, {&disk, &scope}}, session, std::move(named), is_full, limits,
                        [this](FetchEntry& entry) {
                          return entry.partition_index == 0 ? hot.shared() : cold.partition;
                        },
                        {}));
    REQUIRE(visited.has_value());
    return *visited;
  }

  runtime::SimWorld world{5};
  runtime::SimLoop loop{world};
  runtime::SimWorkerPool workers{world};
  replication::DiskWorkers disk = [this](const std::string&) -> runtime::WorkerPool& {
    return workers;
  };
  runtime::TaskScope scope{loop, "requests"};
  HostedPartition hot;
  ColdPartition cold{world, 1};
  FetchSession session{7, false, false, 0};
};

}  // namespace

TEST_CASE("what is in memory is answered at once, what is not comes with a later fetch") {
  Bench bench;
  FetchEntry& cold = bench.upsert(1);
  FetchEntry& hot = bench.upsert(0);
  const std::int64_t before_ms = bench.loop.now_ms();
  auto visited = bench.fetch({&cold, &hot}, true, 500);
  CHECK_EQ(bench.loop.now_ms(), before_ms);
  REQUIRE_EQ(visited.size(), 2);
  CHECK_EQ(cold.outcome->plan.size_bytes, 0);
  CHECK_EQ(cold.outcome->offsets.high_watermark, Offset(50));
  CHECK(hot.outcome->plan.size_bytes > 0);
  bench.session.requeue(visited);
  hot.position.fetch_offset = Offset(1);

  visited = bench.fetch({&hot}, false, 500);
  REQUIRE(cold.outcome.has_value());
  CHECK(cold.outcome->plan.size_bytes > 0);
}

TEST_CASE("without anything in memory the fetch waits for the worker, even with no time to wait") {
  Bench bench;
  FetchEntry& cold = bench.upsert(1);
  const auto visited = bench.fetch({&cold}, true, 0);
  REQUIRE(cold.outcome.has_value());
  CHECK(cold.outcome->plan.size_bytes > 0);
  CHECK(!cold.outcome->blocked);
}

TEST_CASE("a device that fails is an error of the partition") {
  Bench bench;
  bench.cold.is_broken = true;
  FetchEntry& cold = bench.upsert(1);
  const auto visited = bench.fetch({&cold}, true, 0);
  REQUIRE(!cold.outcome.has_value());
  CHECK(cold.outcome.error().is(storage::LogError::storage_error));
}

TEST_CASE("a partition forgotten while its records are read ahead is left alone") {
  Bench bench;
  FetchEntry& cold = bench.upsert(1);
  FetchEntry& hot = bench.upsert(0);
  bench.session.requeue(bench.fetch({&cold, &hot}, true));
  bench.session.forget("topic", {}, 1);
  bench.world.run_until_idle();
  CHECK_EQ(bench.fetch({}, false).size(), 1);
}
