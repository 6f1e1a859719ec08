// Goal: a fetch answers at once when there is enough, waits when there is not, is woken by an
// append of its partition, and an incremental one visits only what moved, as far as its answer has
// room, each partition in its turn.
#include <doctest/doctest.h>

#include <ctime>
#include <utility>

#include "broker/replication/fetch_session_table.h"
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
  Bench() { partition->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0); }

  // Another partition of the topic, led here.
  HostedPartition& add_partition() {
    auto& added =
        others.emplace_back(std::make_unique<HostedPartition>(INT64_MAX, std::ssize(others) + 1));
    (*added)->make_leader(HostedPartition::state(1, 0, {1}, {1}), 0);
    return *added;
  }
  FetchEntry& upsert(std::int32_t index, std::int64_t offset) {
    return session.upsert("topic", {}, index, position(offset));
  }
  std::shared_ptr<Partition> look_up(const FetchEntry& entry) {
    ++lookups;
    const auto index = static_cast<std::size_t>(entry.partition_index);
    if (index == 0) return partition.shared();
    return index <= others.size() ? others[index - 1]->shared() : nullptr;
  }

  std::vector<FetchEntry*> fetch(std::vector<FetchEntry*> named, bool is_full, FetchLimits how) {
    auto visited =
        world.block_on(loop, run_fetch({loop, {}}, session, std::move(named), is_full, how,
                                       [this](FetchEntry& entry) { return look_up(entry); }, {}));
    REQUIRE(visited.has_value());
    return *visited;
  }
  // As a client that moves on: the partitions that had records, in the order of the answer.
  std::vector<std::int32_t> consume(std::vector<FetchEntry*>& named, FetchLimits how) {
    std::vector<std::int32_t> told;
    const auto visited = fetch(std::exchange(named, {}), false, how);
    for (FetchEntry* entry : visited) {
      if (!entry->outcome || entry->outcome->plan.size_bytes == 0) continue;
      told.push_back(entry->partition_index);
      entry->position.fetch_offset = entry->position.fetch_offset + 1;
      named.push_back(entry);
    }
    session.requeue(visited);
    return told;
  }

  runtime::SimWorld world{3};
  runtime::SimLoop loop{world};
  HostedPartition partition;
  std::vector<std::unique_ptr<HostedPartition>> others;
  FetchSession session{7, false, false, 0};
  int lookups = 0;
};

}  // namespace

