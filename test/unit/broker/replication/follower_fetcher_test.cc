// Goal: a fetcher brings logs into agreement over a real connection, lets no partition hold up the
// others, survives leaders that answer nonsense or not at all, and ends when it is told to.
#include <algorithm>
#include <set>

#include "broker/replication/follower/fetcher_manager.h"

#include "protocol/gen/update_metadata.h"
#include "test/unit/broker/replication/hosted_partition.h"
#include "test/unit/client/scripted_broker.h"

namespace {

using base::LeaderEpoch;
using base::Offset;
using client::Scripted;
using client::ScriptedBroker;
using replication::follower::FetcherEnvironment;
using replication::follower::FetcherManager;
using replication_test::HostedPartition;

constexpr int kLeader = 1;
constexpr int kSelf = 9;

// A leader whose partitions are real; what it answers can be spoilt.
class Scene {
 public:
  explicit Scene(config::InterBrokerProtocol protocol = config::kLatestInterBrokerProtocol) {
    base::set_log_level(base::LogLevel::off);
    environment_.self = base::BrokerId(kSelf);
    environment_.protocol = protocol;
    environment_.listener = "PLAINTEXT";
    environment_.metadata = &metadata_;
    environment_.resolver = &resolver_;
    environment_.broker_epoch = [] { return std::int64_t{5}; };
    environment_.disk = [this](const std::string&) -> runtime::WorkerPool& { return disk_; };
    environment_.checkpoint = [this](const std::string&) { ++checkpoints; };
    protocol::UpdateMetadataRequest update;
    auto& broker = update.live_brokers.emplace_back();
    broker.id = kLeader;
    auto& endpoint = broker.endpoints.emplace_back();
    endpoint.host = client::kBrokerIp;
    endpoint.port = 9092;
    endpoint.listener = "PLAINTEXT";
    metadata_.apply(update);
    manager = std::make_unique<FetcherManager>(environment_, std::vector<runtime::Loop*>{&loop});
  }
  ~Scene() {
    world.block_on(loop, manager->stop());
    world.block_on(broker_loop, leader.stop());
  }

  struct Pair {
    Pair(int index, std::int64_t flush_messages)
        : leader(INT64_MAX, index), follower(flush_messages, index) {}
    HostedPartition leader;
    HostedPartition follower;
  };
  // flush.messages: of the follower.
  Pair& add(std::int64_t flush_messages = INT64_MAX) {
    auto& pair =
        pairs.emplace_back(std::make_unique<Pair>(static_cast<int>(pairs.size()), flush_messages));
    lead(*pair, 1);
    return *pair;
  }
  static void lead(Pair& pair, int epoch) {
    pair.leader->make_leader(HostedPartition::state(kLeader, epoch, {1, 9}, {1, 9}), 0);
  }
  void follow(Pair& pair, int epoch) {
    pair.follower->make_follower(HostedPartition::state(kLeader, epoch, {1, 9}, {1, 9}));
    manager->follow(pair.follower.shared());
  }
  bool run_until_equal(Pair& pair, std::int64_t limit_ms = 30'000) {
    return world.run_until(
        [&] {
          const auto ours = pair.follower->log().offsets();
          const auto theirs = pair.leader->log().offsets();
          return ours.log_end == theirs.log_end && ours.high_watermark == theirs.log_end;
        },
        limit_ms);
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world, "10.0.0.9"};
  runtime::SimLoop broker_loop{world, client::kBrokerIp};
  std::vector<std::unique_ptr<Pair>> pairs;
  std::unique_ptr<FetcherManager> manager;
  int checkpoints = 0;
  int fetches = 0;
  int epoch_questions = 0;
  int range_questions = 0;
  bool is_silent = false;
  std::set<std::string> client_ids;
  // Changes an answer before it is sent.
  std::function<void(protocol::FetchResponse&)> spoil;
  std::vector<base::Buffer> records;  // of one answer

