// Goal: a fetch answers at once when there is enough, waits when there is not, is woken by an
// append of its partition, and an incremental one visits only what moved.
#include <doctest/doctest.h>

#include "broker/replication/fetcher.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"

using base::Offset;
using namespace replication;
using replication_test::HostedPartition;

namespace {

FetchLimits limits(std::int64_t max_wait_ms, std::int64_t min_bytes = 1) {
  FetchLimits limits;
  limits.min_bytes = min_bytes;
  limits.max_bytes = 1 << 20;
  limits.max_wait_ms = max_wait_ms;
  return limits;
}

FetchPosition position(std::int64_t offset) {
  FetchPosition position;
  position.fetch_offset = Offset(offset);
  position.max_bytes = 1 << 20;
  return position;
}

struct Bench {
  Bench() : session(7, false, false, 0) {
    partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
  }
  ~Bench() {
    for (const auto& entry : session.entries()) session.bind(*entry, nullptr);
  }

  std::vector<FetchEntry*> fetch(std::vector<FetchEntry*> named, bool is_full, FetchLimits how) {
    auto visited =
        world.block_on(loop, run_fetch(loop, session, std::move(named), is_full, how,
                                       [this](FetchEntry&) { return partition.shared(); }, {}));
    REQUIRE(visited.has_value());
    return *visited;
  }

  runtime::SimWorld world{3};
  runtime::SimLoop loop{world};
  HostedPartition partition;
  FetchSession session;
};

}  // namespace

TEST_CASE("a full fetch answers for every partition, at once when there are records") {
  Bench bench;
  REQUIRE(bench.partition.append(2).has_value());
  bench.session.upsert("topic", {}, 0, position(0));
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
  CHECK_EQ(bench.loop.now_ms(), before_ms);
}

TEST_CASE("without records a fetch waits its time out and answers empty") {
  Bench bench;
  bench.session.upsert("topic", {}, 0, position(0));
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK_EQ(visited[0]->outcome->plan.size_bytes, 0);
  CHECK_EQ(bench.loop.now_ms() - before_ms, 500);
}

TEST_CASE("an append wakes a fetch that waits") {
  Bench bench;
  bench.session.upsert("topic", {}, 0, position(0));
  bench.world.schedule(20'000'000, [&] { REQUIRE(bench.partition.append(1).has_value()); });
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
  CHECK(bench.loop.now_ms() - before_ms < 100);
}

TEST_CASE("too few bytes: the wait goes on until there are enough or the time is over") {
  Bench bench;
  bench.session.upsert("topic", {}, 0, position(0));
  bench.world.schedule(10'000'000, [&] { REQUIRE(bench.partition.append(1).has_value()); });
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({}, true, limits(300, 100'000));
  CHECK_EQ(bench.loop.now_ms() - before_ms, 300);
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
}

TEST_CASE("an incremental fetch visits what moved and nothing else") {
  Bench bench;
  FetchEntry& entry = bench.session.upsert("topic", {}, 0, position(0));
  requeue_visited(bench.session, bench.fetch({}, true, limits(0)));
  CHECK(bench.fetch({}, false, limits(0)).empty());

  REQUIRE(bench.partition.append(1).has_value());
  auto visited = bench.fetch({}, false, limits(0));
  REQUIRE_EQ(visited.size(), 1);
  CHECK_EQ(visited[0], &entry);
  // Its position has not moved, so what it had is still there to say.
  requeue_visited(bench.session, visited);
  CHECK_EQ(bench.fetch({}, false, limits(0)).size(), 1);

  entry.position = position(1);
  visited = bench.fetch({&entry}, false, limits(0));
  requeue_visited(bench.session, visited);
  CHECK(bench.fetch({}, false, limits(0)).empty());
}

TEST_CASE("an error answers at once and is said again until it is gone") {
  Bench bench;
  bench.session.upsert("topic", {}, 0, position(99));
  const std::int64_t before_ms = bench.loop.now_ms();
  auto visited = bench.fetch({}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome.error().is(storage::LogError::offset_out_of_range));
  CHECK_EQ(bench.loop.now_ms(), before_ms);
  FetchEntry& entry = *visited[0];
  requeue_visited(bench.session, visited);
  for (int i = 0; i < 2; ++i) {
    visited = bench.fetch({}, false, limits(500));
    REQUIRE_EQ(visited.size(), 1);
    CHECK(visited[0]->outcome.error().is(storage::LogError::offset_out_of_range));
    CHECK_EQ(bench.loop.now_ms(), before_ms);
    requeue_visited(bench.session, visited);
  }
  // The client asks from elsewhere.
  entry.position = position(0);
  visited = bench.fetch({&entry}, false, limits(0));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome.has_value());
  requeue_visited(bench.session, visited);
  CHECK(bench.fetch({}, false, limits(0)).empty());
}

TEST_CASE("forgetting a partition that is queued leaves the others queued") {
  Bench bench;
  HostedPartition other;
  other->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
  FetchEntry& first = bench.session.upsert("topic", {}, 0, position(0));
  FetchEntry& second = bench.session.upsert("topic", {}, 1, position(0));
  bench.session.bind(first, bench.partition.shared());
  bench.session.bind(second, other.shared());
  REQUIRE(bench.partition.append(1).has_value());
  REQUIRE(other.append(1).has_value());
  bench.session.forget("topic", {}, 0);
  CHECK_EQ(bench.session.size(), 1);
  int queued = 0;
  bench.session.ready().drain([&](FetchLink& link) {
    CHECK_EQ(&link, bench.session.entries()[0].get());
    ++queued;
  });
  CHECK_EQ(queued, 1);
  bench.session.bind(*bench.session.entries()[0], nullptr);
}

TEST_CASE("the session table follows KIP-227: epochs, unknown ids, eviction") {
  runtime::SimWorld world(4);
  FetchSessionTable table(1);
  auto first = table.create(false, false, 3, 0, world.random());
  CHECK(first->id() != 0);
  first->release();
  CHECK_EQ(table.find(first->id() + 1, 1, 0).error, FetchSessionTable::LookupError::not_found);
  CHECK_EQ(table.find(first->id(), 2, 0).error, FetchSessionTable::LookupError::invalid_epoch);
  const auto held = table.find(first->id(), 1, 0);
  CHECK_EQ(held.error, FetchSessionTable::LookupError::none);
  held.session->release();

  SUBCASE("a full table keeps what was used lately") {
    CHECK_EQ(table.create(false, false, 100, 1000, world.random())->id(), 0);
  }
  SUBCASE("a session unused for two minutes goes") {
    CHECK(table.create(false, false, 1, 200'000, world.random())->id() != 0);
  }
  SUBCASE("a follower takes a consumer's place") {
    CHECK(table.create(true, false, 1, 1000, world.random())->id() != 0);
  }
}
