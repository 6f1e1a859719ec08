#include "protocol/gen/offset_fetch.h"

#include <algorithm>

#include "broker/api/answer_budget.h"
#include "broker/api/group_offsets.h"
#include "broker/cluster/topic_name.h"
#include "runtime/cross_loop.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using Request = protocol::OffsetFetchRequest;
using Response = protocol::OffsetFetchResponse;

constexpr std::int16_t kFirstWithTopLevelError = 2;
constexpr std::int16_t kFirstBatched = 8;

template <class Topics>
groups::FetchOffsetsRequest fetch_request(const std::optional<Topics>& topics,
                                          bool require_stable) {
  groups::FetchOffsetsRequest fetch;
  fetch.require_stable = require_stable;
  if (!topics) return fetch;
  auto& partitions = fetch.partitions.emplace();
  for (const auto& topic : *topics) {
    for (const std::int32_t index : topic.partition_indexes)
      partitions.push_back({topic.name, index});
  }
  return fetch;
}

// The name of a topic is kept with each of its partitions: not one that no topic can have.
template <class Topics>
bool has_overlong_name(const std::optional<Topics>& topics) {
  if (!topics) return false;
  return std::ranges::any_of(
      *topics, [](const auto& topic) { return topic.name.size() > cluster::kTopicNameBytesMax; });
}

// Into the topics of either form of response; the offsets of one topic stand together.
template <class Topic>
runtime::Task<void> add_offsets(std::vector<groups::FetchOffsetsAnswer::Offset> offsets,
                                std::vector<Topic>* topics) {
  runtime::TurnBudget turn;
  for (auto& offset : offsets) {
    if (turn.is_spent()) co_await turn.yield();
    if (topics->empty() || topics->back().name != offset.id.topic) {
      topics->emplace_back().name = offset.id.topic;
    }
    auto& partition = topics->back().partitions.emplace_back();
    partition.partition_index = offset.id.partition;
    partition.committed_offset = offset.offset;
    partition.committed_leader_epoch = offset.leader_epoch;
    partition.metadata = std::move(offset.metadata);
    partition.error_code = protocol::to_wire(offset.error);
  }
}

// Versions 0 and 1 have no other place for a group's error.
std::vector<groups::FetchOffsetsAnswer::Offset> failed_offsets(const Request& request,
                                                               ErrorCode error) {
  std::vector<groups::FetchOffsetsAnswer::Offset> offsets;
  for (const auto& topic : request.topics.value()) {
    for (const std::int32_t index : topic.partition_indexes) {
      auto& offset = offsets.emplace_back();
      offset.id = {topic.name, index};
      offset.error = error;
    }
  }
  return offsets;
}

}  // namespace

runtime::Task<groups::FetchOffsetsAnswer> OffsetFetchApi::fetch_from_zookeeper(
    std::string group_id, std::vector<base::TopicPartition> partitions) {
  groups::FetchOffsetsAnswer answer;
  for (auto& id : partitions) {
    auto& offset = answer.offsets.emplace_back();
    offset.id = id;
    const auto snapshot = metadata_.snapshot();
    offset.error = snapshot->knows_topics() ? ErrorCode::kUnknownTopicOrPartition
                                            : ErrorCode::kCoordinatorLoadInProgress;
    if (snapshot->find(id.topic, id.partition) == nullptr) continue;
    const auto read = co_await runtime::call_on(
        in_zookeeper_.control_scope,
        [store = &in_zookeeper_.store, group_id, id] { return store->read(group_id, id); });
    if (!read) {
      answer.offsets.back().error = zookeeper_error(read.error());
    } else if (*read) {
      answer.offsets.back().offset = **read;
      answer.offsets.back().error = ErrorCode::kNone;
    }
  }
  co_return answer;
}

runtime::Task<network::Reply> OffsetFetchApi::handle(network::RequestContext& context,
                                                     std::int16_t version) {
  const auto request = decode_request<Request>(context);
  if (!request) co_return network::close_reply();
  if (has_overlong_name(request->topics) ||
      std::ranges::any_of(request->groups,
                          [](const auto& group) { return has_overlong_name(group.topics); })) {
    co_return network::close_reply();
  }
  Response response;
  if (version < kFirstBatched) {
    auto fetch = fetch_request(request->topics, request->require_stable);
    groups::FetchOffsetsAnswer answer;
    if (version == 0) {
      answer = co_await fetch_from_zookeeper(request->group_id, std::move(*fetch.partitions));
    } else {
      answer =
          co_await coordinator_.fetch_offsets(request->group_id, std::move(fetch), context.cancel);
    }
    if (answer.error == ErrorCode::kNone) {
      co_await add_offsets(std::move(answer.offsets), &response.topics);
    } else if (version >= kFirstWithTopLevelError) {
      response.error_code = protocol::to_wire(answer.error);
    } else {
      co_await add_offsets(failed_offsets(*request, answer.error), &response.topics);
    }
    co_return network::reply(context, response);
  }
  runtime::TurnBudget turn;
  AnswerBudget budget;
  for (const auto& asked : request->groups) {
    if (turn.is_spent()) co_await turn.yield();
    if (budget.is_spent()) {
      auto& refused = response.groups.emplace_back();
      refused.group_id = asked.group_id;
      refused.error_code = protocol::to_wire(ErrorCode::kInvalidRequest);
      continue;
    }
    auto answer = co_await coordinator_.fetch_offsets(
        asked.group_id, fetch_request(asked.topics, request->require_stable), context.cancel);
    auto& group = response.groups.emplace_back();
    group.group_id = asked.group_id;
    group.error_code = protocol::to_wire(answer.error);
    for (const auto& offset : answer.offsets) budget.take(sizeof offset + offset.metadata.size());
    co_await add_offsets(std::move(answer.offsets), &group.topics);
  }
  co_return network::reply(context, response);
}

}  // namespace api
