// Goal: what several controllers order takes effect whole, one order after the other, and nothing
// of an earlier controller's after a later one has spoken. (Interleaved, the earlier one's list of
// leaders could be published last.)
#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "broker/replication/replica_control.h"
#include "runtime/posix/file_system.h"
#include "runtime/uv/system.h"
#include "runtime/uv/threads.h"
#include "test/unit/broker/replication/isr_keeper.h"
#include "test/unit/storage/log_fixture.h"

namespace replication {
namespace {

using protocol::ErrorCode;

class Published {
 public:
  void add(int epoch) {
    const std::lock_guard guard(mutex_);
    epochs_.push_back(epoch);
    changed_.notify_all();
  }
  bool wait_for(int epoch, std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] {
      return std::find(epochs_.begin(), epochs_.end(), epoch) != epochs_.end();
    });
  }
  std::vector<int> epochs() {
    const std::lock_guard guard(mutex_);
    return epochs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<int> epochs_;
};

struct ControlFixture {
  ControlFixture() {
    base::set_log_level(base::LogLevel::off);
    storage::LogManagerOptions options;
    options.log_dirs.push_back(directory.path());
    options.config_of = [](const std::string&) {
      return std::make_shared<const storage::LogConfig>();
    };
    auto opened = storage::LogManager::open(*files, random, options);
    REQUIRE(opened.has_value());
    logs = std::move(*opened);
    ReplicaControl::Options control_options;
    control_options.broker_id = base::BrokerId(1);
    control_options.is_alive = [](base::BrokerId) { return true; };
    control_options.min_insync_replicas = [](const std::string&) { return 1; };
    control_options.isr_keeper = &keeper;
    control_options.lane = [this](const std::string&) -> runtime::WorkerPool& { return *pool; };
    control = std::make_unique<ReplicaControl>(std::move(control_options), partitions, *logs,
                                               loop.clock(), *pool);
  }

