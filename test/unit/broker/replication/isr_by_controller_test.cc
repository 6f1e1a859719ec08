// Goal: AlterPartition says what is proposed in every version, and an answer becomes the verdict
// that Kafka's leader would come to.
#include "broker/replication/isr_by_controller.h"

#include <doctest/doctest.h>

#include "protocol/error_code.h"
#include "protocol/writer.h"
#include "test/unit/broker/replication/isr_keeper.h"

using config::InterBrokerProtocol;
using protocol::AlterPartitionResponse;
using protocol::ErrorCode;
using replication::IsrChange;
using replication::IsrVerdict;
using replication_test::FakeOwner;
using Kind = IsrVerdict::Kind;

namespace {

base::TopicId id_of(std::uint8_t number) {
  base::TopicId id;
  id.bytes[15] = number;
  return id;
}

struct Changes {
  explicit Changes(std::vector<std::pair<std::string, std::int32_t>> partitions) {
    std::uint8_t number = 1;
    for (const auto& [topic, index] : partitions) {
      list.push_back(owner->change(topic, index));
      if (list.size() > 1 && list[list.size() - 2].partition.topic != topic) ++number;
      list.back().topic_id = id_of(number);
    }
  }
  std::shared_ptr<FakeOwner> owner = std::make_shared<FakeOwner>();
  std::vector<IsrChange> list;
};

AlterPartitionResponse::TopicData::PartitionData answer(std::int32_t index, ErrorCode code) {
  AlterPartitionResponse::TopicData::PartitionData data;
  data.partition_index = index;
  data.error_code = protocol::to_wire(code);
  data.leader_id = 1;
  data.leader_epoch = 5;
  data.isr = {1, 2};
  data.partition_epoch = 4;
  return data;
}

Kind kind_of(ErrorCode code) {
  const Changes changes({{"a", 0}});
  AlterPartitionResponse response;
  response.topics.emplace_back().topic_name = "a";
  response.topics[0].partitions = {answer(0, code)};
  return replication::verdicts_of(changes.list, response, 1)[0].kind;
}

}  // namespace

TEST_CASE("topic ids need IBP 2.8 and an id of every topic") {
  Changes changes({{"a", 0}, {"b", 0}});
  const auto version = [&](InterBrokerProtocol protocol) {
    return replication::alter_partition_version_max(changes.list, protocol);
  };
  CHECK_EQ(version(InterBrokerProtocol::v2_7_iv2), 1);
  CHECK_EQ(version(InterBrokerProtocol::v2_8_iv0), 3);
  changes.list[1].topic_id = base::TopicId();
  CHECK_EQ(version(InterBrokerProtocol::v3_9_iv0), 1);
}

TEST_CASE("a request names each topic once and can be encoded in every version") {
  const Changes changes({{"a", 0}, {"b", 3}, {"a", 1}});
  for (std::int16_t version = 0; version <= 3; ++version) {
    Changes copy = changes;
    copy.list[2].topic_id = copy.list[0].topic_id;
    const auto request = replication::alter_partition_request(copy.list, version);
    REQUIRE_EQ(request.topics.size(), 2);
    REQUIRE_EQ(request.topics[0].partitions.size(), 2);
    const auto& partition = request.topics[0].partitions[1];
    CHECK_EQ(partition.partition_index, 1);
    CHECK_EQ(partition.leader_epoch, 5);
    CHECK_EQ(partition.partition_epoch, 3);
    CHECK_EQ(partition.leader_recovery_state, 0);
    CHECK_EQ(request.topics[0].topic_name, version < 2 ? "a" : "");
    CHECK_EQ(request.topics[0].topic_id.is_zero(), version < 2);
    if (version < 3) {
      CHECK_EQ(partition.new_isr, std::vector<std::int32_t>{1, 2});
    } else {
      REQUIRE_EQ(partition.new_isr_with_epochs.size(), 2);
      CHECK_EQ(partition.new_isr_with_epochs[1].broker_id, 2);
      CHECK_EQ(partition.new_isr_with_epochs[1].broker_epoch, -1);
    }
    CHECK(protocol::encode_request_frame(1, "1", request, version).ok());
  }
}

TEST_CASE("every error has its verdict") {
  for (const ErrorCode code : {ErrorCode::kOperationNotAttempted, ErrorCode::kIneligibleReplica}) {
    CHECK_EQ(kind_of(code), Kind::not_attempted);
  }
  for (const ErrorCode code : {ErrorCode::kUnknownTopicOrPartition, ErrorCode::kUnknownTopicId,
                               ErrorCode::kFencedLeaderEpoch, ErrorCode::kInvalidUpdateVersion,
                               ErrorCode::kInvalidRequest, ErrorCode::kNewLeaderElected}) {
    CHECK_EQ(kind_of(code), Kind::waits);
  }
  for (const ErrorCode code : {ErrorCode::kNotController, ErrorCode::kUnknownServerError}) {
    CHECK_EQ(kind_of(code), Kind::again);
  }
  CHECK_EQ(kind_of(ErrorCode::kNone), Kind::confirmed);
}

TEST_CASE("answers find their change by name or by id; what is not named is asked again") {
  const Changes changes({{"a", 0}, {"b", 0}, {"b", 1}});
  for (const std::int16_t version : {1, 3}) {
    AlterPartitionResponse response;
    auto& topic = response.topics.emplace_back();
    if (version == 1) {
      topic.topic_name = "b";
    } else {
      topic.topic_id = id_of(2);
    }
    topic.partitions = {answer(1, ErrorCode::kNone), answer(7, ErrorCode::kNone)};
    const auto verdicts = replication::verdicts_of(changes.list, response, version);
    REQUIRE_EQ(verdicts.size(), 3);
    CHECK_EQ(verdicts[0].kind, Kind::again);
    CHECK_EQ(verdicts[1].kind, Kind::again);
    CHECK_EQ(verdicts[2].kind, Kind::confirmed);
    CHECK_EQ(verdicts[2].state.partition_epoch.value(), 4);
    CHECK_EQ(verdicts[2].state.isr.size(), 2);
    response.error_code = protocol::to_wire(ErrorCode::kStaleBrokerEpoch);
    for (const auto& verdict : replication::verdicts_of(changes.list, response, version)) {
      CHECK_EQ(verdict.kind, Kind::again);
    }
  }
}
