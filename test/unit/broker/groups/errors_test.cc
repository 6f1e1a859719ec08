// Goal: every refusal of the group APIs is the code that Kafka gives. Method: a table per request;
// each case is an act on a stable group of a leader, a follower and a static member.
#include <functional>

#include "test/unit/broker/groups/group_bench.h"

using namespace groups;
using protocol::ErrorCode;

namespace {

struct Scene {
  Bench bench;
  std::string leader, follower, fixed;  // `fixed` is the static member, instance id "i"

  Scene() {
    const auto ids = bench.stable(2, {"i"});
    leader = ids[0];
    follower = ids[1];
    fixed = ids[2];
  }
  // Members join again.
  void rejoining() { bench.join(a_join(leader)); }
  // The leader's assignment is awaited.
  void syncing() {
    rejoining();
    bench.join(a_join(follower));
    bench.join(a_static_join("i", fixed));
    REQUIRE_EQ(bench.group->state(), GroupState::completing_rebalance);
  }
  void emptied() {
    bench.group->leave({{leader, {}, {}}, {follower, {}, {}}, {fixed, {}, {}}}, bench.now);
    REQUIRE_EQ(bench.group->state(), GroupState::empty);
  }
  std::int32_t generation() const { return bench.group->generation(); }
  ErrorCode heartbeat(const std::string& id, std::optional<std::string> instance,
                      std::int32_t generation) {
    return bench.group->heartbeat(id, instance, generation, bench.now);
  }
  ErrorCode commit(const std::string& id, std::optional<std::string> instance,
                   std::int32_t generation, bool is_transactional = false) {
    return bench.group->check_commit(id, instance, generation, is_transactional, bench.now);
  }
};

struct Case {
  const char* name;
  ErrorCode expected;
  std::function<ErrorCode(Scene&)> act;
};

void run(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    INFO(each.name);
    Scene scene;
    CHECK_EQ(protocol::name(each.act(scene)), protocol::name(each.expected));
  }
}

JoinRequest changed(JoinRequest request, std::function<void(JoinRequest&)> change) {
  change(request);
  return request;
}

}  // namespace

TEST_CASE("what JoinGroup refuses") {
  using R = JoinRequest;
  run({
      {"session timeout too short", ErrorCode::kInvalidSessionTimeout,
       [](Scene& s) {
         return s.bench.join(changed(a_join(), [](R& r) { r.session_timeout_ms = 5999; }))->error();
       }},
      {"session timeout too long", ErrorCode::kInvalidSessionTimeout,
       [](Scene& s) {
         return s.bench.join(changed(a_join(), [](R& r) { r.session_timeout_ms = 1800001; }))
             ->error();
       }},
      {"unknown member id", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.bench.join(a_join("nobody"))->error(); }},
      {"unknown member id in an empty group", ErrorCode::kUnknownMemberId,
       [](Scene& s) {
         s.emptied();
         return s.bench.join(a_join(s.leader))->error();
       }},
      {"another protocol type", ErrorCode::kInconsistentGroupProtocol,
       [](Scene& s) {
         return s.bench.join(changed(a_join(), [](R& r) { r.protocol_type = "connect"; }))->error();
       }},
      {"no protocols", ErrorCode::kInconsistentGroupProtocol,
       [](Scene& s) {
         return s.bench.join(changed(a_join(), [](R& r) { r.protocols.clear(); }))->error();
       }},
      {"no protocol type in an empty group", ErrorCode::kInconsistentGroupProtocol,
       [](Scene& s) {
         s.emptied();
         return s.bench.join(changed(a_join(), [](R& r) { r.protocol_type.clear(); }))->error();
       }},
      {"no common protocol", ErrorCode::kInconsistentGroupProtocol,
       [](Scene& s) {
         return s.bench.join(changed(a_join(), [](R& r) { r.protocols[0].name = "sticky"; }))
             ->error();
       }},
      {"no common protocol, known member", ErrorCode::kInconsistentGroupProtocol,
       [](Scene& s) {
         return s.bench.join(changed(a_join(s.leader), [](R& r) { r.protocols[0].name = "x"; }))
             ->error();
       }},
  });
}

