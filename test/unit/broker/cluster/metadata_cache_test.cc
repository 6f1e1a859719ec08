// Goal: UpdateMetadata requests of any version build the picture that ZkMetadataCache would, and an
// update leaves what it does not touch shared. Method: requests by hand, snapshots compared.
#include <doctest/doctest.h>

#include <time.h>

#include <algorithm>

#include "broker/cluster/metadata_cache.h"
#include "protocol/gen/update_metadata.h"
#include "runtime/sim/sim_world.h"

using namespace cluster;
using protocol::UpdateMetadataRequest;

namespace {

UpdateMetadataRequest::UpdateMetadataPartitionState partition(std::int32_t number,
                                                              std::int32_t leader) {
  UpdateMetadataRequest::UpdateMetadataPartitionState state;
  state.partition_index = number;
  state.leader = leader;
  state.leader_epoch = 4;
  state.zk_version = 9;
  state.isr = {leader};
  state.replicas = {leader, 2};
  state.offline_replicas = {2};
  return state;
}

UpdateMetadataRequest one_topic(const std::string& name, base::Uuid id, int partitions) {
  UpdateMetadataRequest request;
  request.controller_id = 1;
  request.controller_epoch = 3;
  auto& topic = request.topic_states.emplace_back();
  topic.topic_name = name;
  topic.topic_id = id;
  for (int i = 0; i < partitions; ++i) topic.partition_states.push_back(partition(i, 1));
  auto& broker = request.live_brokers.emplace_back();
  broker.id = 1;
  broker.rack = "r";
  auto& endpoint = broker.endpoints.emplace_back();
  endpoint.host = "h";
  endpoint.port = 9092;
  endpoint.listener = "IN";
  endpoint.security_protocol = 1;
  return request;
}

const base::Uuid kId = *base::Uuid::parse("qCqvWVu9Q6OJ_udtfKYegA");

}  // namespace

TEST_CASE("an update is seen in the next snapshot, not in the one held") {
  MetadataCache cache;
  const auto empty = cache.snapshot();
  CHECK(cache.apply(one_topic("t", kId, 3)).empty());
  CHECK(empty->find("t", 0) == nullptr);
  CHECK(!empty->controller_id);

  const auto now = cache.snapshot();
  CHECK(now->version == cache.version());
  CHECK(now->version == empty->version + 1);
  CHECK(now->controller_id == 1);
  CHECK(now->controller_epoch == 3);
  CHECK(now->topics.size() == 1);
  REQUIRE(now->find_topic(kId) != nullptr);
  CHECK(now->find_topic(kId) == now->find_topic("t"));
  REQUIRE(now->find("t", 2) != nullptr);
  CHECK(now->find("t", 2)->leader_epoch == 4);
  CHECK(now->find("t", 2)->partition_epoch == 9);
  CHECK(now->find("t", 2)->offline_replicas == std::vector<std::int32_t>{2});
  CHECK(now->find("t", 3) == nullptr);
  CHECK(now->find("t", -1) == nullptr);
  REQUIRE(now->find_broker(1) != nullptr);
  CHECK(now->find_broker(1)->rack == "r");
  CHECK(now->find_broker(1)->find_endpoint("IN")->security_protocol ==
        config::SecurityProtocol::ssl);
  CHECK(!now->is_alive(2));
}

TEST_CASE("partitions are incremental, brokers are not") {
  MetadataCache cache;
  cache.apply(one_topic("t", kId, 3));
  cache.apply(one_topic("u", base::Uuid(), 1));
  const auto before = cache.snapshot();

  UpdateMetadataRequest request = one_topic("t", kId, 0);
  request.topic_states[0].partition_states = {partition(1, 5), partition(7, 5)};
  request.live_brokers.clear();
  request.controller_id = -1;
  cache.apply(request);
  const auto after = cache.snapshot();
  CHECK(after->find("t", 1)->leader == 5);
  CHECK(after->find("t", 7)->leader == 5);
  CHECK(after->find("t", 5) == nullptr);
  CHECK(after->find("t", 0) == before->find("t", 0));  // shared, not copied
  CHECK(after->find_topic("u") == before->find_topic("u"));
  CHECK(after->brokers->empty());
  CHECK(!after->controller_id);
}

