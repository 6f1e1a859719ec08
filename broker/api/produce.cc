#include "broker/api/produce.h"

#include <deque>

#include "base/log.h"
#include "broker/api/error_mapping.h"
#include "broker/api/partition_lookup.h"
#include "broker/cluster/topic_name.h"
#include "protocol/gen/produce.h"
#include "protocol/sentinels.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using PartitionProduceResponse =
    protocol::ProduceResponse::TopicProduceResponse::PartitionProduceResponse;

using PartitionProduce = ProduceApi::PartitionProduce;

protocol::ProduceResponse make_response(const std::vector<PartitionProduce>& produces,
                                        cluster::MetadataCache& metadata, std::int16_t version) {
  protocol::ProduceResponse response;
  for (const PartitionProduce& produce : produces) {
    if (response.responses.empty() || response.responses.back().name != produce.topic) {
      response.responses.emplace_back().name = produce.topic;
    }
    auto& answer = response.responses.back().partition_responses.emplace_back();
    answer.index = produce.index;
    if (produce.outcome) {
      const storage::AppendInfo& info = produce.outcome->info;
      answer.base_offset = info.base_offset.value();
      answer.log_append_time_ms = info.log_append_time_ms;
      answer.log_start_offset = info.log_start_offset.value();
      continue;
    }
    const ErrorCode code = to_error_code(produce.outcome.error());
    answer.error_code = protocol::to_wire(code);
    answer.base_offset = protocol::kNoOffset;
    if (version >= 8) {
      // Kafka has words for single records that break a rule, for other errors the code alone.
      if (!produce.record_errors.empty() && !produce.outcome.error().context().empty()) {
        answer.error_message = produce.outcome.error().context();
      }
      for (const storage::RecordError& error : produce.record_errors) {
        answer.record_errors.push_back({error.index, error.message});
      }
    }
    if (version >= 10 && code == ErrorCode::kNotLeaderOrFollower) {
      const auto snapshot = metadata.snapshot();
      if (const auto* known = snapshot->find(produce.topic, produce.index)) {
        answer.current_leader = {known->leader, known->leader_epoch};
      }
    }
  }
  return response;
}

bool any_failed(const std::vector<PartitionProduce>& produces) {
  for (const PartitionProduce& produce : produces) {
    if (!produce.outcome) return true;
  }
  return false;
}

// Answers when every partition that was appended is stored as the acks promise, failed, or timed
// out. All waits stand since their appends.
runtime::Task<void> answer_when_stored(std::vector<PartitionProduce> produces,
                                       protocol::RequestHeader header, ProduceApi::Promise promise,
                                       cluster::MetadataCache& metadata,
                                       runtime::Sender<network::Response> sender,
                                       runtime::CancelToken token) {
  runtime::Loop& loop = *runtime::Loop::current();
  const std::int64_t deadline_ms = loop.now_ms() + std::max(promise.timeout_ms, 0);
  const bool is_for_replicas = promise.acks == protocol::kAcksAll;
  for (PartitionProduce& produce : produces) {
    if (!produce.wait) continue;
    const std::int64_t left_ms = std::max<std::int64_t>(0, deadline_ms - loop.now_ms());
    // The request's limit is for the replicas alone.
    const auto stored = co_await produce.wait->wait(left_ms, is_for_replicas, token);
    if (!stored) produce.outcome = base::fail(stored.error());
    produce.wait.reset();
  }
  sender.complete(network::encode_response(
      header, make_response(produces, metadata, header.api_version), header.api_version));
}

// A v2 batch that says it belongs to a transaction.
bool is_transactional(base::Bytes records) {
  if (records.size() < protocol::kBatchHeaderBytes) return false;
  const protocol::RecordBatchView batch(records);
  return batch.magic() == protocol::kBatchMagic && batch.is_transactional();
}

// Whether a batch claims a transaction that the request does not name: nobody may write it.
bool is_unauthorized(const protocol::ProduceRequest& request) {
  if (request.transactional_id) return false;
  for (const auto& topic : request.topic_data) {
    for (const auto& data : topic.partition_data) {
      if (data.records && is_transactional(*data.records)) return true;
    }
  }
  return false;
}

// What can be said before the partition is looked at.
std::optional<base::Error> refuse(const protocol::ProduceRequest& request, std::string_view topic,
                                  const std::optional<protocol::RecordsView>& records,
                                  std::string_view client_id, std::int16_t version) {
  const bool is_valid = request.acks >= protocol::kAcksAll && request.acks <= 1;
  if (!is_valid) return kafka_error(ErrorCode::kInvalidRequiredAcks);
  if (cluster::is_internal_topic(topic) && client_id != "__admin_client") {
    return kafka_error(ErrorCode::kInvalidTopicException);
  }
  if (version < 3) return base::Error(storage::LogError::unsupported_message_format);
  if (!records) return base::Error(storage::LogError::invalid_record, "no records");
  // No transaction coordinator here yet, so no transaction can have been verified.
  if (request.transactional_id && is_transactional(*records)) {
    return base::Error(storage::LogError::invalid_txn_state,
                       "the partition is not part of a verified transaction");
  }
  return std::nullopt;
}