 private:
  Scripted answer(const protocol::RequestHeader& header, protocol::Reader& reader) {
    Scripted scripted;
    client_ids.emplace(header.client_id.value_or(""));
    if (is_silent) return scripted;
    switch (header.api_key) {
      case 1: {
        ++fetches;
        const auto request = protocol::FetchRequest::decode(reader, header.api_version);
        REQUIRE(request);
        auto response = fetch(*request);
        if (spoil) spoil(response);
        scripted.frames.push_back(client::respond(header, response));
        break;
      }
      case 2: {
        ++range_questions;
        const auto request = protocol::ListOffsetsRequest::decode(reader, header.api_version);
        REQUIRE(request);
        scripted.frames.push_back(client::respond(header, ranges(*request)));
        break;
      }
      case 23: {
        ++epoch_questions;
        const auto request =
            protocol::OffsetForLeaderEpochRequest::decode(reader, header.api_version);
        REQUIRE(request);
        scripted.frames.push_back(client::respond(header, epochs(*request)));
        break;
      }
      default: FAIL("an API that no follower uses: ", header.api_key);
    }
    return scripted;
  }

  protocol::FetchResponse fetch(const protocol::FetchRequest& request) {
    protocol::FetchResponse response;
    records.clear();
    for (const auto& topic : request.topics) {
      auto& answers = response.responses.emplace_back();
      answers.topic = topic.topic;
      for (const auto& wanted : topic.partitions) {
        auto& data = answers.partitions.emplace_back();
        data.partition_index = wanted.partition;
        Pair& pair = *pairs[static_cast<std::size_t>(wanted.partition)];
        fill(pair, wanted, data);
      }
    }
    return response;
  }

  void fill(Pair& pair, const protocol::FetchRequest::FetchTopic::FetchPartition& wanted,
            protocol::FetchResponse::FetchableTopicResponse::PartitionData& data) {
    replication::ReadParams params;
    params.fetch_offset = Offset(wanted.fetch_offset);
    params.current_leader_epoch = LeaderEpoch(wanted.current_leader_epoch);
    params.last_fetched_epoch = LeaderEpoch(wanted.last_fetched_epoch);
    params.replica_id = base::BrokerId(kSelf);
    params.max_bytes = wanted.partition_max_bytes;
    params.at_least_one_batch = true;
    const auto read = pair.leader->read(params);
    data.high_watermark = -1;
    if (!read) {
      data.error_code = read.error().is(storage::LogError::offset_out_of_range)           ? 1
                        : read.error().is(replication::ReplicaError::fenced_leader_epoch) ? 74
                                                                                          : 75;
      return;
    }
    data.high_watermark = read->offsets.high_watermark.value();
    data.log_start_offset = read->offsets.log_start.value();
    if (read->diverging) {
      data.diverging_epoch = {read->diverging->epoch.value(), read->diverging->end_offset.value()};
      return;
    }
    auto bytes = pair.leader->log().read(
        {params.fetch_offset, read->offsets.log_end, wanted.partition_max_bytes, true});
    REQUIRE(bytes);
    records.push_back(std::move(*bytes));
    data.records.inline_bytes = records.back().bytes();
  }

  protocol::ListOffsetsResponse ranges(const protocol::ListOffsetsRequest& request) {
    protocol::ListOffsetsResponse response;
    for (const auto& topic : request.topics) {
      auto& answers = response.topics.emplace_back();
      answers.name = topic.name;
      for (const auto& wanted : topic.partitions) {
        auto& answer = answers.partitions.emplace_back();
        answer.partition_index = wanted.partition_index;
        const auto offsets =
            pairs[static_cast<std::size_t>(wanted.partition_index)]->leader->log().offsets();
        answer.offset = (wanted.timestamp == -1 ? offsets.log_end : offsets.log_start).value();
      }
    }
    return response;
  }

  protocol::OffsetForLeaderEpochResponse epochs(
      const protocol::OffsetForLeaderEpochRequest& request) {
    protocol::OffsetForLeaderEpochResponse response;
    for (const auto& topic : request.topics) {
      auto& answers = response.topics.emplace_back();
      answers.topic = topic.topic;
      for (const auto& wanted : topic.partitions) {
        auto& answer = answers.partitions.emplace_back();
        answer.partition = wanted.partition;
        const auto end =
            pairs[static_cast<std::size_t>(wanted.partition)]->leader->log().end_offset_for_epoch(
                LeaderEpoch(wanted.leader_epoch));
        answer.leader_epoch = end.epoch.value();
        answer.end_offset = end.end_offset.value();
      }
    }
    return response;
  }

