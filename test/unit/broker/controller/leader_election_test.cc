// Goal: each strategy picks the leader, ISR and recipients that Election.scala would.
#include "broker/controller/leader_election.h"

#include <doctest/doctest.h>

namespace controller {
namespace {

const TopicPartition kPartition{"t", 0};

ControllerContext context_with(BrokerIds replicas, BrokerIds live, BrokerIds shutting_down = {}) {
  ControllerContext context;
  context.epoch = 7;
  context.put_topic("t").partitions[0].assignment.replicas = std::move(replicas);
  for (const std::int32_t id : live) {
    LiveBroker broker;
    broker.info.id = id;
    context.put_broker(std::move(broker));
  }
  for (const std::int32_t id : shutting_down) context.mark_shutting_down(id);
  return context;
}

cluster::PartitionState state_with(std::int32_t leader, BrokerIds isr, bool recovering = false) {
  return {.leader = leader,
          .leader_epoch = 4,
          .isr = std::move(isr),
          .controller_epoch = 6,
          .recovering = recovering};
}

struct Row {
  const char* what;
  BrokerIds replicas, live, shutting_down, isr;
  bool unclean;
  std::int32_t leader;  // kNoLeader: nobody is elected
  BrokerIds new_isr, recipients;
  bool recovering = false;
};

void check(ElectionStrategy strategy, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const ControllerContext context = context_with(row.replicas, row.live, row.shutting_down);
    const ElectionResult result =
        elect_leader(context, kPartition, state_with(9, row.isr),
                     {.strategy = strategy, .unclean_allowed = row.unclean});
    CHECK(result.recipients == row.recipients);
    REQUIRE(result.state.has_value() == (row.leader != kNoLeader));
    if (!result.state) continue;
    CHECK(result.state->leader == row.leader);
    CHECK(result.state->isr == row.new_isr);
    CHECK(result.state->leader_epoch == 5);
    CHECK(result.state->controller_epoch == 7);
    CHECK(result.state->recovering == row.recovering);
  }
}

TEST_CASE("offline strategy") {
  check(ElectionStrategy::offline,
        {
            {"first live in ISR", {1, 2, 3}, {2, 3}, {}, {3, 2, 1}, false, 2, {3, 2}, {2, 3}},
            {"ISR order does not matter", {1, 2, 3}, {1, 2, 3}, {}, {3}, false, 3, {3}, {1, 2, 3}},
            {"nobody in ISR", {1, 2, 3}, {2, 3}, {}, {1}, false, kNoLeader, {}, {2, 3}},
            {"unclean", {1, 2, 3}, {2, 3}, {}, {1}, true, 2, {2}, {2, 3}, true},
            {"unclean, but clean is possible", {1, 2}, {1, 2}, {}, {2}, true, 2, {2}, {1, 2}},
            {"nobody lives", {1, 2}, {}, {}, {1}, true, kNoLeader, {}, {}},
            {"one that shuts down", {1, 2}, {1, 2}, {1}, {1, 2}, false, 2, {2}, {2}},
        });
}

TEST_CASE("preferred strategy") {
  check(ElectionStrategy::preferred,
        {
            {"live and in sync", {1, 2, 3}, {1, 2}, {}, {2, 1}, false, 1, {2, 1}, {1, 2, 3}},
            {"not in sync", {1, 2, 3}, {1, 2}, {}, {2}, false, kNoLeader, {}, {1, 2, 3}},
            {"dead", {1, 2, 3}, {2, 3}, {}, {1, 2}, false, kNoLeader, {}, {1, 2, 3}},
        });
}

TEST_CASE("controlled shutdown strategy") {
  check(ElectionStrategy::controlled_shutdown,
        {
            {"next in ISR", {1, 2, 3}, {1, 2, 3}, {1}, {1, 2, 3}, false, 2, {2, 3}, {1, 2, 3}},
            {"skips another that goes",
             {1, 2, 3},
             {1, 2, 3},
             {1, 2},
             {1, 2, 3},
             false,
             3,
             {3},
             {1, 2, 3}},
            {"nobody else in sync", {1, 2}, {1, 2}, {1}, {1}, false, kNoLeader, {}, {1, 2}},
            {"the other is dead", {1, 2}, {1}, {1}, {1, 2}, false, kNoLeader, {}, {1}},
        });
}

TEST_CASE("reassign strategy takes the first target replica in sync") {
  ControllerContext context = context_with({4, 5, 1, 2}, {1, 2, 5});
  context.find(kPartition)->assignment.adding = {4, 5};
  context.find(kPartition)->assignment.removing = {1, 2};
  const ElectionResult result = elect_leader(context, kPartition, state_with(1, {1, 2, 4, 5}),
                                             {.strategy = ElectionStrategy::reassign});
  REQUIRE(result.state);
  CHECK(result.state->leader == 5);
  CHECK(result.state->isr == BrokerIds{1, 2, 4, 5});
  CHECK(result.recipients == BrokerIds{4, 5});
}

TEST_CASE("an unclean leader recovers only where the protocol can say so") {
  const ControllerContext context = context_with({1, 2}, {2});
  const ElectionResult result = elect_leader(context, kPartition, state_with(1, {1}),
                                             {.strategy = ElectionStrategy::offline,
                                              .unclean_allowed = true,
                                              .recovery_state_supported = false});
  REQUIRE(result.state);
  CHECK(!result.state->recovering);
}

TEST_CASE("a clean election keeps the recovery state") {
  const ControllerContext context = context_with({1, 2}, {1, 2});
  const ElectionResult result = elect_leader(context, kPartition, state_with(1, {2}, true),
                                             {.strategy = ElectionStrategy::offline});
  REQUIRE(result.state);
  CHECK(result.state->recovering);
}

TEST_CASE("initial state") {
  CHECK(!initial_state(context_with({1, 2}, {3}), kPartition));
  const auto state = initial_state(context_with({3, 1, 2}, {1, 2}), kPartition);
  REQUIRE(state);
  CHECK(state->leader == 1);
  CHECK(state->isr == BrokerIds{1, 2});
  CHECK(state->leader_epoch == 0);
  CHECK(state->controller_epoch == 7);
}

TEST_CASE("a replica leaves the ISR, but never its last member") {
  const ControllerContext context = context_with({1, 2}, {1, 2});
  auto state = without_replica(context, state_with(1, {1, 2}), 1);
  CHECK(state.leader == kNoLeader);
  CHECK(state.isr == BrokerIds{2});
  CHECK(state.leader_epoch == 5);
  state = without_replica(context, state_with(1, {1}), 1);
  CHECK(state.leader == kNoLeader);
  CHECK(state.isr == BrokerIds{1});
  state = without_replica(context, state_with(2, {1, 2}), 1);
  CHECK(state.leader == 2);
}

TEST_CASE("a replica in a failed log directory is not online") {
  ControllerContext context = context_with({1, 2}, {1, 2});
  context.offline_dir_replicas(1).insert(kPartition);
  const ElectionResult result = elect_leader(context, kPartition, state_with(1, {1, 2}),
                                             {.strategy = ElectionStrategy::offline});
  REQUIRE(result.state);
  CHECK(result.state->leader == 2);
}

}  // namespace
}  // namespace controller