// The part of the frame that holds `records`, to be changed in place: the frame is ours alone.
base::MutableBytes mutable_records(base::Buffer& frame, base::Bytes records) {
  const auto offset = static_cast<std::size_t>(records.data() - frame.data());
  return frame.mutable_bytes().subspan(offset, records.size());
}

bool is_heavy(const storage::PartitionLog& log, const storage::AppendRequest& append) {
  return storage::is_validation_heavy(
      append.records, storage::ValidationRules::from(*log.config(), append.origin, append.now_ms));
}

}  // namespace

runtime::Task<std::vector<ProduceApi::PartitionProduce>> ProduceApi::look_up(
    const protocol::ProduceRequest& request, network::RequestContext& context,
    std::int16_t version) {
  const bool unauthorized = is_unauthorized(request);
  const std::int64_t now_ms = runtime::Loop::current()->wall_ms();
  std::size_t count = 0;
  for (const auto& topic : request.topic_data) count += topic.partition_data.size();
  std::vector<PartitionProduce> produces;
  produces.reserve(count);
  runtime::TurnBudget turn;
  for (const auto& topic : request.topic_data) {
    for (const auto& data : topic.partition_data) {
      if (turn.is_spent()) co_await turn.yield();
      PartitionProduce& produce = produces.emplace_back();
      produce.topic = topic.name;
      produce.index = data.index;
      if (unauthorized) {
        produce.outcome = fail(ErrorCode::kTransactionalIdAuthorizationFailed);
        continue;
      }
      if (auto error = refuse(request, topic.name, data.records,
                              context.header.client_id.value_or(""), version)) {
        produce.outcome = base::fail(std::move(*error));
        continue;
      }
      auto partition = find_partition(partitions_, logs_, metadata_, topic.name, data.index);
      if (!partition) {
        produce.outcome = base::fail(partition.error());
        continue;
      }
      produce.partition = std::move(*partition);
      produce.append.records = mutable_records(context.frame, *data.records);
      produce.append.now_ms = now_ms;
      produce.append.zstd_allowed = version >= 7;
    }
  }
  co_return produces;
}

runtime::Task<network::Reply> ProduceApi::handle(network::RequestContext& context,
                                                 std::int16_t version) {
  const auto decoded = decode_request<protocol::ProduceRequest>(context);
  if (!decoded) co_return network::close_reply();
  const protocol::ProduceRequest& request = *decoded;
  // A late answer keeps the name with each partition.
  for (const auto& topic : request.topic_data) {
    if (topic.name.size() > cluster::kTopicNameBytesMax) co_return network::close_reply();
  }
  std::vector<PartitionProduce> produces = co_await look_up(request, context, version);
  runtime::Loop& loop = *runtime::Loop::current();
  bool all_stored = true;
  runtime::TurnBudget turn;
  for (PartitionProduce& produce : produces) {
    if (turn.is_spent()) co_await turn.yield();
    if (!produce.outcome) continue;
    storage::PartitionLog& log = produce.partition->log();
    auto validated =
        is_heavy(log, produce.append)
            ? co_await runtime::run_on(
                  heavy_,
                  [&log, &produce] { return log.validate(produce.append, &produce.record_errors); })
            : log.validate(produce.append, &produce.record_errors);
    if (!validated) {
      produce.outcome = base::fail(validated.error());
      continue;
    }
    produce.outcome = produce.partition->append(*validated, request.acks, produce.append.now_ms);
    if (request.acks == 0 || !produce.outcome || !produce.outcome->must_wait(request.acks))
      continue;
    produce.wait.emplace(produce.partition->wait_stored(*produce.outcome, request.acks, loop));
    all_stored = false;
  }

  if (request.acks == 0) {
    // No response exists that could carry an error: the closed connection tells.
    if (!any_failed(produces)) co_return network::Reply{};
    LOG_WARN_EVERY(1000, "produce acks=0 failed, closing connection peer={} client={}",
                   context.connection->peer_host, context.client_id());
    co_return network::close_reply();
  }
  if (all_stored) {
    co_return network::reply(context, make_response(produces, metadata_, version));
  }
  co_return answer_later(std::move(produces), {request.acks, request.timeout_ms}, context);
}

// Acks of replicas or of the disk: the frame goes now, the answer comes later.
network::Reply ProduceApi::answer_later(std::vector<PartitionProduce> produces, Promise promise,
                                        network::RequestContext& context) {
  for (PartitionProduce& produce : produces) {
    produce.owned_topic = std::string(produce.topic);
    produce.topic = produce.owned_topic;
  }
  protocol::RequestHeader header = context.header;
  header.client_id.reset();
  context.release_frame();
  auto [sender, receiver] = runtime::one_shot<network::Response>(*runtime::Loop::current());
  runtime::TaskScope& scope = scopes_.current();
  scope.spawn(answer_when_stored(std::move(produces), header, promise, metadata_, std::move(sender),
                                 scope.token()));
  return network::Reply{{}, std::move(receiver)};
}

}  // namespace api
