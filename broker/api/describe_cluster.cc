#include "broker/api/describe_cluster.h"

#include <string>

#include "broker/api/operations.h"
#include "protocol/error_code.h"
#include "protocol/gen/describe_cluster.h"

namespace api {
namespace {

constexpr std::int8_t kBrokers = 1;
constexpr std::int8_t kControllers = 2;  // exist in KRaft mode only

}  // namespace

runtime::Task<network::Reply> DescribeClusterApi::handle(network::RequestContext& context,
                                                         std::int16_t version) {
  using protocol::ErrorCode;
  const auto request = decode_request<protocol::DescribeClusterRequest>(context);
  if (!request) co_return network::close_reply();
  protocol::DescribeClusterResponse response;
  if (version >= 1 && request->endpoint_type != kBrokers) {
    const ErrorCode code = request->endpoint_type == kControllers
                               ? ErrorCode::kMismatchedEndpointType
                               : ErrorCode::kUnsupportedEndpointType;
    response.error_code = protocol::to_wire(code);
    response.error_message =
        code == ErrorCode::kMismatchedEndpointType
            ? "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of "
              "type CONTROLLER"
            : "Unsupported endpoint type " + std::to_string(request->endpoint_type);
    co_return network::reply(context, response);
  }
  const auto snapshot = metadata_.snapshot();
  response.cluster_id = cluster_id_;
  const std::int32_t controller = snapshot->controller_id.value_or(-1);
  for (const auto& [id, broker] : *snapshot->brokers) {
    const auto* endpoint = broker.find_endpoint(context.listener->name);
    if (endpoint == nullptr) continue;
    auto& node = response.brokers.emplace_back();
    node.broker_id = id;
    node.host = endpoint->host;
    node.port = endpoint->port;
    node.rack = broker.rack;
    if (id == controller) response.controller_id = controller;
  }
  if (request->include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kAllClusterOperations;
  }
  co_return network::reply(context, response);
}

}  // namespace api
