#include "broker/api/find_coordinator.h"

#include "base/log.h"
#include "broker/cluster/topic_name.h"
#include "protocol/gen/find_coordinator.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;

enum KeyType : std::int8_t { kGroup = 0, kTransaction = 1, kShare = 2 };

constexpr std::int16_t kFirstBatched = 4;
constexpr std::int16_t kFirstWithShare = 6;

constexpr std::int64_t kWarnIntervalMs = 1000;

// Not a retriable code: a producer would ask until its max.block.ms is over.
constexpr ErrorCode kNoTransactions = ErrorCode::kUnsupportedVersion;
constexpr std::string_view kNoTransactionsText =
    "Transactions are not available in this version of the broker: leave transactional.id unset.";

void warn_no_transactions(const network::RequestContext& context, std::string_view id) {
  LOG_WARN_EVERY(kWarnIntervalMs,
                 "transactions are not available in this version, a producer asks for them "
                 "transactional.id=\"{}\" client=\"{}\" peer={}",
                 id, context.header.client_id.value_or(""), context.connection->peer.to_string());
}

}  // namespace

runtime::Task<FindCoordinatorApi::Found> FindCoordinatorApi::prepare(std::int8_t key_type,
                                                                     std::int16_t version) {
  Found found;
  if (key_type == kTransaction) {
    found.error = kNoTransactions;
    found.message = kNoTransactionsText;
    co_return found;
  }
  if (key_type == kShare) {  // needs a KRaft cluster
    if (version < kFirstWithShare) found.error = ErrorCode::kInvalidRequest;
    co_return found;
  }
  if (key_type != kGroup) {
    found.error = ErrorCode::kInvalidRequest;
    found.message = protocol::message(found.error);
    co_return found;
  }
  const auto snapshot = metadata_.snapshot();
  if (snapshot->find_topic(cluster::kGroupMetadataTopic) != nullptr) {
    found.error = ErrorCode::kNone;
    co_return found;
  }
  // Without live brokers the controller has not told us anything yet, this topic included.
  if (!snapshot->brokers->empty()) {
    (void)auto_create_.create(std::string(cluster::kGroupMetadataTopic));
  }
  co_return found;
}

FindCoordinatorApi::Found FindCoordinatorApi::find(const cluster::MetadataSnapshot& snapshot,
                                                   const std::string& listener,
                                                   const std::string& key) const {
  Found found;
  const auto* partition =
      snapshot.find(cluster::kGroupMetadataTopic, coordinator_.partition_for(key));
  const auto* leader = partition == nullptr ? nullptr : snapshot.find_broker(partition->leader);
  const auto* endpoint = leader == nullptr ? nullptr : leader->find_endpoint(listener);
  if (endpoint == nullptr) return found;
  found.error = ErrorCode::kNone;
  found.node_id = leader->id;
  found.host = endpoint->host;
  found.port = endpoint->port;
  return found;
}

runtime::Task<network::Reply> FindCoordinatorApi::handle(network::RequestContext& context,
                                                         std::int16_t version) {
  const auto request = decode_request<protocol::FindCoordinatorRequest>(context);
  if (!request) co_return network::close_reply();
  const std::string& listener = context.listener->name;
  if (request->key_type == kTransaction) {
    warn_no_transactions(context, !request->key.empty() || request->coordinator_keys.empty()
                                      ? request->key
                                      : request->coordinator_keys.front());
  }
  const Found unprepared = co_await prepare(request->key_type, version);
  const bool is_prepared = unprepared.error == ErrorCode::kNone;
  const auto snapshot = metadata_.snapshot();
  protocol::FindCoordinatorResponse response;
  if (version < kFirstBatched) {
    const Found found = is_prepared ? find(*snapshot, listener, request->key) : unprepared;
    response.error_code = protocol::to_wire(found.error);
    response.error_message = found.error == ErrorCode::kNone ? protocol::name(found.error)
                             : found.message.empty()         ? protocol::message(found.error)
                                                             : found.message;
    response.node_id = found.node_id;
    response.host = found.host;
    response.port = found.port;
    co_return network::reply(context, response);
  }
  runtime::TurnBudget turn;
  response.coordinators.reserve(request->coordinator_keys.size());
  for (const std::string& key : request->coordinator_keys) {
    if (turn.is_spent()) co_await turn.yield();
    const Found found = is_prepared ? find(*snapshot, listener, key) : unprepared;
    auto& coordinator = response.coordinators.emplace_back();
    coordinator.key = key;
    coordinator.error_code = protocol::to_wire(found.error);
    coordinator.error_message = found.message;
    coordinator.node_id = found.node_id;
    coordinator.host = found.host;
    coordinator.port = found.port;
  }
  co_return network::reply(context, response);
}

}  // namespace api
