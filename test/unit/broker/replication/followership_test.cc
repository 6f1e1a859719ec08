// Goal: what the controller orders decides what is fetched, and whatever ends following says so.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "broker/replication/replica_control.h"
#include "runtime/random.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"

using protocol::ErrorCode;
using replication::Partition;

namespace {

class AtOnce final : public runtime::WorkerPool {
 public:
  void submit(std::move_only_function<void()> job) override { job(); }
  std::size_t queued() const override { return 0; }
};

class Noted final : public replication::Followership {
 public:
  void follow(const std::shared_ptr<Partition>& partition) override {
    const auto state = partition->leader_state();
    calls.push_back(
        fmt::format("{} from {} in {}", partition->id(), state.leader, state.leader_epoch));
    is_follower = partition->role().role == replication::Role::follower;
  }
  void unfollow(const base::TopicPartition& id) override {
    calls.push_back(fmt::format("{} no more", id));
  }
  std::vector<std::string> take() { return std::exchange(calls, {}); }
  std::vector<std::string> calls;
  bool is_follower = false;
};

using Calls = std::vector<std::string>;

struct Fixture {
  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  runtime::SimFileSystem files{world.clock()};
  AtOnce pool;
  std::unique_ptr<storage::LogManager> logs;
  replication::PartitionTable partitions;
  std::unique_ptr<replication::ReplicaControl> control;
  Noted noted;
  bool is_leader_alive = true;
  base::TopicId topic_id;

  Fixture() {
    storage::LogManagerOptions options;
    options.log_dirs = {"/a"};
    options.config_of = [](const auto&) { return std::make_shared<const storage::LogConfig>(); };
    logs = storage::LogManager::open(files, world.random(), options).value();
    REQUIRE(logs->load([](auto job) { job(); }, [] { return std::int64_t{5000}; }).has_value());
    replication::ReplicaControl::Options control_options;
    control_options.broker_id = base::BrokerId(1);
    control_options.is_alive = [this](base::BrokerId) { return is_leader_alive; };
    control_options.min_insync_replicas = [](const std::string&) { return 1; };
    control_options.lane = [this](const std::string&) -> runtime::WorkerPool& { return pool; };
    control = std::make_unique<replication::ReplicaControl>(control_options, partitions, *logs,
                                                            world.clock(), pool);
    control->set_followership(&noted);
  }

  ErrorCode order(std::int32_t leader, std::int32_t epoch) {
    auto request = std::make_shared<protocol::LeaderAndIsrRequest>();
    request->controller_epoch = 1;
    auto& topic = request->topic_states.emplace_back();
    topic.topic_name = "t";
    topic.topic_id = topic_id;
    auto& partition = topic.partition_states.emplace_back();
    partition.topic_name = "t";
    partition.leader = leader;
    partition.leader_epoch = epoch;
    partition.isr = {1, 2};
    partition.replicas = {1, 2};
    const auto response = world.block_on(loop, control->apply(request));
    return static_cast<ErrorCode>(response.partition_errors.at(0).error_code);
  }
  void stop(bool deletes) {
    auto request = std::make_shared<protocol::StopReplicaRequest>();
    request->controller_epoch = 1;
    auto& topic = request->topic_states.emplace_back();
    topic.topic_name = "t";
    auto& partition = topic.partition_states.emplace_back();
    partition.delete_partition = deletes;
    partition.leader_epoch = -1;
    (void)world.block_on(loop, control->apply(request));
  }
};

}  // namespace

TEST_CASE("followers are fetched for, leaders are not") {
  Fixture fixture;
  CHECK_EQ(fixture.order(2, 3), ErrorCode::kNone);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 from 2 in 3"});
  CHECK(fixture.noted.is_follower);
  CHECK_EQ(fixture.order(2, 3), ErrorCode::kStaleControllerEpoch);
  CHECK(fixture.noted.take().empty());
  CHECK_EQ(fixture.order(1, 4), ErrorCode::kNone);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 no more"});
  CHECK_EQ(fixture.order(3, 5), ErrorCode::kNone);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 from 3 in 5"});
}

TEST_CASE("a leader that is none, or not known to live, leaves what is fetched as it is") {
  Fixture fixture;
  (void)fixture.order(2, 3);
  (void)fixture.noted.take();
  CHECK_EQ(fixture.order(-1, 4), ErrorCode::kNone);
  fixture.is_leader_alive = false;
  CHECK_EQ(fixture.order(3, 4), ErrorCode::kNone);
  CHECK(fixture.noted.take().empty());
  fixture.is_leader_alive = true;
  CHECK_EQ(fixture.order(3, 4), ErrorCode::kNone);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 from 3 in 4"});
}

TEST_CASE("what is stopped, deleted or on a failed directory is fetched no more") {
  Fixture fixture;
  (void)fixture.order(2, 3);
  (void)fixture.noted.take();
  fixture.stop(false);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 no more"});
  (void)fixture.order(2, 4);
  (void)fixture.noted.take();
  fixture.control->on_directory_failed("/a");
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 no more"});
  (void)fixture.order(2, 5);
  (void)fixture.noted.take();
  fixture.stop(true);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 no more"});
  fixture.stop(true);
  CHECK(fixture.noted.take().empty());
}

TEST_CASE("a topic id that becomes known is told to the fetcher") {
  Fixture fixture;
  (void)fixture.order(2, 3);
  (void)fixture.noted.take();
  fixture.topic_id.bytes[0] = decltype(fixture.topic_id.bytes)::value_type(7);
  CHECK_EQ(fixture.order(2, 3), ErrorCode::kNone);
  CHECK_EQ(fixture.noted.take(), Calls{"t-0 from 2 in 3"});
}
