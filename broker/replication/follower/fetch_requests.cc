#include "broker/replication/follower/fetch_requests.h"

#include <algorithm>
#include <utility>

namespace replication::follower {
namespace {

using config::InterBrokerProtocol;
using Step = std::pair<InterBrokerProtocol, std::int16_t>;

template <std::size_t kSize>
std::int16_t version_of(const Step (&steps)[kSize], InterBrokerProtocol protocol) {
  for (const auto& [since, version] : steps) {
    if (protocol >= since) return version;
  }
  return 0;
}

constexpr Step kFetch[] = {
    {InterBrokerProtocol::v3_9_iv0, 17},   {InterBrokerProtocol::v3_7_iv4, 16},
    {InterBrokerProtocol::v3_5_iv1, 15},   {InterBrokerProtocol::v3_5_iv0, 14},
    {InterBrokerProtocol::v3_1_iv0, 13},   {InterBrokerProtocol::v2_7_iv1, 12},
    {InterBrokerProtocol::v2_3_iv1, 11},   {InterBrokerProtocol::v2_1_iv2, 10},
    {InterBrokerProtocol::v2_0_iv1, 8},    {InterBrokerProtocol::v1_1_iv0, 7},
    {InterBrokerProtocol::v0_11_0_iv1, 5},
};
constexpr Step kOffsetForLeaderEpoch[] = {
    {InterBrokerProtocol::v2_8_iv0, 4},
    {InterBrokerProtocol::v2_3_iv1, 3},
    {InterBrokerProtocol::v2_1_iv1, 2},
    {InterBrokerProtocol::v2_0_iv0, 1},
};
constexpr Step kListOffsets[] = {
    {InterBrokerProtocol::v3_9_iv0, 9}, {InterBrokerProtocol::v3_5_iv0, 8},
    {InterBrokerProtocol::v3_0_iv1, 7}, {InterBrokerProtocol::v2_8_iv0, 6},
    {InterBrokerProtocol::v2_2_iv1, 5}, {InterBrokerProtocol::v2_1_iv1, 4},
    {InterBrokerProtocol::v2_0_iv1, 3}, {InterBrokerProtocol::v0_11_0_iv0, 2},
};

// Partitions of one topic stand together where they follow each other.
template <class Topics, class Name>
auto& topic_for(Topics& topics, const base::TopicPartition& id, Name name) {
  if (topics.empty() || topics.back().*name != id.topic) topics.emplace_back().*name = id.topic;
  return topics.back();
}

}  // namespace

RequestVersions RequestVersions::of(InterBrokerProtocol protocol) {
  RequestVersions versions;
  versions.fetch = std::max(kFetchVersionMin, version_of(kFetch, protocol));
  versions.offset_for_leader_epoch = version_of(kOffsetForLeaderEpoch, protocol);
  versions.list_offsets = std::max<std::int16_t>(1, version_of(kListOffsets, protocol));
  versions.asks_epochs = protocol >= InterBrokerProtocol::v0_11_0_iv2;
  return versions;
}

protocol::FetchRequest fetch_request(const FetchPlan& plan, const FetchSizes& sizes,
                                     const FollowerId& follower, std::int16_t version) {
  protocol::FetchRequest request;
  if (version >= 15) {
    request.replica_state.replica_id = follower.id.value();
    request.replica_state.replica_epoch = follower.broker_epoch;
  } else {
    request.replica_id = follower.id.value();
  }
  request.max_wait_ms = static_cast<std::int32_t>(plan.max_wait_ms);
  request.min_bytes = sizes.min_bytes;
  request.max_bytes = sizes.max_bytes;
  request.session_id = version >= kFirstSessionVersion ? plan.session_id : 0;
  request.session_epoch = version >= kFirstSessionVersion ? plan.session_epoch : -1;
  const base::TopicPartition* previous = nullptr;
  for (const FollowedPartition* partition : plan.named) {
    if (previous == nullptr || previous->topic != partition->id.topic) {
      auto& topic = request.topics.emplace_back();
      topic.topic = partition->id.topic;
      if (plan.by_topic_id) topic.topic_id = partition->topic_id;
    }
    previous = &partition->id;
    auto& wanted = request.topics.back().partitions.emplace_back();
    wanted.partition = partition->id.partition;
    wanted.current_leader_epoch = partition->leader_epoch.value();
    wanted.fetch_offset = partition->log.log_end.value();
    wanted.log_start_offset = partition->log.log_start.value();
    wanted.partition_max_bytes = sizes.partition_max_bytes;
    if (version >= kFirstDivergenceVersion) {
      wanted.last_fetched_epoch = partition->log.latest_epoch.value();
    }
  }
  if (version < kFirstSessionVersion) return request;
  for (const FetchPlan::Forgotten& forgotten : plan.forgotten) {
    auto& topic = request.forgotten_topics_data.emplace_back();
    topic.topic = forgotten.id.topic;
    if (plan.by_topic_id) topic.topic_id = forgotten.topic_id;
    topic.partitions.push_back(forgotten.id.partition);
  }
  return request;
}

protocol::OffsetForLeaderEpochRequest epoch_request(const std::vector<Question>& questions,
                                                    const FollowerId& follower) {
  using Topic = protocol::OffsetForLeaderEpochRequest::OffsetForLeaderTopic;
  protocol::OffsetForLeaderEpochRequest request;
  request.replica_id = follower.id.value();
  for (const Question& question : questions) {
    auto& wanted = topic_for(request.topics, question.id, &Topic::topic).partitions.emplace_back();
    wanted.partition = question.id.partition;
    wanted.current_leader_epoch = question.leader_epoch.value();
    wanted.leader_epoch = question.asked_epoch.value();
  }
  return request;
}

protocol::ListOffsetsRequest range_request(const std::vector<Question>& questions,
                                           const FollowerId& follower, std::int64_t timestamp) {
  using Topic = protocol::ListOffsetsRequest::ListOffsetsTopic;
  protocol::ListOffsetsRequest request;
  request.replica_id = follower.id.value();
  for (const Question& question : questions) {
    auto& wanted = topic_for(request.topics, question.id, &Topic::name).partitions.emplace_back();
    wanted.partition_index = question.id.partition;
    wanted.current_leader_epoch = question.leader_epoch.value();
    wanted.timestamp = timestamp;
  }
  return request;
}

}  // namespace replication::follower