  replication_test::NotedKeeper keeper;
  storage_test::TemporaryDirectory directory;
  std::unique_ptr<runtime::FileSystem> files = runtime::make_posix_file_system();
  runtime::SystemRandom random;
  std::unique_ptr<storage::LogManager> logs;
  PartitionTable partitions;
  runtime::UvLoop loop;
  // More threads than the broker has: the order must not hang on there being one.
  std::unique_ptr<runtime::WorkerPool> pool = runtime::make_worker_pool("orders", 2, 100);
  std::unique_ptr<ReplicaControl> control;
};

runtime::Task<void> order_metadata(ReplicaControl* control, std::int32_t epoch,
                                   std::function<void()> publish, bool* accepted) {
  *accepted = co_await control->apply_metadata(epoch, std::move(publish));
}

TEST_CASE_FIXTURE(ControlFixture, "metadata of an earlier controller never comes out last") {
  Published published;
  std::vector<std::jthread> threads;
  bool earlier_accepted = false;
  bool later_accepted = false;
  Published entered;
  threads.emplace_back([&] {
    runtime::UvLoop own;
    runtime::block_on(own, order_metadata(
                               control.get(), 1,
                               [&] {
                                 entered.add(1);
                                 // In vain, unless the later one may come in between.
                                 published.wait_for(2, std::chrono::milliseconds(200));
                                 published.add(1);
                               },
                               &earlier_accepted));
  });
  REQUIRE(entered.wait_for(1, std::chrono::seconds(60)));
  threads.emplace_back([&] {
    runtime::UvLoop own;
    runtime::block_on(own,
                      order_metadata(control.get(), 2, [&] { published.add(2); }, &later_accepted));
  });
  threads.clear();
  CHECK(earlier_accepted);
  CHECK(later_accepted);
  CHECK(published.epochs() == std::vector<int>{1, 2});
}

runtime::Task<std::int16_t> order_leaders(ReplicaControl* control, std::int32_t epoch) {
  auto request = std::make_shared<protocol::LeaderAndIsrRequest>();
  request->controller_epoch = epoch;
  co_return (co_await control->apply(std::shared_ptr<const protocol::LeaderAndIsrRequest>(request)))
      .error_code;
}

runtime::Task<std::int16_t> order_stop(ReplicaControl* control, std::int32_t epoch) {
  auto request = std::make_shared<protocol::StopReplicaRequest>();
  request->controller_epoch = epoch;
  co_return (co_await control->apply(std::shared_ptr<const protocol::StopReplicaRequest>(request)))
      .error_code;
}

TEST_CASE_FIXTURE(ControlFixture, "each of the three orders remembers its controller") {
  const auto stale = static_cast<std::int16_t>(ErrorCode::kStaleControllerEpoch);
  Published published;
  bool accepted = false;
  const auto metadata = [&](std::int32_t epoch) {
    runtime::block_on(loop,
                      order_metadata(control.get(), epoch, [&] { published.add(1); }, &accepted));
    return accepted;
  };
  CHECK(metadata(3));
  CHECK(runtime::block_on(loop, order_leaders(control.get(), 2)) == stale);
  CHECK(runtime::block_on(loop, order_stop(control.get(), 4)) == 0);
  CHECK(!metadata(3));
  CHECK(runtime::block_on(loop, order_leaders(control.get(), 5)) == 0);
  CHECK(runtime::block_on(loop, order_stop(control.get(), 4)) == stale);
  CHECK(metadata(5));
  CHECK(published.epochs().size() == 2);
}

runtime::Task<std::int16_t> order_leader(ReplicaControl* control, int leader_epoch, int version,
                                         base::TopicId id = {}) {
  auto request = std::make_shared<protocol::LeaderAndIsrRequest>();
  request->controller_epoch = 1;
  auto& topic = request->topic_states.emplace_back();
  topic.topic_name = "t";
  topic.topic_id = id;
  auto& state = topic.partition_states.emplace_back();
  state.leader = 1;
  state.leader_epoch = leader_epoch;
  state.partition_epoch = version;
  state.isr = {1};
  state.replicas = {1, 2};
  state.is_new = true;
  const auto response =
      co_await control->apply(std::shared_ptr<const protocol::LeaderAndIsrRequest>(request));
  co_return response.topics.at(0).partition_errors.at(0).error_code;
}

TEST_CASE_FIXTURE(ControlFixture, "an order older than an ISR change that is known here is none") {
  CHECK(runtime::block_on(loop, order_leader(control.get(), 3, 7)) == 0);
  const auto partition = partitions.find("t", 0);
  REQUIRE(partition != nullptr);
  CHECK(runtime::block_on(loop, order_leader(control.get(), 4, 6)) == 0);
  CHECK(partition->leader_state().leader_epoch.value() == 3);
  CHECK(runtime::block_on(loop, order_leader(control.get(), 4, 7)) == 0);
  CHECK(partition->leader_state().leader_epoch.value() == 4);

  // A partition that was made by an order proposes to the broker's keeper.
  ReadParams params;
  params.replica_id = base::BrokerId(2);
  params.fetch_offset = base::Offset(0);
  REQUIRE(partition->read(params).has_value());
  REQUIRE(keeper.proposed.size() == 1);
  CHECK(keeper.proposed[0].proposed.partition_epoch.value() == 7);
  keeper.proposed.clear();
}

TEST_CASE_FIXTURE(ControlFixture, "a topic id that comes with a new leader epoch is kept") {
  base::TopicId id;
  id.bytes[0] = static_cast<decltype(id.bytes)::value_type>(1);
  CHECK(runtime::block_on(loop, order_leader(control.get(), 3, 0)) == 0);
  const auto partition = partitions.find("t", 0);
  REQUIRE(partition != nullptr);
  CHECK(!partition->log().topic_id().has_value());
  CHECK(runtime::block_on(loop, order_leader(control.get(), 4, 0, id)) == 0);
  CHECK(partition->leader_state().leader_epoch.value() == 4);
  CHECK(partition->log().topic_id() == id);
}

}  // namespace
}  // namespace replication
