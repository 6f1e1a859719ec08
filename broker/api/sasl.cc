#include "broker/api/sasl.h"

#include "base/log.h"
#include "protocol/error_code.h"
#include "protocol/gen/sasl_authenticate.h"
#include "protocol/gen/sasl_handshake.h"

namespace api {
namespace {

using protocol::ErrorCode;

constexpr std::int64_t kWarnIntervalMs = 1000;

}  // namespace

runtime::Task<network::Reply> SaslHandshakeApi::handle(network::RequestContext& context,
                                                       std::int16_t) {
  const auto request = decode_request<protocol::SaslHandshakeRequest>(context);
  if (!request) co_return network::close_reply();
  LOG_WARN_EVERY(kWarnIntervalMs,
                 "a client wants SASL on a listener without it: set its security.protocol to "
                 "PLAINTEXT peer={} listener={} client=\"{}\"",
                 context.connection->peer.to_string(), context.listener->name,
                 context.header.client_id.value_or(""));
  protocol::SaslHandshakeResponse response;
  response.error_code = protocol::to_wire(ErrorCode::kIllegalSaslState);
  co_return network::reply(context, response);
}

runtime::Task<network::Reply> SaslAuthenticateApi::handle(network::RequestContext& context,
                                                          std::int16_t) {
  const auto request = decode_request<protocol::SaslAuthenticateRequest>(context);
  if (!request) co_return network::close_reply();
  protocol::SaslAuthenticateResponse response;
  response.error_code = protocol::to_wire(ErrorCode::kIllegalSaslState);
  response.error_message = "SaslAuthenticate request received after successful authentication";
  co_return network::reply(context, response);
}

}  // namespace api
