// Goal: what partitions propose reaches the route and comes back to them on their lanes; what
// nobody answers is tried again with pauses and looked up; a lane that hangs holds up its own
// partitions.
#include "broker/replication/isr_changes.h"

#include <doctest/doctest.h>

#include <deque>
#include <utility>

#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"
#include "test/unit/broker/replication/isr_keeper.h"

using replication::IsrChange;
using replication::IsrState;
using replication::IsrVerdict;
using replication_test::FakeOwner;
using replication_test::HostedPartition;
using replication_test::state_with;
using Kind = IsrVerdict::Kind;

namespace {

class FakeRoute final : public replication::IsrRoute, public replication::IsrStates {
 public:
  explicit FakeRoute(runtime::Loop& loop) : loop_(loop) {}
  runtime::Task<std::vector<IsrVerdict>> write(std::vector<IsrChange> changes) override {
    ++under_way;
    CHECK_EQ(under_way, 1);
    tries.emplace_back(loop_.now_ms(), changes.size());
    (void)co_await runtime::sleep_ms(loop_, delay_ms);
    --under_way;
    std::vector<IsrVerdict> verdicts(changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      verdicts[i].kind = answer;
      verdicts[i].state = state_with(changes[i], 4);
    }
    co_return verdicts;
  }
  runtime::Task<std::vector<std::optional<IsrState>>> read(
      std::vector<IsrChange> changes) override {
    ++reads;
    std::vector<std::optional<IsrState>> states(changes.size());
    for (std::size_t i = 0; i < changes.size(); ++i) {
      if (stored_version > 0) states[i] = state_with(changes[i], stored_version);
    }
    co_return states;
  }

  Kind answer = Kind::confirmed;
  std::int64_t delay_ms = 10;
  std::vector<std::pair<std::int64_t, std::size_t>> tries;  // when, how many changes
  int stored_version = 0;                                   // 0: ZooKeeper is away
  int under_way = 0;
  int reads = 0;

 private:
  runtime::Loop& loop_;
};

// Runs its jobs at once, or keeps them while it hangs.
class Lane final : public runtime::WorkerPool {
 public:
  void submit(std::move_only_function<void()> job) override {
    kept_.push_back(std::move(job));
    if (!hangs) go_on();
  }
  std::size_t queued() const override { return kept_.size(); }
  void go_on() {
    hangs = false;
    for (auto& job : std::exchange(kept_, {})) job();
  }
  bool hangs = false;

