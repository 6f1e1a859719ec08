#include "broker/api/controller_requests.h"

#include "base/log.h"
#include "broker/api/control_checks.h"
#include "protocol/gen/update_metadata.h"
#include "protocol/sentinels.h"

namespace api {
namespace {

using protocol::ErrorCode;

bool is_stale(std::int64_t request_epoch, const OwnBrokerEpoch& own_epoch) {
  if (request_epoch == protocol::kNoBrokerEpoch) return false;
  const std::optional<base::BrokerEpoch> own = own_epoch();
  return own && base::BrokerEpoch(request_epoch) < *own;
}

template <class Response>
network::Reply refuse(const network::RequestContext& context, ErrorCode code) {
  Response response;
  response.error_code = protocol::to_wire(code);
  return network::reply(context, response);
}

}  // namespace

runtime::Task<network::Reply> LeaderAndIsrApi::handle(network::RequestContext& context,
                                                      std::int16_t version) {
  auto request = decode_request<protocol::LeaderAndIsrRequest>(context);
  if (!request) co_return network::close_reply();
  if (is_stale(request->broker_epoch, own_epoch_)) {
    co_return refuse<protocol::LeaderAndIsrResponse>(context, ErrorCode::kStaleBrokerEpoch);
  }
  const auto refused = take_invalid(*request);
  std::vector<std::string> topics;
  for (const auto& topic : request->topic_states) topics.push_back(topic.topic_name);
  for (const auto& partition : request->ungrouped_partition_states) {
    if (topics.empty() || topics.back() != partition.topic_name) {
      topics.push_back(partition.topic_name);
    }
  }
  co_await prepare_(std::move(topics));
  auto shared = std::make_shared<const protocol::LeaderAndIsrRequest>(std::move(*request));
  auto response = co_await control_.apply(shared);
  if (response.error_code == 0) add_refused(refused, response);
  if (version >= 5) {
    response.partition_errors.clear();
  } else {
    response.topics.clear();
  }
  co_return network::reply(context, response);
}

runtime::Task<network::Reply> StopReplicaApi::handle(network::RequestContext& context,
                                                     std::int16_t) {
  auto request = decode_request<protocol::StopReplicaRequest>(context);
  if (!request) co_return network::close_reply();
  if (is_stale(request->broker_epoch, own_epoch_)) {
    co_return refuse<protocol::StopReplicaResponse>(context, ErrorCode::kStaleBrokerEpoch);
  }
  const auto refused = take_invalid(*request);
  auto shared = std::make_shared<const protocol::StopReplicaRequest>(std::move(*request));
  auto response = co_await control_.apply(shared);
  if (response.error_code == 0) add_refused(refused, response);
  co_return network::reply(context, response);
}

runtime::Task<network::Reply> UpdateMetadataApi::handle(network::RequestContext& context,
                                                        std::int16_t) {
  auto request = decode_request<protocol::UpdateMetadataRequest>(context);
  if (!request) co_return network::close_reply();
  if (is_stale(request->broker_epoch, own_epoch_)) {
    co_return refuse<protocol::UpdateMetadataResponse>(context, ErrorCode::kStaleBrokerEpoch);
  }
  drop_invalid(*request);
  // On the worker with the other orders, also because ten thousand partitions take their time.
  auto shared = std::make_shared<const protocol::UpdateMetadataRequest>(std::move(*request));
  auto deleted = std::make_shared<std::vector<base::TopicPartition>>();
  const bool is_accepted = co_await control_.apply_metadata(
      shared->controller_epoch,
      [&metadata = metadata_, shared, deleted] { *deleted = metadata.apply(*shared); });
  if (!is_accepted) {
    co_return refuse<protocol::UpdateMetadataResponse>(context, ErrorCode::kStaleControllerEpoch);
  }
  if (!deleted->empty()) on_deleted_(std::move(*deleted));
  co_return network::reply(context, protocol::UpdateMetadataResponse{});
}

}  // namespace api
