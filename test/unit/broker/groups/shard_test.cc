// Goal: a shard serves only while it leads and has loaded; what it stored is there again after a
// move; whoever waits when it goes is told; what is past its time goes, and so do empty groups.
// Method: a simulated loop and worker, a real log.
#include <doctest/doctest.h>

#include "broker/groups/shard.h"
#include "runtime/sim/sim_world.h"
#include "test/unit/broker/replication/hosted_partition.h"

using namespace groups;
using protocol::ErrorCode;
using replication_test::HostedPartition;

namespace {

constexpr std::int64_t kMinuteMs = 60'000;

class Bench {
 public:
  explicit Bench(std::vector<int> isr = {1}) : isr_(std::move(isr)) {
    settings.groups.initial_rebalance_delay_ms = 0;
    settings.retention_ms = 10 * kMinuteMs;
    hosted->make_leader(HostedPartition::state(1, 0, isr_, {1, 2}), 0);
  }
  ~Bench() {
    shard.close();
    scope.cancel();
    world.run_until([this] { return scope.task_count() == 0; });
  }

  void lead(int epoch = 0) {
    hosted->make_leader(HostedPartition::state(1, epoch, isr_, {1, 2}), 0);
    shard.on_leader(hosted.shared(), base::LeaderEpoch(epoch));
    CHECK(shard.is_loading());
    REQUIRE(world.run_until([this] { return !shard.is_loading(); }));
  }
  void move_away(int epoch) { shard.on_not_leader(base::LeaderEpoch(epoch)); }

  ErrorCode commit(const std::string& group, std::int64_t offset, int generation = -1,
                   const std::string& member = {}) {
    std::optional<ErrorCode> code;
    shard.commit(group, commit_request(offset, generation, member),
                 [&code](std::vector<ErrorCode> codes) { code = codes.at(0); });
    REQUIRE(world.run_until([&code] { return code.has_value(); }));
    return *code;
  }
  CommitRequest commit_request(std::int64_t offset, int generation = -1,
                               const std::string& member = {}) {
    CommitRequest request;
    request.generation = generation;
    request.member_id = member;
    request.offsets.push_back({"t", 0, {}});
    request.offsets.back().value.offset = offset;
    request.offsets.back().value.commit_timestamp_ms = loop.wall_ms();
    return request;
  }
  std::int64_t fetched(const std::string& group) {
    return shard.fetch_offsets(group, {}).offsets.empty()
               ? -1
               : shard.fetch_offsets(group, {}).offsets.at(0).offset;
  }
  // A member that is alone in its group: joined and synced. Returns its id.
  std::string join_alone(const std::string& group) {
    std::optional<JoinAnswer> joined;
    JoinRequest join;
    join.client_id = "c";
    join.client_host = "/127.0.0.1";
    join.protocol_type = "consumer";
    join.protocols = {{"range", "m"}};
    join.session_timeout_ms = 10'000;
    join.rebalance_timeout_ms = 60'000;
    shard.join(group, join, [&joined](JoinAnswer answer) { joined = std::move(answer); });
    REQUIRE(world.run_until([&joined] { return joined.has_value(); }));
    REQUIRE_EQ(joined->error, ErrorCode::kNone);
    std::optional<SyncAnswer> synced;
    SyncRequest sync;
    sync.member_id = joined->member_id;
    sync.generation = joined->generation;
    sync.assignments = {{joined->member_id, "all"}};
    shard.sync(group, sync, [&synced](SyncAnswer answer) { synced = std::move(answer); });
    REQUIRE(world.run_until([&synced] { return synced.has_value(); }));
    REQUIRE_EQ(synced->error, ErrorCode::kNone);
    CHECK_EQ(synced->assignment, "all");
    return joined->member_id;
  }
  std::size_t group_count() {
    std::vector<ListedGroup> groups;
    shard.list(groups);
    return groups.size();
  }
  void expire() { world.block_on(loop, shard.expire()); }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  runtime::SimWorkerPool disk{world};
  runtime::TaskScope scope{loop, "groups"};
  Settings settings;
  HostedPartition hosted;
  Shard shard{0, settings, scope, disk};

 private:
  const std::vector<int> isr_;
};

}  // namespace

TEST_CASE("before and after its time a shard says so") {
  Bench bench;
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNotCoordinator);
  CHECK_EQ(bench.shard.fetch_offsets("g", {}).error, ErrorCode::kNotCoordinator);
  bench.shard.on_leader(bench.hosted.shared(), base::LeaderEpoch(0));
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kCoordinatorLoadInProgress);
  CHECK_EQ(bench.shard.heartbeat("g", {"m", std::nullopt, 1}), ErrorCode::kNone);
  REQUIRE(bench.world.run_until([&] { return !bench.shard.is_loading(); }));
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNone);
  CHECK_EQ(bench.shard.heartbeat("g", {"m", std::nullopt, 1}), ErrorCode::kUnknownMemberId);
  bench.move_away(1);
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNotCoordinator);
}

