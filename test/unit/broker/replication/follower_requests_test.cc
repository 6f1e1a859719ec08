// Goal: each inter-broker protocol version asks in its own versions, and what is asked can be
// encoded in them.
#include <doctest/doctest.h>

#include "broker/replication/follower/fetch_requests.h"
#include "protocol/headers.h"

namespace replication::follower {
namespace {

using config::InterBrokerProtocol;

struct Asked {
  FollowedPartition first;
  FollowedPartition second;
  FollowedPartition third;
  FetchPlan plan;

  explicit Asked(bool by_topic_id) {
    int number = 0;
    for (FollowedPartition* partition : {&first, &second, &third}) {
      partition->id = {number < 2 ? "t" : "u", number};
      partition->topic_id.bytes[0] =
          static_cast<decltype(base::TopicId::bytes)::value_type>(number < 2 ? 1 : 2);
      partition->leader_epoch = base::LeaderEpoch(5);
      partition->log.log_start = base::Offset(3);
      partition->log.log_end = base::Offset(10 + number);
      partition->log.latest_epoch = base::LeaderEpoch(4);
      plan.named.push_back(partition);
      ++number;
    }
    plan.session_id = 77;
    plan.session_epoch = 3;
    plan.by_topic_id = by_topic_id;
    plan.forgotten.push_back({{"gone", 6}, first.topic_id});
    plan.max_wait_ms = 400;
  }
};

template <class Request>
Request encoded_and_decoded(const Request& request, std::int16_t version, base::Buffer& frame) {
  auto encoded = protocol::encode_request_frame(1, "broker-1-fetcher-0", request, version);
  REQUIRE_MESSAGE(encoded.ok(), encoded.failure());
  frame = encoded.take();
  protocol::Reader reader(frame.bytes().subspan(protocol::kFrameLengthSize));
  REQUIRE(protocol::RequestHeader::decode(reader));
  auto decoded = Request::decode(reader, version);
  REQUIRE(decoded);
  return std::move(*decoded);
}

TEST_CASE("versions by inter-broker protocol") {
  struct Row {
    InterBrokerProtocol protocol;
    int fetch, epochs, offsets;
  };
  for (const Row& row :
       {Row{InterBrokerProtocol::v0_11_0_iv0, 4, 0, 2},
        Row{InterBrokerProtocol::v0_11_0_iv2, 5, 0, 2}, Row{InterBrokerProtocol::v1_1_iv0, 7, 0, 2},
        Row{InterBrokerProtocol::v2_0_iv0, 7, 1, 2}, Row{InterBrokerProtocol::v2_0_iv1, 8, 1, 3},
        Row{InterBrokerProtocol::v2_1_iv1, 8, 2, 4}, Row{InterBrokerProtocol::v2_1_iv2, 10, 2, 4},
        Row{InterBrokerProtocol::v2_2_iv1, 10, 2, 5}, Row{InterBrokerProtocol::v2_4_iv1, 11, 3, 5},
        Row{InterBrokerProtocol::v2_7_iv0, 11, 3, 5}, Row{InterBrokerProtocol::v2_7_iv1, 12, 3, 5},
        Row{InterBrokerProtocol::v2_8_iv0, 12, 4, 6}, Row{InterBrokerProtocol::v3_0_iv1, 12, 4, 7},
        Row{InterBrokerProtocol::v3_1_iv0, 13, 4, 7}, Row{InterBrokerProtocol::v3_5_iv0, 14, 4, 8},
        Row{InterBrokerProtocol::v3_5_iv1, 15, 4, 8}, Row{InterBrokerProtocol::v3_7_iv4, 16, 4, 8},
        Row{InterBrokerProtocol::v3_9_iv0, 17, 4, 9}}) {
    CAPTURE(config::to_string(row.protocol));
    const RequestVersions versions = RequestVersions::of(row.protocol);
    CHECK_EQ(versions.fetch, row.fetch);
    CHECK_EQ(versions.offset_for_leader_epoch, row.epochs);
    CHECK_EQ(versions.list_offsets, row.offsets);
  }
  CHECK(RequestVersions::of(InterBrokerProtocol::v0_11_0_iv2).asks_epochs);
  CHECK(!RequestVersions::of(InterBrokerProtocol::v0_11_0_iv1).asks_epochs);
}

TEST_CASE("a fetch says in every version what that version can say") {
  for (std::int16_t version = kFetchVersionMin; version <= 17; ++version) {
    CAPTURE(version);
    const Asked asked(version >= kFirstTopicIdVersion);
    base::Buffer frame;
    const auto request = encoded_and_decoded(
        fetch_request(asked.plan, {2, 5000, 1000}, {base::BrokerId(9), 44}, version), version,
        frame);
    CHECK_EQ(version >= 15 ? request.replica_state.replica_id : request.replica_id, 9);
    if (version >= 15) CHECK_EQ(request.replica_state.replica_epoch, 44);
    CHECK_EQ(request.max_wait_ms, 400);
    CHECK_EQ(request.min_bytes, 2);
    CHECK_EQ(request.max_bytes, 5000);
    REQUIRE_EQ(request.topics.size(), 2);
    REQUIRE_EQ(request.topics[0].partitions.size(), 2);
    const auto& partition = request.topics[1].partitions.at(0);
    CHECK_EQ(partition.partition, 2);
    CHECK_EQ(partition.fetch_offset, 12);
    CHECK_EQ(partition.partition_max_bytes, 1000);
    if (version >= 5) CHECK_EQ(partition.log_start_offset, 3);
    if (version >= 9) CHECK_EQ(partition.current_leader_epoch, 5);
    CHECK_EQ(partition.last_fetched_epoch, version >= 12 ? 4 : -1);
    CHECK_EQ(request.session_id, version >= 7 ? 77 : 0);
    REQUIRE_EQ(request.forgotten_topics_data.size(), version >= 7 ? 1 : 0);
    if (version >= 13) {
      CHECK(request.topics[1].topic_id == asked.third.topic_id);
      CHECK(request.forgotten_topics_data[0].topic_id == asked.first.topic_id);
    } else {
      CHECK(request.topics[1].topic == "u");
      if (version >= 7) CHECK(request.forgotten_topics_data[0].topic == "gone");
    }
  }
}

TEST_CASE("questions about epochs and ranges can be asked in every version") {
  const std::vector<Question> questions = {
      {{"t", 0}, 1, base::LeaderEpoch(5), base::LeaderEpoch(4)},
      {{"t", 1}, 2, base::LeaderEpoch(5), base::LeaderEpoch(3)},
      {{"u", 0}, 3, base::LeaderEpoch(5), base::LeaderEpoch(2)}};
  for (std::int16_t version = 0; version <= 4; ++version) {
    base::Buffer frame;
    const auto request =
        encoded_and_decoded(epoch_request(questions, {base::BrokerId(9)}), version, frame);
    REQUIRE_EQ(request.topics.size(), 2);
    CHECK_EQ(request.topics[0].partitions.at(1).leader_epoch, 3);
    if (version >= 2) CHECK_EQ(request.topics[1].partitions.at(0).current_leader_epoch, 5);
    if (version >= 3) CHECK_EQ(request.replica_id, 9);
  }
  for (std::int16_t version = 1; version <= 9; ++version) {
    base::Buffer frame;
    const auto request = encoded_and_decoded(
        range_request(questions, {base::BrokerId(9)}, kEarliestTimestamp), version, frame);
    REQUIRE_EQ(request.topics.size(), 2);
    CHECK_EQ(request.topics[0].partitions.at(1).timestamp, -2);
    CHECK_EQ(request.replica_id, 9);
  }
}

}  // namespace
}  // namespace replication::follower
