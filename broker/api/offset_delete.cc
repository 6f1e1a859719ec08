#include "protocol/gen/offset_delete.h"

#include "broker/api/group_offsets.h"
#include "broker/cluster/topic_name.h"
#include "runtime/turn_budget.h"

namespace api {

using protocol::ErrorCode;

runtime::Task<network::Reply> OffsetDeleteApi::handle(network::RequestContext& context,
                                                      std::int16_t) {
  const auto request = decode_request<protocol::OffsetDeleteRequest>(context);
  if (!request) co_return network::close_reply();
  const auto snapshot = metadata_.snapshot();
  protocol::OffsetDeleteResponse response;
  if (snapshot->find_topic(cluster::kGroupMetadataTopic) == nullptr) {
    // Nobody's coordinator yet: which topics there are is not known either.
    response.error_code = protocol::to_wire(ErrorCode::kNotCoordinator);
    co_return network::reply(context, response);
  }
  std::vector<base::TopicPartition> partitions;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of `partitions`, in the response
  runtime::TurnBudget turn;
  for (const auto& topic : request->topics) {
    if (turn.is_spent()) co_await turn.yield();
    auto& answers = response.topics.emplace_back();
    answers.name = topic.name;
    for (const auto& partition : topic.partitions) {
      if (turn.is_spent()) co_await turn.yield();
      auto& answer = answers.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (snapshot->find(topic.name, partition.partition_index) == nullptr) {
        answer.error_code = protocol::to_wire(ErrorCode::kUnknownTopicOrPartition);
        continue;
      }
      places.emplace_back(response.topics.size() - 1, answers.partitions.size() - 1);
      partitions.push_back({topic.name, partition.partition_index});
    }
  }
  const auto deleted = co_await coordinator_.delete_offsets(request->group_id,
                                                            std::move(partitions), context.cancel);
  if (deleted.error != ErrorCode::kNone) {
    response.topics.clear();
    response.error_code = protocol::to_wire(deleted.error);
    co_return network::reply(context, response);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto [topic, partition] = places[i];
    response.topics[topic].partitions[partition].error_code =
        protocol::to_wire(deleted.partitions[i]);
  }
  co_return network::reply(context, response);
}

}  // namespace api