TEST_CASE("a full fetch answers for every partition, at once when there are records") {
  Bench bench;
  REQUIRE(bench.partition.append(2).has_value());
  FetchEntry& entry = bench.upsert(0, 0);
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({&entry}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
  CHECK_EQ(bench.loop.now_ms(), before_ms);
}

TEST_CASE("without records a fetch waits its time out and answers empty") {
  Bench bench;
  FetchEntry& entry = bench.upsert(0, 0);
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({&entry}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK_EQ(visited[0]->outcome->plan.size_bytes, 0);
  CHECK_EQ(bench.loop.now_ms() - before_ms, 500);
}

TEST_CASE("an append wakes a fetch that waits") {
  Bench bench;
  FetchEntry& entry = bench.upsert(0, 0);
  bench.world.schedule(20'000'000, [&] { REQUIRE(bench.partition.append(1).has_value()); });
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({&entry}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
  CHECK(bench.loop.now_ms() - before_ms < 100);
}

TEST_CASE("too few bytes: the wait goes on until there are enough or the time is over") {
  Bench bench;
  FetchEntry& entry = bench.upsert(0, 0);
  bench.world.schedule(10'000'000, [&] { REQUIRE(bench.partition.append(1).has_value()); });
  const std::int64_t before_ms = bench.loop.now_ms();
  const auto visited = bench.fetch({&entry}, true, limits(300, 100'000));
  CHECK_EQ(bench.loop.now_ms() - before_ms, 300);
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
}

TEST_CASE("an incremental fetch visits what moved and nothing else") {
  Bench bench;
  FetchEntry& entry = bench.upsert(0, 0);
  bench.session.requeue(bench.fetch({&entry}, true, limits(0)));
  CHECK(bench.fetch({}, false, limits(0)).empty());

  REQUIRE(bench.partition.append(1).has_value());
  auto visited = bench.fetch({}, false, limits(0));
  REQUIRE_EQ(visited.size(), 1);
  CHECK_EQ(visited[0], &entry);
  // Its position has not moved, so what it had is still there to say.
  bench.session.requeue(visited);
  CHECK_EQ(bench.fetch({}, false, limits(0)).size(), 1);

  entry.position = position(1);
  visited = bench.fetch({&entry}, false, limits(0));
  bench.session.requeue(visited);
  CHECK(bench.fetch({}, false, limits(0)).empty());
}

TEST_CASE("an error answers at once and is said again until it is gone") {
  Bench bench;
  FetchEntry& wrong = bench.upsert(0, 99);
  const std::int64_t before_ms = bench.loop.now_ms();
  auto visited = bench.fetch({&wrong}, true, limits(500));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome.error().is(storage::LogError::offset_out_of_range));
  CHECK_EQ(bench.loop.now_ms(), before_ms);
  FetchEntry& entry = *visited[0];
  bench.session.requeue(visited);
  for (int i = 0; i < 2; ++i) {
    visited = bench.fetch({}, false, limits(500));
    REQUIRE_EQ(visited.size(), 1);
    CHECK(visited[0]->outcome.error().is(storage::LogError::offset_out_of_range));
    CHECK_EQ(bench.loop.now_ms(), before_ms);
    bench.session.requeue(visited);
  }
  // The client asks from elsewhere.
  entry.position = position(0);
  visited = bench.fetch({&entry}, false, limits(0));
  REQUIRE_EQ(visited.size(), 1);
  CHECK(visited[0]->outcome.has_value());
  bench.session.requeue(visited);
  CHECK(bench.fetch({}, false, limits(0)).empty());
}

TEST_CASE("forgetting a partition that is queued leaves the others queued, in order") {
  Bench bench;
  for (int i = 0; i < 3; ++i) {
    bench.add_partition();
    bench.session.bind(bench.upsert(i + 1, 0), bench.others.back()->shared());
    REQUIRE(bench.others.back()->append(1).has_value());
  }
  bench.session.forget("topic", {}, 2);
  CHECK_EQ(bench.session.size(), 2);
  CHECK_EQ(bench.session.pending().size(), 2);
  CHECK(bench.session.find("topic", {}, 2) == nullptr);
  CHECK_EQ(bench.session.pending().front(), bench.session.find("topic", {}, 1));
  REQUIRE(bench.others[1]->append(1).has_value());  // nobody listens
  bench.session.collect_ready();
  CHECK_EQ(bench.session.pending().size(), 2);
}

TEST_CASE("forgetting very many queued partitions costs the same for each") {
  FetchSession session(7, false, false, 0);
  constexpr int kPartitions = 50'000;
  for (int i = 0; i < kPartitions; ++i) {
    session.ready().push(session.upsert("topic", {}, i, position(0)));
  }
  const std::clock_t begin = std::clock();
  for (int i = 0; i < kPartitions - 1; ++i) session.forget("topic", {}, i);
  // 0.1 s of CPU time; each against all others were a minute.
  CHECK((std::clock() - begin) / CLOCKS_PER_SEC < 3);
  CHECK_EQ(session.size(), 1);
  CHECK_EQ(session.pending().size(), 1);
}

TEST_CASE("what returned records goes to the end: no partition starves, whatever the budget") {
  Bench bench;
  std::vector<FetchEntry*> named;
  for (int i = 0; i < 3; ++i) {
    for (int batch = 0; batch < 4; ++batch) {
      if (i == 0) bench.add_partition();
    }
    for (int batch = 0; batch < 4; ++batch) REQUIRE(bench.others[i]->append(1).has_value());
    named.push_back(&bench.upsert(i + 1, 0));
  }
  FetchLimits one_batch = limits(0);
  one_batch.max_bytes = 1;
  bench.session.requeue(bench.fetch(std::exchange(named, {}), true, one_batch));
  std::vector<std::int32_t> order;
  for (int i = 0; i < 6; ++i) {
    for (const std::int32_t told : bench.consume(named, one_batch)) order.push_back(told);
  }
  CHECK_EQ(order, std::vector<std::int32_t>{2, 3, 1, 2, 3, 1});

  // Partition 4 joins in behind those that wait.
  REQUIRE(bench.others[3]->append(1).has_value());
  named.push_back(&bench.upsert(4, 0));
  order.clear();
  for (int i = 0; i < 5; ++i) {
    for (const std::int32_t told : bench.consume(named, one_batch)) order.push_back(told);
  }
  CHECK_EQ(order, std::vector<std::int32_t>{2, 3, 1, 4, 2});
}

TEST_CASE("once the answer is full nothing more is looked at, and what was not stays pending") {
  Bench bench;
  REQUIRE(bench.partition.append(1).has_value());
  std::vector<FetchEntry*> named;
  named.push_back(&bench.upsert(0, 0));
  // Nobody has looked these up: whoever is visited is counted.
  for (int i = 1; i <= 1000; ++i) named.push_back(&bench.upsert(i, 0));
  FetchLimits one_batch = limits(0);
  one_batch.max_bytes = 1;
  auto visited = bench.fetch(named, false, one_batch);
  CHECK_EQ(visited.size(), 1);
  CHECK_EQ(bench.lookups, 1);
  CHECK_EQ(bench.session.pending().size(), 1000);
  bench.session.requeue(visited);
  // The others have their turn: here they are errors, told as far as the answer has room.
  FetchLimits some = limits(0);
  some.max_bytes = 1000;
  some.framing.partition = 100;
  visited = bench.fetch({}, false, some);
  CHECK_EQ(visited.size(), 10);
  bench.session.requeue(visited);
  CHECK_EQ(bench.session.pending().size(), 1001);
  CHECK_EQ(bench.session.pending().front()->partition_index, 11);
}

TEST_CASE("a full fetch answers for each partition, records or not") {
  Bench bench;
  std::vector<FetchEntry*> named;
  for (int i = 0; i < 5; ++i) {
    bench.add_partition();
    REQUIRE(bench.others.back()->append(1).has_value());
    named.push_back(&bench.upsert(5 - i, 0));
  }
  FetchLimits one_batch = limits(500);
  one_batch.max_bytes = 1;
  const auto visited = bench.fetch(named, true, one_batch);
  CHECK_EQ(visited, named);  // in the order of the request
  int with_records = 0;
  for (const FetchEntry* entry : visited) {
    with_records += entry->outcome->plan.size_bytes > 0 ? 1 : 0;
    CHECK_EQ(entry->outcome->offsets.high_watermark, Offset(1));
  }
  CHECK_EQ(with_records, 1);
}

TEST_CASE("framing counts: a batch that fits without it does not fit with it") {
  Bench bench;
  bench.add_partition();
  REQUIRE(bench.partition.append(1).has_value());
  REQUIRE(bench.others[0]->append(1).has_value());
  FetchEntry& first = bench.upsert(0, 0);
  FetchEntry& second = bench.upsert(1, 0);
  const std::int64_t batch_bytes = bench.partition->log().size_bytes();
  FetchLimits how = limits(0);
  how.framing = {.response = 20, .topic = 5, .names_topics = true, .partition = 40};
  const std::int64_t framing_bytes = 20 + 5 + 5 + 2 * 40;
  bool is_full = true;
  SUBCASE("in a full fetch") {}
  SUBCASE("in an incremental one") { is_full = false; }
  how.max_bytes = 2 * batch_bytes + framing_bytes - 1;
  auto visited = bench.fetch({&first, &second}, is_full, how);
  CHECK_EQ(visited[0]->outcome->plan.size_bytes, batch_bytes);
  CHECK_EQ(visited[1]->outcome->plan.size_bytes, 0);
  bench.session.requeue(visited);
  how.max_bytes += 1;
  visited = bench.fetch({&first, &second}, is_full, how);
  CHECK_EQ(visited[0]->outcome->plan.size_bytes, batch_bytes);
  CHECK_EQ(visited[1]->outcome->plan.size_bytes, batch_bytes);
}

TEST_CASE("as much as the answer may hold is enough, whatever the client would wait for") {
  Bench bench;
  for (int i = 0; i < 10; ++i) REQUIRE(bench.partition.append(1).has_value());
  FetchEntry& entry = bench.upsert(0, 0);
  FetchLimits how = limits(500, 1000);
  const std::int64_t before_ms = bench.loop.now_ms();
  SUBCASE("cut off by the answer's limit") { how.max_bytes = how.min_bytes = 500; }
  SUBCASE("cut off by the partition's limit") {
    entry.position.max_bytes = 500;
    how.min_bytes = 500;
  }
  const auto visited = bench.fetch({&entry}, true, how);
  CHECK(visited[0]->outcome->plan.size_bytes > 0);
  CHECK(visited[0]->outcome->plan.size_bytes < 500);
  CHECK_EQ(bench.loop.now_ms(), before_ms);
}

TEST_CASE("a fetch of very many partitions lets the loop do other work") {
  Bench bench;
  std::vector<FetchEntry*> named;
  for (int i = 0; i < 40'000; ++i) named.push_back(&bench.upsert(1000 + i, 0));
  int turns = 0;
  bool is_done = false;
  std::function<void()> other = [&] {
    ++turns;
    if (!is_done) bench.loop.post(other);
  };
  bench.loop.post(other);
  CHECK_EQ(bench.fetch(named, true, limits(0)).size(), 40'000);
  is_done = true;
  CHECK(turns >= 8);
  bench.world.run_until_idle();
}

TEST_CASE("what a follower says of its log counts, though its answer is full") {
  Bench bench;
  FetchSession session(8, true, false, 0);
  std::vector<FetchEntry*> named;
  for (int i = 0; i < 3; ++i) {
    HostedPartition& partition = bench.add_partition();
    partition->make_leader(HostedPartition::state(1, 1, {1, 2}, {1, 2}), 0);
    for (int batch = 0; batch < 3; ++batch) REQUIRE(partition.append(1).has_value());
    named.push_back(&session.upsert("topic", {}, i + 1, position(2)));
  }
  FetchLimits how = limits(0);
  how.max_bytes = 1;
  how.replica_id = base::BrokerId(2);
  const auto visited = bench.world.block_on(
      bench.loop, run_fetch({bench.loop, {}}, session, named, false, how,
                            [&bench](FetchEntry& entry) { return bench.look_up(entry); }, {}));
  REQUIRE(visited.has_value());
  for (auto& partition : bench.others) {
    CHECK_EQ((*partition)->log().high_watermark(), Offset(2));
  }
  CHECK_EQ(session.follower_clock()->last_fetch_ms.load(), bench.loop.wall_ms());
  session.requeue(*visited);
  CHECK_EQ(session.pending().size(), 3);
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

TEST_CASE("all sessions together hold a limited number of partitions") {
  runtime::SimWorld world(4);
  FetchSessionTable table(10, 5);
  const auto first = table.create(false, false, 3, 0, world.random());
  CHECK(first->id() != 0);
  CHECK_EQ(table.create(false, false, 3, 0, world.random())->id(), 0);
  CHECK(table.create(false, false, 2, 0, world.random())->id() != 0);
  // Consumers leave followers their part.
  CHECK(table.create(true, false, 5, 0, world.random())->id() != 0);
  CHECK_EQ(table.size(), 3);

  // One that grows beyond it ends, and makes room.
  for (int i = 0; i < 4; ++i) first->upsert("t", {}, i, {});
  CHECK_FALSE(table.resized(*first));
  CHECK_EQ(table.size(), 2);
  CHECK(table.create(false, false, 3, 0, world.random())->id() != 0);
}
