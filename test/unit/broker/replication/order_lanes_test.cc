// Goal: a log directory that hangs holds up the controller's orders for its own partitions alone.
#include <doctest/doctest.h>

#include <deque>

#include "broker/replication/replica_control.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"

using protocol::ErrorCode;
using replication::Partition;

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

// Runs jobs at once, or keeps them while it hangs.
class Lane final : public runtime::WorkerPool {
 public:
  void submit(std::move_only_function<void()> job) override {
    if (hangs) {
      kept_.push_back(std::move(job));
    } else {
      job();
    }
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

class Listener final : public replication::LeadershipListener {
 public:
  void on_leader(const std::shared_ptr<Partition>&) override {}
  void on_not_leader(const base::TopicPartition& id, base::LeaderEpoch) override {
    unloaded.push_back(id);
  }
  std::vector<base::TopicPartition> unloaded;
};

struct Fixture {
  StillClock clock;
  CountingRandom random;
  runtime::SimFileSystem files{clock};
  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  std::map<std::string, Lane> lanes;
  Lane splitter;
  std::unique_ptr<storage::LogManager> logs;
  replication::PartitionTable partitions;  // its logs go before their manager
  std::unique_ptr<replication::ReplicaControl> control;
  Listener listener;

  Fixture() {
    storage::LogManagerOptions options;
    options.log_dirs = {"/a", "/b"};
    options.config_of = [](const auto&) { return std::make_shared<const storage::LogConfig>(); };
    options.on_directory_failed = [this](const std::string& log_dir, const base::Error&) {
      control->on_directory_failed(log_dir);
    };
    logs = storage::LogManager::open(files, random, options).value();
    REQUIRE(logs->load([](auto job) { job(); }, [] { return std::int64_t{5000}; }).has_value());
    replication::ReplicaControl::Options control_options;
    control_options.broker_id = base::BrokerId(1);
    control_options.is_alive = [](base::BrokerId) { return true; };
    control_options.min_insync_replicas = [](const std::string&) { return 1; };
    control_options.lane = [this](const std::string& log_dir) -> runtime::WorkerPool& {
      return lanes[log_dir];
    };
    control_options.lane_patience_ms = 1000;
    control = std::make_unique<replication::ReplicaControl>(control_options, partitions, *logs,
                                                            clock, splitter);
    control->add_listener(&listener);
  }

  // Leads partitions 0 to 3 of "t" with this epoch; the code of each.
  std::vector<ErrorCode> lead(std::int32_t epoch) {
    auto request = std::make_shared<protocol::LeaderAndIsrRequest>();
    request->controller_epoch = 1;
    auto& topic = request->topic_states.emplace_back();
    topic.topic_name = "t";
    for (std::int32_t i = 0; i < 4; ++i) {
      auto& partition = topic.partition_states.emplace_back();
      partition.topic_name = "t";
      partition.partition_index = i;
      partition.controller_epoch = 1;
      partition.leader = 1;
      partition.leader_epoch = epoch;
      partition.isr = {1};
      partition.replicas = {1};
      partition.is_new = true;
    }
    const auto response = world.block_on(loop, control->apply(request));
    std::vector<ErrorCode> codes;
    for (const auto& answer : response.partition_errors) {
      CHECK_EQ(answer.partition_index, static_cast<std::int32_t>(codes.size()));
      codes.push_back(static_cast<ErrorCode>(answer.error_code));
    }
    return codes;
  }
  std::vector<ErrorCode> remove(std::vector<std::int32_t> indexes) {
    auto request = std::make_shared<protocol::StopReplicaRequest>();
    request->controller_epoch = 1;
    auto& topic = request->topic_states.emplace_back();
    topic.topic_name = "t";
    for (const std::int32_t index : indexes) {
      auto& partition = topic.partition_states.emplace_back();
      partition.partition_index = index;
      partition.leader_epoch = -2;
      partition.delete_partition = true;
    }
    const auto response = world.block_on(loop, control->apply(request));
    std::vector<ErrorCode> codes;
    for (const auto& answer : response.partition_errors) {
      codes.push_back(static_cast<ErrorCode>(answer.error_code));
    }
    return codes;
  }
  std::int32_t epoch(std::int32_t index) {
    const auto partition = partitions.find("t", index);
    return partition == nullptr ? -1 : partition->role().leader_epoch.value();
  }
  bool is_in(std::int32_t index, const std::string& log_dir) {
    return logs->find({"t", index})->log_dir() == log_dir;
  }
};

constexpr auto kNone = ErrorCode::kNone;
constexpr auto kStorage = ErrorCode::kKafkaStorageError;

}  // namespace

TEST_CASE("partitions are spread over the directories, and their orders carried out in order") {
  Fixture fixture;
  CHECK_EQ(fixture.lead(0), std::vector<ErrorCode>(4, kNone));
  for (std::int32_t i = 0; i < 4; ++i) CHECK(fixture.is_in(i, i % 2 == 0 ? "/a" : "/b"));
  CHECK_EQ(fixture.lead(1), std::vector<ErrorCode>(4, kNone));
  CHECK_EQ(fixture.lead(1), std::vector<ErrorCode>(4, ErrorCode::kStaleControllerEpoch));
  CHECK_EQ(fixture.remove({0, 1, 2, 3}), std::vector<ErrorCode>(4, kNone));
  CHECK(fixture.logs->all().empty());
}

TEST_CASE("a directory that hangs holds up its own orders alone, which are done when it goes on") {
  Fixture fixture;
  REQUIRE_EQ(fixture.lead(0), std::vector<ErrorCode>(4, kNone));
  fixture.lanes["/a"].hangs = true;
  CHECK_EQ(fixture.lead(1), std::vector<ErrorCode>{kStorage, kNone, kStorage, kNone});
  CHECK_EQ(fixture.epoch(0), 0);
  CHECK_EQ(fixture.epoch(1), 1);
  CHECK_EQ(fixture.lead(2), std::vector<ErrorCode>{kStorage, kNone, kStorage, kNone});
  CHECK_EQ(fixture.remove({2, 3}), std::vector<ErrorCode>{kStorage, kNone});
  CHECK_EQ(fixture.epoch(3), -1);
  fixture.lanes["/a"].go_on();
  CHECK_EQ(fixture.epoch(0), 2);
  CHECK_EQ(fixture.epoch(2), -1);
  CHECK(fixture.logs->find({"t", 2}) == nullptr);
}

TEST_CASE("while a new partition waits for its directory, all orders for it go there") {
  Fixture fixture;
  fixture.lanes["/a"].hangs = true;
  CHECK_EQ(fixture.lead(0), std::vector<ErrorCode>{kStorage, kNone, kStorage, kNone});
  CHECK_EQ(fixture.lead(1), std::vector<ErrorCode>{kStorage, kNone, kStorage, kNone});
  fixture.lanes["/a"].go_on();
  CHECK(fixture.is_in(0, "/a"));
  CHECK(fixture.is_in(2, "/a"));
  CHECK_EQ(fixture.epoch(2), 1);
}

TEST_CASE("a directory that has failed is told to those who load by leadership") {
  Fixture fixture;
  REQUIRE_EQ(fixture.lead(0), std::vector<ErrorCode>(4, kNone));
  fixture.logs->take_offline("/b", base::Error::from_errno(EIO, "write"));
  CHECK(fixture.listener.unloaded.empty());  // never from inside the report
  fixture.logs->settle_failure("/b");
  REQUIRE_EQ(fixture.listener.unloaded.size(), 2);
  for (const auto& id : fixture.listener.unloaded) CHECK_EQ(id.partition % 2, 1);
  CHECK_EQ(fixture.lead(1), std::vector<ErrorCode>{kNone, kStorage, kNone, kStorage});
}

TEST_CASE("a deletion does not overtake the creation that waits in a lane") {
  Fixture fixture;
  fixture.lanes["/a"].hangs = true;
  CHECK_EQ(fixture.lead(0), std::vector<ErrorCode>{kStorage, kNone, kStorage, kNone});
  CHECK_EQ(fixture.remove({0, 1, 2, 3}), std::vector<ErrorCode>{kStorage, kNone, kStorage, kNone});
  fixture.lanes["/a"].go_on();
  CHECK(fixture.partitions.find("t", 0) == nullptr);
  CHECK(fixture.logs->all().empty());
}

TEST_CASE("the patience with several directories that hang does not add up") {
  Fixture fixture;
  fixture.lanes["/a"].hangs = true;
  fixture.lanes["/b"].hangs = true;
  const std::int64_t begin_ms = fixture.loop.now_ms();
  CHECK_EQ(fixture.lead(0), std::vector<ErrorCode>(4, kStorage));
  CHECK_LT(fixture.loop.now_ms() - begin_ms, 1'500);
  for (const char* dir : {"/a", "/b"}) fixture.lanes[dir].go_on();
}
