// Goal: what waits for a broker that does not answer is bounded by the cluster's size, and nothing
// that it has to hear is lost over that.
#include "broker/controller/channel_queue.h"

#include <doctest/doctest.h>

namespace controller {
namespace {

using protocol::LeaderAndIsrRequest;
using protocol::StopReplicaRequest;
using protocol::UpdateMetadataRequest;

struct QueueFixture {
  TopicExtents extents{{"t", {2, 1}}};
  int counted = 0;
  ChannelQueue queue{[this] {
    ++counted;
    return extents;
  }};

  void push_leaders(const std::string& topic, int partitions) {
    LeaderAndIsrRequest request;
    auto& states = request.topic_states.emplace_back();
    states.topic_name = topic;
    states.partition_states.resize(static_cast<std::size_t>(partitions));
    queue.push({7, std::move(request)});
  }
  void push_metadata(const std::string& topic, std::int32_t leader, int partitions = 1) {
    UpdateMetadataRequest request;
    auto& states = request.topic_states.emplace_back();
    states.topic_name = topic;
    for (int i = 0; i < partitions; ++i) {
      auto& state = states.partition_states.emplace_back();
      state.partition_index = i;
      state.leader = leader;
    }
    queue.push({8, MetadataOrder{std::make_shared<MetadataUpdate>(std::move(request), 8), 1}});
  }
  void push_stop() {
    StopReplicaRequest request;
    request.topic_states.emplace_back().partition_states.emplace_back();
    queue.push({4, std::move(request)});
  }
  // What a broker that hears of every event would have to be told, and more.
  void push_events(int count) {
    for (int i = 0; i < count; ++i) {
      push_leaders("t", 2);
      push_metadata("t", 1, 2);
      push_stop();
    }
  }
};

TEST_CASE_FIXTURE(QueueFixture, "requests leave in order, each as it was when its turn came") {
  push_leaders("t", 1);
  push_metadata("t", 1);
  CHECK(queue.take_turn().body.index() == 0);
  push_metadata("t", 2);  // merged into the one that waits
  push_stop();
  CHECK(queue.size() == 3);
  (void)queue.pop();
  const auto& metadata = std::get<MetadataOrder>(queue.take_turn().body);
  push_metadata("t", 3);
  CHECK(metadata.update->request().topic_states.at(0).partition_states.at(0).leader == 2);
  (void)queue.pop();
  CHECK(queue.take_turn().body.index() == 2);
  (void)queue.pop();
  CHECK(queue.weight() == 2);
  (void)queue.take_turn();
  (void)queue.pop();
  CHECK(queue.weight() == 0);
  CHECK(queue.empty());
}

TEST_CASE_FIXTURE(QueueFixture, "events of a small cluster do not gather for ever") {
  std::size_t largest = 0;
  push_leaders("t", 1);
  (void)queue.take_turn();
  for (int i = 0; i < 100; ++i) {
    push_events(100);
    largest = std::max(largest, queue.weight());
  }
  CHECK(largest <= ChannelQueue::kWeightMin + 2 * ChannelQueue::kStatesOfOnePartition);
  REQUIRE(queue.has_dropped());
  CHECK(queue.size() == 1);
  CHECK(counted <= 3);
  // The one that may have arrived stays as it is.
  CHECK(std::get<LeaderAndIsrRequest>(queue.take_turn().body).topic_states.at(0).topic_name == "t");
  (void)queue.pop();
  REQUIRE(queue.begin_full_order().has_value());
  CHECK(!queue.has_dropped());
  push_stop();
  CHECK(queue.size() == 1);
}

TEST_CASE_FIXTURE(QueueFixture, "the bound follows the size of the cluster") {
  extents["large"] = {100'000, 99'999};
  for (int i = 0; i < 300; ++i) push_leaders("large", 1'000);
  CHECK(!queue.has_dropped());
  for (int i = 0; i < 200; ++i) push_leaders("large", 1'000);
  CHECK(queue.has_dropped());
}

TEST_CASE_FIXTURE(QueueFixture, "merged updates of topics that come and go are bounded too") {
  for (int i = 0; i < 10'000; ++i)
    push_metadata("passing-" + std::to_string(i), kLeaderDuringDelete);
  CHECK(queue.has_dropped());
  CHECK(queue.weight() <= ChannelQueue::kWeightMin + 10);
}

TEST_CASE_FIXTURE(QueueFixture, "deletions that a broker has missed are told, but no others") {
  extents["old"] = {3, 2};
  push_leaders("t", 1);
  push_metadata("queued", kLeaderDuringDelete);
  push_events(1'500);
  REQUIRE(queue.has_dropped());
  push_metadata("old", kLeaderDuringDelete, 5);  // it has grown since
  push_metadata("t", 1);
  for (int i = 0; i < 10'000; ++i)
    push_metadata("passing-" + std::to_string(i), kLeaderDuringDelete);
  const auto gone = queue.begin_full_order();
  REQUIRE(gone);
  CHECK(*gone == std::set<TopicPartition>{{"old", 0}, {"old", 1}, {"old", 2}, {"queued", 0}});
  CHECK(!queue.begin_full_order());
}

TEST_CASE_FIXTURE(QueueFixture, "a full order is not cut short, nor dropped by the next event") {
  push_events(2'000);
  REQUIRE(queue.begin_full_order());
  for (int i = 0; i < 20; ++i) push_leaders("t", 1'000);
  CHECK(!queue.has_dropped());
  queue.end_full_order();
  push_events(10);
  CHECK(!queue.has_dropped());
  push_events(10'000);
  CHECK(queue.has_dropped());
}

}  // namespace
}  // namespace controller