 private:
  std::deque<std::move_only_function<void()>> kept_;
};

struct Fixture {
  Fixture() {
    base::set_log_level(base::LogLevel::off);
    replication::IsrChanges::Options options;
    options.lag_max_ms = 2000;
    options.is_live = [](base::BrokerId) { return true; };
    options.lane = [this](const std::string& dir) -> runtime::WorkerPool& { return lanes[dir]; };
    changes = std::make_unique<replication::IsrChanges>(loop, std::move(options), partitions, route,
                                                        route);
    changes->start();
  }
  ~Fixture() { world.block_on(loop, changes->close()); }
  std::shared_ptr<FakeOwner> propose(const std::string& topic, const std::string& dir = "/data/a") {
    auto owner = std::make_shared<FakeOwner>(dir);
    changes->propose(owner->change(topic));
    return owner;
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  FakeRoute route{loop};
  std::map<std::string, Lane> lanes;
  replication::PartitionTable partitions;
  std::unique_ptr<replication::IsrChanges> changes;
};

}  // namespace

TEST_CASE("changes that come while one request is under way go in the next, together") {
  Fixture fixture;
  const auto first = fixture.propose("a");
  fixture.world.run_for(5);
  const auto second = fixture.propose("b");
  const auto third = fixture.propose("c");
  fixture.world.run_for(100);
  REQUIRE_EQ(fixture.route.tries.size(), 2);
  CHECK_EQ(fixture.route.tries[1].second, 2);
  for (const auto& owner : {first, second, third}) {
    REQUIRE(owner->confirmed);
    CHECK_EQ(owner->confirmed->partition_epoch.value(), 4);
  }
}

TEST_CASE("without an answer it is tried again after 50 ms, 100 ms, up to 500 ms") {
  Fixture fixture;
  fixture.route.answer = Kind::again;
  fixture.route.delay_ms = 0;
  const auto owner = fixture.propose("a");
  fixture.world.run_for(2500);
  const auto& tries = fixture.route.tries;
  REQUIRE(tries.size() >= 7);
  CHECK(tries.size() <= 9);
  CHECK(tries[1].first - tries[0].first >= 50);
  CHECK(tries[2].first - tries[1].first >= 100);
  CHECK(tries[6].first - tries[5].first >= 500);
  CHECK(owner->pending != 0);
  fixture.route.answer = Kind::confirmed;
  fixture.world.run_for(600);
  CHECK(owner->confirmed);
}

TEST_CASE(
    "a refusal that decides comes back, one that does not waits for the state to be looked up") {
  Fixture fixture;
  fixture.route.answer = Kind::not_attempted;
  const auto refused = fixture.propose("a");
  fixture.world.run_for(100);
  CHECK_EQ(refused->refusals, 1);

  fixture.route.answer = Kind::waits;
  const auto waiting = fixture.propose("b");
  fixture.world.run_for(4900);
  CHECK_EQ(fixture.route.reads, 0);
  fixture.world.run_for(1000);
  CHECK_EQ(fixture.route.reads, 1);
  CHECK(waiting->pending != 0);
  fixture.route.stored_version = 6;
  fixture.world.run_for(6000);
  CHECK_EQ(fixture.route.reads, 2);
  REQUIRE(waiting->confirmed);
  CHECK_EQ(waiting->confirmed->partition_epoch.value(), 6);
  CHECK_EQ(fixture.route.tries.size(), 2);
}

TEST_CASE("who is to be looked at again is, once, after a moment") {
  Fixture fixture;
  const auto owner = std::make_shared<FakeOwner>();
  fixture.changes->look_again(owner);
  fixture.changes->look_again(owner);
  CHECK_EQ(owner->looks, 0);
  fixture.world.run_for(600);
  CHECK_EQ(owner->looks, 1);
  fixture.world.run_for(2000);
  CHECK_EQ(owner->looks, 1);
}

TEST_CASE("a directory that hangs holds up its own partitions, and does not pile up looks") {
  Fixture fixture;
  fixture.lanes["/data/a"].hangs = true;
  const auto stuck = fixture.propose("a", "/data/a");
  const auto free = fixture.propose("b", "/data/b");
  const auto looked_at = std::make_shared<FakeOwner>("/data/a");
  for (int i = 0; i < 10; ++i) {
    fixture.changes->look_again(looked_at);
    fixture.world.run_for(600);
  }
  CHECK(free->confirmed);
  CHECK(!stuck->confirmed);
  CHECK(fixture.lanes["/data/a"].queued() <= 2);
  fixture.lanes["/data/a"].go_on();
  CHECK(stuck->confirmed);
  fixture.world.run_for(600);
  CHECK_EQ(looked_at->looks, 2);
}

TEST_CASE("every half of replica.lag.time.max.ms all leaders are looked at, with their followers") {
  HostedPartition hosted;
  Fixture fixture;
  hosted->set_isr_keeper(fixture.changes.get());
  auto state = HostedPartition::state(1, 5, {1, 2}, {1, 2});
  state.partition_epoch = base::ZkVersion(3);
  REQUIRE(hosted->make_leader(state, fixture.loop.wall_ms()));
  hosted.fixture().now_ms = fixture.loop.wall_ms();
  REQUIRE(hosted.append(1).has_value());
  fixture.partitions.put(hosted.shared());
  fixture.world.run_for(2050);
  CHECK(fixture.route.tries.empty());
  fixture.world.run_for(1100);
  REQUIRE_EQ(fixture.route.tries.size(), 1);
  CHECK_EQ(hosted->leader_state().partition_epoch.value(), 4);
  CHECK_EQ(hosted->leader_state().isr, std::vector{base::BrokerId(1)});
  CHECK_EQ(hosted->log().high_watermark(), base::Offset(1));
}

TEST_CASE("after the end nothing is taken any more") {
  Fixture fixture;
  fixture.changes->cancel();
  const auto owner = fixture.propose("a");
  fixture.changes->look_again(owner);
  fixture.world.run_for(10'000);
  CHECK(fixture.route.tries.empty());
  CHECK_EQ(owner->looks, 0);
}