TEST_CASE("what JoinGroup refuses for the sake of ids") {
  using R = JoinRequest;
  run({
      {"group is full", ErrorCode::kGroupMaxSizeReached,
       [](Scene& s) {
         s.bench.settings.max_size = 3;
         return s.bench.join(a_join())->error();
       }},
      {"id required", ErrorCode::kMemberIdRequired,
       [](Scene& s) {
         return s.bench.join(changed(a_join(), [](R& r) { r.requires_known_member_id = true; }))
             ->error();
       }},
      {"unknown instance id with a member id", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.bench.join(a_static_join("other", s.fixed))->error(); }},
      {"instance id of another", ErrorCode::kFencedInstanceId,
       [](Scene& s) { return s.bench.join(a_static_join("i", s.follower))->error(); }},
      {"pending id with an instance id", ErrorCode::kUnknownMemberId,
       [](Scene& s) {
         const auto required =
             s.bench.join(changed(a_join(), [](R& r) { r.requires_known_member_id = true; }));
         return s.bench.join(a_static_join("new", required->get().member_id))->error();
       }},
      {"dead group", ErrorCode::kCoordinatorNotAvailable,
       [](Scene& s) {
         s.bench.group->close(ErrorCode::kNotCoordinator);
         return s.bench.join(a_join(s.leader))->error();
       }},
      {"dead group, new member", ErrorCode::kCoordinatorNotAvailable,
       [](Scene& s) {
         s.bench.group->close(ErrorCode::kNotCoordinator);
         return s.bench.join(a_join())->error();
       }},
      {"follower with nothing new", ErrorCode::kNone,
       [](Scene& s) { return s.bench.join(a_join(s.follower))->error(); }},
  });
}

TEST_CASE("what SyncGroup refuses") {
  const auto sync = [](Scene& s, SyncRequest request) {
    return s.bench.sync(std::move(request))->error();
  };
  run({
      {"unknown member", ErrorCode::kUnknownMemberId,
       [=](Scene& s) { return sync(s, {.member_id = "nobody", .generation = s.generation()}); }},
      {"fenced", ErrorCode::kFencedInstanceId,
       [=](Scene& s) {
         return sync(s, {.member_id = s.leader, .instance_id = "i", .generation = s.generation()});
       }},
      {"older generation", ErrorCode::kIllegalGeneration,
       [=](Scene& s) {
         return sync(s, {.member_id = s.follower, .generation = s.generation() - 1});
       }},
      {"newer generation", ErrorCode::kIllegalGeneration,
       [=](Scene& s) {
         return sync(s, {.member_id = s.follower, .generation = s.generation() + 1});
       }},
      {"another protocol type", ErrorCode::kInconsistentGroupProtocol,
       [=](Scene& s) {
         return sync(
             s,
             {.member_id = s.follower, .generation = s.generation(), .protocol_type = "connect"});
       }},
      {"another protocol", ErrorCode::kInconsistentGroupProtocol,
       [=](Scene& s) {
         return sync(s,
                     {.member_id = s.follower, .generation = s.generation(), .protocol = "sticky"});
       }},
      {"while members join", ErrorCode::kRebalanceInProgress,
       [=](Scene& s) {
         s.rejoining();
         return sync(s, {.member_id = s.follower, .generation = s.generation()});
       }},
      {"empty group", ErrorCode::kUnknownMemberId,
       [=](Scene& s) {
         s.emptied();
         return sync(s, {.member_id = s.follower, .generation = s.generation()});
       }},
      {"dead group", ErrorCode::kCoordinatorNotAvailable,
       [=](Scene& s) {
         s.bench.group->close(ErrorCode::kNotCoordinator);
         return sync(s, {.member_id = s.follower, .generation = s.generation()});
       }},
      {"stable, protocol named", ErrorCode::kNone,
       [=](Scene& s) {
         return sync(s, {.member_id = s.follower,
                         .generation = s.generation(),
                         .protocol_type = "consumer",
                         .protocol = "range"});
       }},
  });
}

TEST_CASE("what Heartbeat answers") {
  run({
      {"unknown member", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.heartbeat("nobody", {}, s.generation()); }},
      {"unknown instance", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.heartbeat(s.fixed, "other", s.generation()); }},
      {"fenced", ErrorCode::kFencedInstanceId,
       [](Scene& s) { return s.heartbeat(s.follower, "i", s.generation()); }},
      {"older generation", ErrorCode::kIllegalGeneration,
       [](Scene& s) { return s.heartbeat(s.follower, {}, s.generation() - 1); }},
      {"newer generation", ErrorCode::kIllegalGeneration,
       [](Scene& s) { return s.heartbeat(s.follower, {}, s.generation() + 1); }},
      {"while members join", ErrorCode::kRebalanceInProgress,
       [](Scene& s) {
         s.rejoining();
         return s.heartbeat(s.follower, {}, s.generation());
       }},
      {"while the leader assigns", ErrorCode::kNone,
       [](Scene& s) {
         s.syncing();
         return s.heartbeat(s.follower, {}, s.generation());
       }},
      {"stable", ErrorCode::kNone,
       [](Scene& s) { return s.heartbeat(s.fixed, "i", s.generation()); }},
      {"dead group", ErrorCode::kCoordinatorNotAvailable,
       [](Scene& s) {
         s.bench.group->close(ErrorCode::kNotCoordinator);
         return s.heartbeat(s.follower, {}, s.generation());
       }},
  });
}

