#include "broker/api/create_topics.h"

#include <map>

#include "broker/cluster/topic_name.h"
#include "protocol/gen/create_topics.h"
#include "protocol/sentinels.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using Creatable = protocol::CreateTopicsRequest::CreatableTopic;
using Result = protocol::CreateTopicsResponse::CreatableTopicResult;

cluster::NewTopic new_topic(const Creatable& wanted, bool validate_only) {
  cluster::NewTopic topic;
  topic.name = wanted.name;
  if (wanted.num_partitions != protocol::kNoCount) topic.partitions = wanted.num_partitions;
  if (wanted.replication_factor != protocol::kNoCount) {
    topic.replication_factor = wanted.replication_factor;
  }
  for (const auto& assignment : wanted.assignments) {
    topic.assignment[assignment.partition_index] = assignment.broker_ids;
  }
  for (const auto& config : wanted.configs) topic.configs.emplace_back(config.name, config.value);
  topic.validate_only = validate_only;
  return topic;
}

void set_error(Result& result, ErrorCode code, std::optional<std::string> message) {
  result.error_code = protocol::to_wire(code);
  result.error_message = std::move(message);
  result.num_partitions = protocol::kNoCount;
  result.replication_factor = protocol::kNoCount;
  result.configs.emplace();  // not null, which would say that they may not be described
}

// What is wrong with the entry as such, before anything is looked up.
std::optional<std::string> malformed(const Creatable& wanted) {
  std::map<std::int32_t, int> indexes;
  for (const auto& assignment : wanted.assignments) {
    if (++indexes[assignment.partition_index] > 1) return "A partition is assigned twice.";
  }
  return std::nullopt;
}

void fill(Result& result, const cluster::TopicOutcome& outcome,
          const config::BrokerSources& sources) {
  result.error_message.reset();
  result.topic_id = outcome.topic_id;
  result.num_partitions = outcome.partitions;
  result.replication_factor = outcome.replication_factor;
  auto& configs = result.configs.emplace();
  for (const auto& entry : config::describe_topic(outcome.configs, sources)) {
    auto& shown = configs.emplace_back();
    shown.name = entry.name;
    shown.value = entry.value;
    shown.read_only = entry.is_read_only;
    shown.config_source = static_cast<std::int8_t>(entry.source);
    shown.is_sensitive = entry.is_sensitive;
  }
}

using Outcomes = base::Result<std::vector<cluster::TopicOutcome>>;

// Writes each outcome to its place in the response; answers which topics were created.
runtime::Task<std::vector<AwaitedTopic>> take_outcomes(const Outcomes* outcomes,
                                                       const std::vector<std::size_t>* places,
                                                       config::BrokerSources sources,
                                                       protocol::CreateTopicsResponse* response) {
  std::vector<AwaitedTopic> created;
  runtime::TurnBudget turn;
  for (std::size_t i = 0; i < places->size(); ++i) {
    if (turn.is_spent()) co_await turn.yield();
    Result& result = response->topics[(*places)[i]];
    if (!*outcomes) {
      set_error(result, ErrorCode::kNotController, outcomes->error().to_string());
      continue;
    }
    const cluster::TopicOutcome& outcome = (**outcomes)[i];
    if (!outcome.ok()) {
      set_error(result, outcome.error, outcome.message);
      continue;
    }
    fill(result, outcome, sources);
    created.push_back({(*places)[i], result.name, outcome.partitions});
  }
  co_return created;
}

}  // namespace

runtime::Task<network::Reply> CreateTopicsApi::handle(network::RequestContext& context,
                                                      std::int16_t) {
  const auto request = decode_request<protocol::CreateTopicsRequest>(context);
  if (!request) co_return network::close_reply();
  const std::int64_t deadline_ms = runtime::Loop::current()->now_ms() + request->timeout_ms;
  std::map<std::string, int> times_named;
  runtime::TurnBudget turn;
  for (const auto& wanted : request->topics) {
    if (turn.is_spent()) co_await turn.yield();
    ++times_named[wanted.name];
  }

  protocol::CreateTopicsResponse response;
  std::vector<cluster::NewTopic> topics;
  std::vector<std::size_t> places;  // of their results
  for (const auto& wanted : request->topics) {
    if (turn.is_spent()) co_await turn.yield();
    Result& result = response.topics.emplace_back();
    result.name = wanted.name;
    if (!admin_.is_controller()) {
      set_error(result, ErrorCode::kNotController, "");
      continue;
    }
    if (wanted.name == cluster::kClusterMetadataTopic) {
      set_error(result, ErrorCode::kInvalidRequest,
                "Creation of internal topic __cluster_metadata is prohibited.");
      continue;
    }
    if (times_named[wanted.name] > 1) {
      set_error(result, ErrorCode::kInvalidRequest, "Found multiple entries for this topic.");
      continue;
    }
    if (auto fault = malformed(wanted)) {
      set_error(result, ErrorCode::kInvalidReplicaAssignment, std::move(*fault));
      continue;
    }
    topics.push_back(new_topic(wanted, request->validate_only));
    places.push_back(response.topics.size() - 1);
  }
  const Outcomes outcomes = co_await runtime::call_on(
      admin_.control_scope, [admin = &admin_.admin, topics = std::move(topics)]() mutable {
        return admin->create_topics(std::move(topics));
      });
  auto created = co_await take_outcomes(&outcomes, &places, sources_(), &response);
  if (request->validate_only) created.clear();
  const auto missing = co_await without_leaders(admin_.metadata, std::move(created),
                                                request->timeout_ms, deadline_ms, context.cancel);
  for (const std::size_t index : missing) {
    set_error(response.topics[index], ErrorCode::kRequestTimedOut, std::nullopt);
  }
  co_return network::reply(context, response);
}

}  // namespace api
