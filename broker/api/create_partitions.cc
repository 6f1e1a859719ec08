#include "broker/api/create_partitions.h"

#include <map>
#include <set>

#include "protocol/gen/create_partitions.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using Wanted = protocol::CreatePartitionsRequest::CreatePartitionsTopic;
using Result = protocol::CreatePartitionsResponse::CreatePartitionsTopicResult;

cluster::MorePartitions more_partitions(const Wanted& wanted, bool validate_only) {
  cluster::MorePartitions more;
  more.name = wanted.name;
  more.count = wanted.count;
  if (wanted.assignments) {
    auto& assignment = more.assignment.emplace();
    for (const auto& replicas : *wanted.assignments) assignment.push_back(replicas.broker_ids);
  }
  more.validate_only = validate_only;
  return more;
}

void set_error(Result& result, ErrorCode code, std::optional<std::string> message) {
  result.error_code = protocol::to_wire(code);
  result.error_message = std::move(message);
}

}  // namespace

runtime::Task<network::Reply> CreatePartitionsApi::handle(network::RequestContext& context,
                                                          std::int16_t) {
  const auto request = decode_request<protocol::CreatePartitionsRequest>(context);
  if (!request) co_return network::close_reply();
  const std::int64_t deadline_ms = runtime::Loop::current()->now_ms() + request->timeout_ms;
  std::map<std::string, int> times_named;
  runtime::TurnBudget turn;
  for (const auto& wanted : request->topics) {
    if (turn.is_spent()) co_await turn.yield();
    ++times_named[wanted.name];
  }

  protocol::CreatePartitionsResponse response;
  std::vector<AwaitedTopic> grown;
  std::set<std::string_view> answered;
  for (const auto& wanted : request->topics) {
    if (!answered.insert(wanted.name).second) continue;  // one answer for all of a name
    if (turn.is_spent()) co_await turn.yield();
    Result& result = response.results.emplace_back();
    result.name = wanted.name;
    if (!admin_.is_controller()) {
      set_error(result, ErrorCode::kNotController, std::nullopt);
      continue;
    }
    if (times_named[wanted.name] > 1) {
      set_error(result, ErrorCode::kInvalidRequest, "Duplicate topic in request.");
      continue;
    }
    const auto outcome = co_await runtime::call_on(
        admin_.control_scope,
        [admin = &admin_.admin, more = more_partitions(wanted, request->validate_only)] {
          return admin->add_partitions(more);
        });
    if (!outcome) {
      set_error(result, ErrorCode::kNotController, outcome.error().to_string());
    } else if (!outcome->ok()) {
      set_error(result, outcome->error, outcome->message);
    } else if (!request->validate_only) {
      grown.push_back({response.results.size() - 1, wanted.name, wanted.count});
    }
  }
  const auto missing = co_await without_leaders(admin_.metadata, std::move(grown),
                                                request->timeout_ms, deadline_ms, context.cancel);
  for (const std::size_t index : missing) {
    set_error(response.results[index], ErrorCode::kRequestTimedOut, std::nullopt);
  }
  co_return network::reply(context, response);
}

}  // namespace api