TEST_CASE("what LeaveGroup answers") {
  run({
      {"unknown member", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.bench.leave({"nobody", {}, {}}); }},
      {"neither id", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.bench.leave({"", {}, {}}); }},
      {"unknown instance", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.bench.leave({"", "other", {}}); }},
      {"fenced", ErrorCode::kFencedInstanceId,
       [](Scene& s) { return s.bench.leave({s.follower, "i", {}}); }},
      {"by id", ErrorCode::kNone, [](Scene& s) { return s.bench.leave({s.follower, {}, {}}); }},
      {"by instance", ErrorCode::kNone, [](Scene& s) { return s.bench.leave({"", "i", {}}); }},
      {"by both", ErrorCode::kNone, [](Scene& s) { return s.bench.leave({s.fixed, "i", {}}); }},
      {"a pending id", ErrorCode::kNone,
       [](Scene& s) {
         const auto required = s.bench.join(
             changed(a_join(), [](JoinRequest& r) { r.requires_known_member_id = true; }));
         const ErrorCode error = s.bench.leave({required->get().member_id, {}, {}});
         CHECK_EQ(s.bench.group->state(), GroupState::stable);
         return error;
       }},
      {"dead group", ErrorCode::kCoordinatorNotAvailable,
       [](Scene& s) {
         s.bench.group->close(ErrorCode::kNotCoordinator);
         return s.bench.leave({s.follower, {}, {}});
       }},
  });
}

TEST_CASE("who may commit offsets") {
  run({
      {"a stranger", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.commit("nobody", {}, s.generation()); }},
      {"nobody in particular", ErrorCode::kUnknownMemberId,
       [](Scene& s) { return s.commit("", {}, -1); }},
      {"nobody in particular, group empty", ErrorCode::kNone,
       [](Scene& s) {
         s.emptied();
         return s.commit("", {}, -1);
       }},
      {"a former member, group empty", ErrorCode::kUnknownMemberId,
       [](Scene& s) {
         s.emptied();
         return s.commit(s.follower, {}, s.generation());
       }},
      {"fenced", ErrorCode::kFencedInstanceId,
       [](Scene& s) { return s.commit(s.follower, "i", s.generation()); }},
      {"older generation", ErrorCode::kIllegalGeneration,
       [](Scene& s) { return s.commit(s.follower, {}, s.generation() - 1); }},
      {"newer generation", ErrorCode::kIllegalGeneration,
       [](Scene& s) { return s.commit(s.follower, {}, s.generation() + 1); }},
      {"a member", ErrorCode::kNone,
       [](Scene& s) { return s.commit(s.follower, {}, s.generation()); }},
      {"while members join", ErrorCode::kNone,
       [](Scene& s) {
         s.rejoining();
         return s.commit(s.follower, {}, s.generation());
       }},
      {"while the leader assigns", ErrorCode::kRebalanceInProgress,
       [](Scene& s) {
         s.syncing();
         return s.commit(s.follower, {}, s.generation());
       }},
      {"transactional, nobody in particular", ErrorCode::kNone,
       [](Scene& s) { return s.commit("", {}, -1, true); }},
      {"transactional, while the leader assigns", ErrorCode::kNone,
       [](Scene& s) {
         s.syncing();
         return s.commit(s.follower, {}, s.generation(), true);
       }},
      {"transactional, older generation", ErrorCode::kIllegalGeneration,
       [](Scene& s) { return s.commit(s.follower, {}, s.generation() - 1, true); }},
      {"dead group", ErrorCode::kCoordinatorNotAvailable,
       [](Scene& s) {
         s.bench.group->close(ErrorCode::kNotCoordinator);
         return s.commit("", {}, -1);
       }},
  });
}

TEST_CASE("an answer that refuses names no generation, leader or protocol") {
  Scene scene;
  const JoinAnswer answer = scene.bench.join(a_join("nobody"))->get();
  CHECK_EQ(answer.generation, -1);
  CHECK_EQ(answer.leader, "");
  CHECK_EQ(answer.member_id, "nobody");
  CHECK(!answer.protocol);
  CHECK(!answer.protocol_type);
  CHECK(answer.members.empty());
  scene.bench.settings.max_size = 1;
  CHECK_EQ(scene.bench.join(a_join())->get().member_id, "");
}
