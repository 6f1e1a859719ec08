// Purpose: SaslHandshake (17) and SaslAuthenticate (36) on a listener without SASL. They are
// advertised on every listener, and a client that meant another security protocol learns from the
// answer at once that it is talking to the wrong port.
// Source: KafkaApis.handleSaslHandshakeRequest, handleSaslAuthenticateRequest.
#pragma once

#include "broker/api/api_handler.h"

namespace api {

class SaslHandshakeApi final : public ApiHandler {
 public:
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;
};

class SaslAuthenticateApi final : public ApiHandler {
 public:
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;
};

}  // namespace api