TEST_CASE("offsets and members are there again after a move") {
  Bench bench;
  bench.lead();
  const std::string member = bench.join_alone("g");
  CHECK_EQ(bench.commit("g", 17, 1, member), ErrorCode::kNone);
  CHECK_EQ(bench.commit("simple", 5), ErrorCode::kNone);
  bench.move_away(1);
  CHECK_EQ(bench.group_count(), 0);
  bench.lead(2);
  CHECK_EQ(bench.group_count(), 2);
  CHECK_EQ(bench.fetched("g"), 17);
  CHECK_EQ(bench.fetched("simple"), 5);
  CHECK_EQ(bench.shard.describe("g", false).group.state, GroupState::stable);
  CHECK_EQ(bench.shard.heartbeat("g", {member, std::nullopt, 1}), ErrorCode::kNone);
  // Nobody heartbeats any more.
  bench.world.run_for(11'000);
  CHECK_EQ(bench.shard.describe("g", false).group.state, GroupState::empty);
}

TEST_CASE("a new epoch of the same leader changes nothing") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNone);
  bench.shard.on_leader(bench.hosted.shared(), base::LeaderEpoch(5));
  CHECK(!bench.shard.is_loading());
  CHECK_EQ(bench.fetched("g"), 1);
  bench.move_away(4);  // old news
  CHECK_EQ(bench.fetched("g"), 1);
}

TEST_CASE("a fenced leader sends its clients away at once") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNone);
  bench.hosted->fence(base::LeaderEpoch(7));
  CHECK_EQ(bench.shard.fetch_offsets("g", {}).error, ErrorCode::kNotCoordinator);
  CHECK_EQ(bench.shard.heartbeat("g", {"m", std::nullopt, 1}), ErrorCode::kNotCoordinator);
}

TEST_CASE("a load that was overtaken by a move leaves nothing behind") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNone);
  bench.move_away(1);
  bench.shard.on_leader(bench.hosted.shared(), base::LeaderEpoch(2));
  bench.move_away(3);
  bench.world.run_for(1000);
  CHECK_EQ(bench.group_count(), 0);
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNotCoordinator);
}

TEST_CASE("commits are checked, and metadata has its limit") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.commit("g", 1, 3), ErrorCode::kIllegalGeneration);
  CommitRequest request = bench.commit_request(1);
  request.offsets.push_back({"t", 1, {}});
  request.offsets.back().value.metadata = std::string(4097, 'x');
  request.offsets.push_back({"t", 2, {}});
  for (int i = 0; i < 4096; ++i) request.offsets.back().value.metadata += "\xc3\xa9";
  std::vector<ErrorCode> codes;
  bench.shard.commit("g", request, [&codes](std::vector<ErrorCode> all) { codes = all; });
  CHECK_EQ(codes,
           std::vector{ErrorCode::kNone, ErrorCode::kOffsetMetadataTooLarge, ErrorCode::kNone});
  CHECK_EQ(bench.shard.fetch_offsets("g", {}).offsets.size(), 2);
}

TEST_CASE("a commit waits for its replicas, and hears when they don't come") {
  Bench bench({1, 2});
  bench.lead();
  std::optional<ErrorCode> code;
  const auto keep = [&code](std::vector<ErrorCode> codes) { code = codes.at(0); };
  bench.shard.commit("g", bench.commit_request(7), keep);
  bench.world.run_for(100);
  CHECK(!code);
  CHECK_EQ(bench.fetched("g"), -1);
  FetchOffsetsRequest stable;
  stable.partitions = {{"t", 0}};
  stable.require_stable = true;
  CHECK_EQ(bench.shard.fetch_offsets("g", stable).offsets.at(0).error,
           ErrorCode::kUnstableOffsetCommit);
  REQUIRE(bench.hosted.follower_fetch(2, 1).has_value());
  REQUIRE(bench.world.run_until([&code] { return code.has_value(); }));
  CHECK_EQ(*code, ErrorCode::kNone);
  CHECK_EQ(bench.fetched("g"), 7);

  CHECK_EQ(bench.commit("g", 8), ErrorCode::kRequestTimedOut);
  CHECK_EQ(bench.fetched("g"), 7);

  code.reset();
  bench.shard.commit("g", bench.commit_request(9), keep);
  bench.hosted->make_follower(HostedPartition::state(2, 1, {2}, {1, 2}));
  bench.move_away(1);
  REQUIRE(bench.world.run_until([&code] { return code.has_value(); }));
  CHECK_EQ(*code, ErrorCode::kNotCoordinator);
}