  cluster::MetadataCache metadata_;
  runtime::SimWorkerPool resolver_{world};
  runtime::SimWorkerPool disk_{world};
  FetcherEnvironment environment_;

 public:
  ScriptedBroker leader{
      broker_loop, client::kBrokerIp, 9092,
      [this](const auto& header, auto& reader) { return answer(header, reader); }};
};

void append(HostedPartition& partition, int records) {
  REQUIRE(partition.append(records).has_value());
}

}  // namespace

TEST_CASE("partitions are fetched to the leader's end, with its high watermark") {
  Scene scene;
  for (int i = 0; i < 3; ++i) append(scene.add().leader, 10 * (i + 1));
  for (auto& pair : scene.pairs) scene.follow(*pair, 1);
  for (auto& pair : scene.pairs) CHECK(scene.run_until_equal(*pair));
  append(scene.pairs[1]->leader, 5);
  CHECK(scene.run_until_equal(*scene.pairs[1]));
  CHECK_EQ(scene.leader.connections, 1);
  CHECK_EQ(scene.pairs[1]->follower->log().log_end_offset(), Offset(25));
}

TEST_CASE("one partition with broken contents keeps nobody waiting, and goes on when it can") {
  Scene scene;
  for (int i = 0; i < 3; ++i) append(scene.add().leader, 10);
  base::Buffer broken;
  bool is_broken = true;
  scene.spoil = [&](protocol::FetchResponse& response) {
    if (!is_broken) return;
    for (auto& data : response.responses.at(0).partitions) {
      if (data.partition_index != 1 || data.records.inline_bytes.empty()) continue;
      broken = base::Buffer();
      broken.append(data.records.inline_bytes);
      broken.mutable_bytes().back() ^= std::byte{1};
      data.records.inline_bytes = broken.bytes();
    }
  };
  for (auto& pair : scene.pairs) scene.follow(*pair, 1);
  CHECK(scene.run_until_equal(*scene.pairs[0]));
  CHECK(scene.run_until_equal(*scene.pairs[2]));
  append(scene.pairs[2]->leader, 10);
  CHECK(scene.run_until_equal(*scene.pairs[2]));
  CHECK_EQ(scene.pairs[1]->follower->log().log_end_offset(), Offset(0));
  is_broken = false;
  CHECK(scene.run_until_equal(*scene.pairs[1], 120'000));
  CHECK_EQ(scene.leader.connections, 1);
}

// The follower led, wrote what nobody else has, and finds a leader with another history.
static void diverge(Scene& scene, Scene::Pair& pair) {
  append(pair.leader, 10);
  scene.follow(pair, 1);
  REQUIRE(scene.run_until_equal(pair));
  scene.manager->unfollow(pair.follower->id());
  for (const int epoch : {2, 3}) {
    pair.follower->make_leader(HostedPartition::state(kSelf, epoch, {9}, {1, 9}), 0);
    append(pair.follower, 7);
  }
  Scene::lead(pair, 4);
  append(pair.leader, 3);
  scene.follow(pair, 4);
}

TEST_CASE("a log that has diverged is cut on a worker, and its cut is written down") {
  Scene scene;
  auto& pair = scene.add();
  diverge(scene, pair);
  CHECK(scene.run_until_equal(pair));
  CHECK_EQ(pair.follower->log().log_end_offset(), Offset(13));
  CHECK_EQ(pair.follower->log().latest_epoch(), LeaderEpoch(4));
  CHECK_EQ(scene.epoch_questions, 0);
  CHECK(scene.checkpoints > 0);
}

TEST_CASE("below Fetch 12 the leader is asked where epochs end") {
  Scene scene(config::InterBrokerProtocol::v2_4_iv1);
  auto& pair = scene.add();
  diverge(scene, pair);
  CHECK(scene.run_until_equal(pair));
  CHECK_EQ(pair.follower->log().log_end_offset(), Offset(13));
  CHECK(scene.epoch_questions > 0);
}

TEST_CASE("a leader that begins behind the follower's end makes it start over") {
  Scene scene;
  auto& pair = scene.add();
  append(pair.leader, 10);
  scene.follow(pair, 1);
  REQUIRE(scene.run_until_equal(pair));
  scene.manager->unfollow(pair.follower->id());
  // No longer one of its followers: its high watermark goes on.
  pair.leader->make_leader(HostedPartition::state(kLeader, 2, {1}, {1, 9}), 0);
  for (int i = 0; i < 5; ++i) append(pair.leader, 10);
  pair.leader->log().set_high_watermark(Offset(60));
  REQUIRE(pair.leader->log().advance_log_start_offset(Offset(30)).has_value());
  scene.follow(pair, 2);
  CHECK(scene.run_until_equal(pair));
  CHECK_EQ(pair.follower->log().log_start_offset(), Offset(30));
  CHECK_EQ(scene.range_questions, 2);
}

TEST_CASE("a leader that does not know of its epoch yet is asked until it does") {
  Scene scene;
  auto& pair = scene.add();
  append(pair.leader, 10);
  scene.follow(pair, 2);
  scene.world.run_for(3000);
  CHECK_EQ(pair.follower->log().log_end_offset(), Offset(0));
  const int fetches = scene.fetches;
  CHECK(fetches > 3);
  CHECK(fetches < 30);
  Scene::lead(pair, 2);
  CHECK(scene.run_until_equal(pair));
}

TEST_CASE("answers about what was not asked, twice, or with impossible numbers change nothing") {
  Scene scene;
  auto& pair = scene.add();
  scene.add();
  append(pair.leader, 10);
  scene.spoil = [](protocol::FetchResponse& response) {
    auto& topic = response.responses.at(0);
    if (topic.partitions.empty()) return;
    auto twice = topic.partitions.at(0);
    topic.partitions.push_back(twice);
    twice.partition_index = 1;  // not followed here
    topic.partitions.push_back(twice);
    twice.partition_index = -5;
    topic.partitions.push_back(twice);
    response.responses.push_back(topic);
    response.responses.back().topic = "another";
  };
  scene.follow(pair, 1);
  CHECK(scene.run_until_equal(pair));
  int kind = 0;
  scene.spoil = [&kind](protocol::FetchResponse& response) {
    if (response.responses.empty() || response.responses.at(0).partitions.empty()) return;
    auto& data = response.responses.at(0).partitions.at(0);
    switch (kind++ % 6) {
      case 0: data.diverging_epoch = {INT32_MAX, 0}; break;
      case 1: data.diverging_epoch = {0, INT64_MIN}; break;
      case 2: data.diverging_epoch = {1, INT64_MAX}; break;
      case 3: data.log_start_offset = INT64_MAX; break;
      case 4: data.high_watermark = INT64_MIN; break;
      default: data.error_code = 12345; break;
    }
  };
  scene.world.run_for(300'000);
  CHECK(kind > 5);
  CHECK_EQ(pair.follower->log().log_end_offset(), Offset(10));
  CHECK_EQ(pair.follower->log().log_start_offset(), Offset(0));
  scene.spoil = nullptr;
  append(pair.leader, 1);
  CHECK(scene.run_until_equal(pair, 120'000));
}

TEST_CASE("a leader without an answer is left when nothing is followed from it any more") {
  Scene scene;
  auto& pair = scene.add();
  append(pair.leader, 10);
  scene.is_silent = true;
  scene.follow(pair, 1);
  scene.world.run_for(2000);
  CHECK_EQ(scene.leader.connections, 1);
  scene.manager->unfollow(pair.follower->id());
  scene.world.run_for(100);
  scene.is_silent = false;
  Scene::lead(pair, 2);
  scene.follow(pair, 2);
  // Long before the request would have timed out.
  CHECK(scene.run_until_equal(pair, 5000));
  CHECK_EQ(scene.leader.connections, 2);
}

TEST_CASE("a connection that breaks is made anew, and fetching goes on") {
  Scene scene;
  auto& pair = scene.add();
  append(pair.leader, 10);
  scene.follow(pair, 1);
  REQUIRE(scene.run_until_equal(pair));
  for (int i = 0; i < 3; ++i) {
    scene.world.network().reset_port(9092);
    append(pair.leader, 1);
    CHECK(scene.run_until_equal(pair));
  }
  CHECK_EQ(scene.leader.connections, 4);
}

TEST_CASE("records that were asked for in an earlier epoch are not appended in the next") {
  Scene scene;
  auto& pair = scene.add();
  append(pair.leader, 10);
  scene.spoil = [&](protocol::FetchResponse&) {
    if (std::exchange(scene.is_silent, true)) return;
    scene.follow(pair, 2);  // while the answer is under way
  };
  scene.follow(pair, 1);
  scene.world.run_for(1000);
  CHECK_EQ(scene.fetches, 1);
  CHECK_EQ(pair.follower->log().log_end_offset(), Offset(0));
}

TEST_CASE("num.replica.fetchers spreads the partitions, also while they are followed") {
  Scene scene;
  for (int i = 0; i < 6; ++i) append(scene.add().leader, 10);
  for (auto& pair : scene.pairs) scene.follow(*pair, 1);
  for (auto& pair : scene.pairs) CHECK(scene.run_until_equal(*pair));
  CHECK_EQ(scene.client_ids, std::set<std::string>{"broker-9-fetcher-0"});
  scene.manager->set_fetchers_per_leader(3);
  for (auto& pair : scene.pairs) append(pair->leader, 10);
  for (auto& pair : scene.pairs) CHECK(scene.run_until_equal(*pair));
  CHECK_EQ(scene.client_ids.size(), 3);
  CHECK_EQ(scene.leader.connections, 3);
  scene.manager->set_fetchers_per_leader(1);
  for (auto& pair : scene.pairs) append(pair->leader, 10);
  for (auto& pair : scene.pairs) CHECK(scene.run_until_equal(*pair));
}

TEST_CASE("a log that ends within one of the leader's batches takes that batch whole") {
  Scene scene;
  auto& pair = scene.add();
  append(pair.leader, 4);
  append(pair.leader, 10);
  scene.follow(pair, 1);
  REQUIRE(scene.run_until_equal(pair));
  scene.manager->unfollow(pair.follower->id());
  REQUIRE(pair.follower->cut_as_follower({LeaderEpoch(1), Offset(9), false}, 0).has_value());
  REQUIRE_EQ(pair.follower->log().log_end_offset(), Offset(9));
  Scene::lead(pair, 2);
  scene.follow(pair, 2);
  CHECK(scene.run_until_equal(pair));
  const storage::ReadRequest all{Offset(0), Offset(14), 1 << 20, true};
  const auto ours = pair.follower->log().read(all);
  const auto theirs = pair.leader->log().read(all);
  REQUIRE(ours.has_value());
  REQUIRE(theirs.has_value());
  CHECK(std::ranges::equal(ours->bytes(), theirs->bytes()));
}

TEST_CASE("what did not get to the device is not fetched behind") {
  Scene scene;
  auto& pair = scene.add(1);
  REQUIRE(pair.leader.append(3).has_value());
  scene.follow(pair, 1);
  REQUIRE(scene.world.run_until([&] { return pair.follower.jobs() > 0; }, 10'000));
  pair.follower->log().abandon();  // its directory has failed, which is not known here yet
  pair.follower.run_jobs();
  CHECK_FALSE(scene.world.run_until([&] { return pair.leader->log().high_watermark() > Offset(0); },
                                    10'000));
}

TEST_CASE("a log that cannot be written keeps nobody waiting") {
  Scene scene;
  for (int i = 0; i < 2; ++i) append(scene.add().leader, 10);
  scene.pairs[0]->follower->log().abandon();
  for (auto& pair : scene.pairs) scene.follow(*pair, 1);
  CHECK(scene.run_until_equal(*scene.pairs[1]));
  scene.world.run_for(10'000);
  append(scene.pairs[1]->leader, 10);
  CHECK(scene.run_until_equal(*scene.pairs[1]));
  CHECK_EQ(scene.leader.connections, 1);
  CHECK_EQ(scene.pairs[0]->follower->log().log_end_offset(), Offset(0));
}