TEST_CASE("leader -2 removes a partition, the last one its topic") {
  MetadataCache cache;
  cache.apply(one_topic("t", kId, 2));
  UpdateMetadataRequest request = one_topic("t", kId, 0);
  request.topic_states[0].partition_states = {partition(0, kLeaderDuringDelete)};
  CHECK(cache.apply(request) == std::vector<base::TopicPartition>{{"t", 0}});
  CHECK(cache.snapshot()->find("t", 0) == nullptr);
  CHECK(cache.snapshot()->find("t", 1) != nullptr);
  request.topic_states[0].partition_states = {partition(1, kLeaderDuringDelete)};
  cache.apply(request);
  CHECK(cache.snapshot()->find_topic("t") == nullptr);
  CHECK(cache.snapshot()->find_topic(kId) == nullptr);
  CHECK(cache.snapshot()->topics.size() == 0);
}

TEST_CASE("a topic made again under its name has its new id only") {
  MetadataCache cache;
  cache.apply(one_topic("t", kId, 1));
  const base::Uuid other = *base::Uuid::parse("AAAAAAAAAAAAAAAAAAAABA");
  cache.apply(one_topic("t", other, 1));
  CHECK(cache.snapshot()->find_topic(kId) == nullptr);
  CHECK(cache.snapshot()->find_topic(other) != nullptr);
  cache.apply(one_topic("t", base::Uuid(), 1));  // zero: the id is not known any more
  CHECK(cache.snapshot()->find_topic(other) == nullptr);
  CHECK(cache.snapshot()->find_topic("t") != nullptr);
}

TEST_CASE("old versions: flat partitions, endpoints without names") {
  MetadataCache cache;
  UpdateMetadataRequest request;
  request.controller_id = 1;
  auto state = partition(0, 1);
  state.topic_name = "t";
  request.ungrouped_partition_states = {state};
  auto& v0 = request.live_brokers.emplace_back();
  v0.id = 1;
  v0.v0_host = "old";
  v0.v0_port = 9;
  auto& v1 = request.live_brokers.emplace_back();
  v1.id = 2;
  auto& endpoint = v1.endpoints.emplace_back();
  endpoint.host = "newer";
  endpoint.security_protocol = 3;
  cache.apply(request);
  const auto now = cache.snapshot();
  CHECK(now->find("t", 0)->leader == 1);
  CHECK(now->find_broker(1)->find_endpoint("PLAINTEXT")->host == "old");
  CHECK(now->find_broker(1)->find_endpoint("PLAINTEXT")->port == 9);
  CHECK(!now->find_broker(1)->rack);
  CHECK(now->find_broker(2)->find_endpoint("SASL_SSL")->host == "newer");
}

TEST_CASE("many topics stay reachable by name and by id") {
  MetadataCache cache;
  UpdateMetadataRequest request;
  for (int i = 0; i < 1000; ++i) {
    auto& topic = request.topic_states.emplace_back();
    topic.topic_name = "topic" + std::to_string(i);
    topic.topic_id.bytes[0] = static_cast<std::uint8_t>(i);
    topic.topic_id.bytes[15] = static_cast<std::uint8_t>(i >> 8 | 0x40);
    topic.partition_states.push_back(partition(0, i));
  }
  cache.apply(request);
  const auto now = cache.snapshot();
  CHECK(now->topics.size() == 1000);
  int visited = 0;
  now->topics.for_each([&](const TopicMetadata& topic) {
    ++visited;
    CHECK(now->find_topic(topic.name) == &topic);
    CHECK(now->find_topic(topic.id) == &topic);
  });
  CHECK(visited == 1000);
}