TEST_CASE("who waits to join is told when the shard goes") {
  Bench bench;
  bench.lead();
  const std::string member = bench.join_alone("g");
  std::optional<JoinAnswer> answer;
  JoinRequest join;
  join.client_id = "second";
  join.protocol_type = "consumer";
  join.protocols = {{"range", ""}};
  join.session_timeout_ms = 10'000;
  join.rebalance_timeout_ms = 60'000;
  bench.shard.join("g", join, [&answer](JoinAnswer joined) { answer = std::move(joined); });
  bench.world.run_for(100);
  CHECK(!answer);
  bench.move_away(1);
  REQUIRE(answer.has_value());
  CHECK_EQ(answer->error, ErrorCode::kNotCoordinator);
}

TEST_CASE("session timeouts have limits, and only newcomers make groups") {
  Bench bench;
  bench.lead();
  const auto error_of = [&bench](JoinRequest request) {
    std::optional<ErrorCode> code;
    bench.shard.join("g", std::move(request), [&code](JoinAnswer answer) { code = answer.error; });
    REQUIRE(code.has_value());
    return *code;
  };
  JoinRequest request;
  request.protocol_type = "consumer";
  request.protocols = {{"range", ""}};
  request.session_timeout_ms = 1;
  CHECK_EQ(error_of(request), ErrorCode::kInvalidSessionTimeout);
  request.session_timeout_ms = 10'000;
  request.member_id = "who";
  CHECK_EQ(error_of(request), ErrorCode::kUnknownMemberId);
  CHECK_EQ(bench.group_count(), 0);
}

TEST_CASE("old offsets go, and the group with the last of them") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNone);
  const std::string member = bench.join_alone("members");
  CHECK_EQ(bench.commit("members", 1, 1, member), ErrorCode::kNone);
  bench.world.run_for(9 * kMinuteMs);
  bench.expire();
  CHECK_EQ(bench.group_count(), 2);
  bench.world.run_for(2 * kMinuteMs);
  bench.expire();
  CHECK_EQ(bench.shard.describe("g", false).group.state, GroupState::dead);
  // Empty since its member timed out.
  CHECK_EQ(bench.group_count(), 0);
  bench.move_away(1);
  bench.lead(2);
  CHECK_EQ(bench.group_count(), 0);
}

TEST_CASE("groups and offsets are deleted for good") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.shard.remove_group("g"), ErrorCode::kGroupIdNotFound);
  CHECK_EQ(bench.shard.delete_offsets("g", {{"t", 0}}).error, ErrorCode::kGroupIdNotFound);
  const std::string member = bench.join_alone("g");
  CHECK_EQ(bench.commit("g", 1, 1, member), ErrorCode::kNone);
  CHECK_EQ(bench.shard.remove_group("g"), ErrorCode::kNonEmptyGroup);
  // Its subscription cannot be parsed, so it may use every topic.
  CHECK_EQ(bench.shard.delete_offsets("g", {{"t", 0}}).partitions,
           std::vector{ErrorCode::kGroupSubscribedToTopic});
  CHECK_EQ(bench.shard.leave("g", {{member, std::nullopt, ""}}).members,
           std::vector{ErrorCode::kNone});
  bench.world.run_for(10);
  CHECK_EQ(bench.commit("g2", 2), ErrorCode::kNone);
  CHECK_EQ(bench.shard.remove_group("g"), ErrorCode::kNone);
  CHECK_EQ(bench.shard.delete_offsets("g2", {{"t", 0}, {"t", 9}}).partitions,
           std::vector{ErrorCode::kNone, ErrorCode::kNone});
  CHECK_EQ(bench.group_count(), 0);
  bench.move_away(1);
  bench.lead(2);
  CHECK_EQ(bench.group_count(), 0);
}

TEST_CASE("offsets of a deleted topic go with it") {
  Bench bench;
  bench.lead();
  CHECK_EQ(bench.commit("g", 1), ErrorCode::kNone);
  bench.shard.on_partitions_deleted({{"other", 0}});
  CHECK_EQ(bench.fetched("g"), 1);
  bench.shard.on_partitions_deleted({{"t", 0}});
  CHECK_EQ(bench.group_count(), 0);
}

TEST_CASE("member ids look like Java's") {
  Bench bench;
  const std::string id = bench.shard.new_member_id("client");
  REQUIRE_EQ(id.size(), 7 + 36);
  CHECK_EQ(id.substr(0, 7), "client-");
  CHECK_EQ(id[7 + 8], '-');
  CHECK_EQ(id[7 + 14], '4');
}
