#include "broker/api/delete_topics.h"

#include "protocol/gen/delete_topics.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using Result = protocol::DeleteTopicsResponse::DeletableTopicResult;

struct Wanted {
  std::optional<std::string> name;
  base::TopicId id;
};

std::vector<Wanted> wanted_topics(const protocol::DeleteTopicsRequest& request,
                                  std::int16_t version) {
  std::vector<Wanted> wanted;
  if (version < 6) {
    for (const auto& name : request.topic_names) wanted.push_back({name, {}});
  } else {
    for (const auto& topic : request.topics) wanted.push_back({topic.name, topic.topic_id});
  }
  return wanted;
}

// The code says it all: Kafka fills error_message for a forbidden deletion only.
void set_error(Result& result, ErrorCode code) { result.error_code = protocol::to_wire(code); }

// Writes what was refused to its place in the response; answers the places of the others.
std::vector<std::size_t> marked_of(const base::Result<std::vector<cluster::TopicOutcome>>& outcomes,
                                   const std::vector<std::size_t>& places,
                                   protocol::DeleteTopicsResponse& response) {
  std::vector<std::size_t> marked;
  for (std::size_t i = 0; i < places.size(); ++i) {
    Result& result = response.responses[places[i]];
    if (!outcomes) {
      set_error(result, ErrorCode::kNotController);
    } else if (const cluster::TopicOutcome& outcome = (*outcomes)[i]; !outcome.ok()) {
      set_error(result, outcome.error);
    } else {
      marked.push_back(places[i]);
    }
  }
  return marked;
}

}  // namespace

runtime::Task<network::Reply> DeleteTopicsApi::handle(network::RequestContext& context,
                                                      std::int16_t version) {
  const auto request = decode_request<protocol::DeleteTopicsRequest>(context);
  if (!request) co_return network::close_reply();
  const std::int64_t deadline_ms = runtime::Loop::current()->now_ms() + request->timeout_ms;
  const auto wanted = wanted_topics(*request, version);
  runtime::TurnBudget turn;

  protocol::DeleteTopicsResponse response;
  std::vector<std::string> names;
  std::vector<std::size_t> places;  // of their results
  const auto snapshot = admin_.metadata.snapshot();
  for (const Wanted& topic : wanted) {
    if (turn.is_spent()) co_await turn.yield();
    Result& result = response.responses.emplace_back();
    result.name = topic.name;
    result.topic_id = topic.id;
    if (!admin_.is_controller()) {
      set_error(result, ErrorCode::kNotController);
      continue;
    }
    if (!delete_enabled_) {
      set_error(result,
                version >= 3 ? ErrorCode::kTopicDeletionDisabled : ErrorCode::kInvalidRequest);
      continue;
    }
    if (topic.name.has_value() != topic.id.is_zero()) {
      set_error(result, ErrorCode::kInvalidRequest);
      continue;
    }
    const auto* known =
        topic.name ? snapshot->find_topic(*topic.name) : snapshot->find_topic(topic.id);
    // What ZooKeeper says counts while this broker does not know the topics yet.
    const bool may_exist = topic.name && !snapshot->knows_topics();
    if (known == nullptr && !may_exist) {
      set_error(result,
                topic.name ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kUnknownTopicId);
      continue;
    }
    if (known != nullptr) {
      result.name = known->name;
      result.topic_id = known->id;
    }
    names.push_back(*result.name);
    places.push_back(response.responses.size() - 1);
  }
  const auto outcomes = co_await runtime::call_on(
      admin_.control_scope, [admin = &admin_.admin, names = std::move(names)]() mutable {
        return admin->delete_topics(std::move(names));
      });
  for (const std::size_t index : marked_of(outcomes, places, response)) {
    Result& result = response.responses[index];
    const bool gone =
        request->timeout_ms > 0 && co_await wait_for_metadata(
                                       admin_.metadata,
                                       [name = *result.name](const cluster::MetadataSnapshot& now) {
                                         return now.find_topic(name) == nullptr;
                                       },
                                       deadline_ms, context.cancel);
    if (!gone) set_error(result, ErrorCode::kRequestTimedOut);
  }
  co_return network::reply(context, response);
}

}  // namespace api