namespace {

runtime::Task<void> wait_for_change(MetadataCache* cache, std::uint64_t since,
                                    std::int64_t timeout_ms, std::string* outcome) {
  const auto changed = co_await cache->changed(since, timeout_ms, {});
  *outcome = changed ? "changed" : changed.error().is(base::Errc::timed_out) ? "timed out" : "?";
}

}  // namespace

TEST_CASE("who waits for a change is woken by the next one, or gives up") {
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  runtime::TaskScope scope(loop, "waiters");
  MetadataCache cache;
  const std::uint64_t start = cache.version();
  std::string patient, hasty, late;
  scope.spawn(wait_for_change(&cache, start, runtime::kNoTimeout, &patient));
  scope.spawn(wait_for_change(&cache, start, 50, &hasty));
  world.run_for(100);
  CHECK(patient.empty());
  CHECK(hasty == "timed out");
  cache.apply(one_topic("t", kId, 1));
  scope.spawn(wait_for_change(&cache, start, runtime::kNoTimeout, &late));
  world.run_for(100);
  CHECK(patient == "changed");
  CHECK(late == "changed");
  CHECK(scope.task_count() == 0);
}

TEST_CASE("an update among 10,000 topics leaves the others where they are") {
  MetadataCache cache;
  UpdateMetadataRequest all;
  for (int i = 0; i < 10'000; ++i) {
    auto& topic = all.topic_states.emplace_back();
    topic.topic_name = "topic-" + std::to_string(i);
    topic.topic_id.bytes = {1, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)};
    topic.topic_id.bytes[15] = static_cast<std::uint8_t>(i);
    topic.partition_states.push_back(partition(0, 1));
  }
  cache.apply(all);
  const auto before = cache.snapshot();
  for (int i = 0; i < 50; ++i) cache.apply(one_topic("topic-" + std::to_string(i), kId, 1));
  const auto after = cache.snapshot();
  CHECK(after->topics.size() == 10'000);
  int moved = 0;
  before->topics.for_each([&](const TopicMetadata& topic) {
    if (after->find_topic(topic.name) != &topic) ++moved;
  });
  CHECK(moved == 50);
}

// The controller names the partitions of a topic that is deleted in order, each the first of what
// is left.
TEST_CASE("a topic of many partitions goes as fast as it came, per partition") {
  const auto cpu_ns = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  };
  const auto cost_ns = [&](int partitions) {
    MetadataCache cache;
    UpdateMetadataRequest request = one_topic("wide", kId, partitions);
    std::ranges::reverse(request.topic_states[0].partition_states);
    const auto begin = cpu_ns();
    cache.apply(request);
    CHECK(cache.snapshot()->find_topic("wide")->partitions.size() ==
          static_cast<std::size_t>(partitions));
    std::ranges::reverse(request.topic_states[0].partition_states);
    for (auto& state : request.topic_states[0].partition_states) state.leader = -2;
    CHECK(cache.apply(request).size() == static_cast<std::size_t>(partitions));
    CHECK(cache.snapshot()->find_topic("wide") == nullptr);
    return cpu_ns() - begin;
  };
  (void)cost_ns(1000);
  const auto few = cost_ns(5'000);
  const auto many = cost_ns(40'000);
  // 64 times as much if each partition moved all others.
  CHECK(many < 24 * few);
}

TEST_CASE("of several words about one partition the last one counts") {
  MetadataCache cache;
  UpdateMetadataRequest request = one_topic("t", kId, 3);
  auto& states = request.topic_states[0].partition_states;
  states.push_back(partition(1, -2));
  states.push_back(partition(2, 7));
  states.push_back(partition(9, 5));
  cache.apply(request);
  const auto now = cache.snapshot();
  REQUIRE(now->find_topic("t")->partitions.size() == 3);
  CHECK(now->find("t", 1) == nullptr);
  CHECK(now->find("t", 2)->leader == 7);
  CHECK(now->find("t", 9)->leader == 5);
}
