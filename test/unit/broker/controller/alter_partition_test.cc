// Goal: AlterPartition is judged as in KafkaController.tryProcessAlterPartition, and an accepted
// change reaches ZooKeeper, the context and the brokers.
#include "broker/controller/alter_partition.h"

#include <doctest/doctest.h>

#include "test/unit/broker/controller/memory_store.h"

namespace controller {
namespace {

using protocol::ErrorCode;
using Kind = ProposalVerdict::Kind;

struct IsrFixture : ControllerFixture {
  IsrFixture() {
    for (const std::int32_t id : {1, 2, 3, 4}) store.add_broker(id, 10 * id);
    store.add_topic("t", {{1, 2, 3}});
    REQUIRE(take_over());
    // As if some changes had happened: leader epoch 4, partition epoch 7.
    Leadership& known = store.states.at(partition);
    known.state.leader_epoch = 4;
    known.state.isr = {1, 2};
    known.partition_epoch = 7;
    env.context.find(partition)->leadership = known;
    sent.all.clear();
  }
  protocol::AlterPartitionRequest request(BrokerIds isr) {
    protocol::AlterPartitionRequest body;
    body.broker_id = 1;
    body.broker_epoch = 10;
    auto& topic = body.topics.emplace_back();
    topic.topic_id = *env.context.find_topic("t")->id;
    auto& entry = topic.partitions.emplace_back();
    entry.leader_epoch = 4;
    entry.partition_epoch = 7;
    for (const std::int32_t id : isr) entry.new_isr_with_epochs.emplace_back().broker_id = id;
    return body;
  }
  const TopicPartition partition{"t", 0};
  IsrProposals changes{env};
};

TEST_CASE_FIXTURE(IsrFixture, "verdicts") {
  struct Row {
    const char* what;
    IsrProposal proposal;
    std::int16_t version;
    Kind kind;
    ErrorCode error = ErrorCode::kNone;
  };
  const Row rows[] = {
      {"grows", {1, 4, 7, {1, 2, 3}, false}, 3, Kind::accept},
      {"shrinks", {1, 4, 7, {1}, false}, 3, Kind::accept},
      {"as it is", {1, 4, 7, {1, 2}, false}, 3, Kind::already_so},
      {"as it is, older partition epoch", {1, 4, 5, {1, 2}, false}, 3, Kind::already_so},
      {"other order", {1, 4, 7, {2, 1}, false}, 3, Kind::accept},
      {"newer partition epoch", {1, 4, 8, {1}, false}, 3, Kind::refuse, ErrorCode::kNotController},
      {"newer leader epoch", {1, 5, 7, {1}, false}, 3, Kind::refuse, ErrorCode::kNotController},
      {"older leader epoch", {1, 3, 7, {1}, false}, 3, Kind::refuse, ErrorCode::kFencedLeaderEpoch},
      {"older partition epoch",
       {1, 4, 6, {1}, false},
       3,
       Kind::refuse,
       ErrorCode::kInvalidUpdateVersion},
      {"recovers backwards", {1, 4, 7, {1}, true}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"recovering with two", {1, 4, 7, {1, 3}, true}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"empty", {1, 4, 7, {}, false}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"twice the same", {1, 4, 7, {1, 2, 2}, false}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"not assigned", {1, 4, 7, {1, 4}, false}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"without its leader", {1, 4, 7, {2}, false}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"of a follower", {2, 4, 7, {2, 1}, false}, 3, Kind::refuse, ErrorCode::kInvalidRequest},
      {"a dead member", {1, 4, 7, {1, 9}, false}, 2, Kind::refuse, ErrorCode::kIneligibleReplica},
      {"a dead member, version 1",
       {1, 4, 7, {1, 9}, false},
       1,
       Kind::refuse,
       ErrorCode::kOperationNotAttempted},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const ProposalVerdict verdict =
        judge_isr_proposal(env.context, partition, row.proposal, row.version);
    CHECK(verdict.kind == row.kind);
    CHECK(verdict.error == row.error);
  }
  env.context.mark_shutting_down(2);
  CHECK(judge_isr_proposal(env.context, partition, {1, 4, 7, {1, 2, 3}, false}, 3).error ==
        ErrorCode::kIneligibleReplica);
  CHECK(judge_isr_proposal(env.context, {"x", 0}, {1, 4, 7, {1}, false}, 3).error ==
        ErrorCode::kUnknownTopicOrPartition);
}

TEST_CASE_FIXTURE(IsrFixture, "an accepted change") {
  const auto response = run(changes.alter_partition(request({1, 2, 3}), 3));
  REQUIRE(response);
  const auto& answer = response->topics.at(0).partitions.at(0);
  CHECK(answer.error_code == 0);
  CHECK(answer.isr == std::vector<std::int32_t>{1, 2, 3});
  CHECK(answer.partition_epoch == 8);
  CHECK(answer.leader_epoch == 4);
  CHECK(state("t").state.isr == BrokerIds{1, 2, 3});
  CHECK(sent.summary() == "U1 U2 U3 U4");
  // Repeated, because the answer was lost: the same answer, nothing written.
  const auto again = run(changes.alter_partition(request({1, 2, 3}), 3));
  CHECK(again->topics.at(0).partitions.at(0).partition_epoch == 8);
  CHECK(state("t").partition_epoch == 8);
}

TEST_CASE_FIXTURE(IsrFixture, "a conflict in the znode") {
  ++store.states.at(partition).partition_epoch;
  const auto response = run(changes.alter_partition(request({1}), 3));
  CHECK(response->topics.at(0).partitions.at(0).error_code ==
        static_cast<std::int16_t>(ErrorCode::kInvalidUpdateVersion));
}

TEST_CASE_FIXTURE(IsrFixture, "stale senders and unknown topics") {
  auto body = request({1});
  body.broker_epoch = 9;
  CHECK(run(changes.alter_partition(body, 3))->error_code ==
        static_cast<std::int16_t>(ErrorCode::kStaleBrokerEpoch));
  body = request({1});
  body.topics[0].topic_id = base::Uuid{{1, 2, 3}};
  const auto response = run(changes.alter_partition(body, 3));
  CHECK(response->topics.at(0).partitions.at(0).error_code ==
        static_cast<std::int16_t>(ErrorCode::kUnknownTopicId));
  CHECK(response->topics.at(0).topic_id == body.topics[0].topic_id);
}

}  // namespace
}  // namespace controller
