#include "broker/api/api_versions.h"

#include <algorithm>

#include "protocol/error_code.h"
#include "protocol/gen/api_versions.h"

namespace api {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::int16_t code(protocol::ErrorCode error) { return static_cast<std::int16_t>(error); }

protocol::ApiVersionsResponse::ApiVersion entry_of(const AdvertisedApi& api) {
  protocol::ApiVersionsResponse::ApiVersion entry;
  entry.api_key = static_cast<std::int16_t>(api.key);
  entry.min_version = api.min_version;
  entry.max_version = api.max_version;
  return entry;
}

network::Reply step_down(const network::RequestContext& context, const Dispatcher& dispatcher) {
  protocol::ApiVersionsResponse response;
  response.error_code = code(protocol::ErrorCode::kUnsupportedVersion);
  for (const AdvertisedApi& api : dispatcher.advertised()) {
    if (api.key == protocol::ApiKey::kApiVersions) response.api_keys.push_back(entry_of(api));
  }
  return {network::encode_response(context.header, response, 0), std::nullopt};
}

}  // namespace

bool is_valid_software_name(std::string_view name) {
  return !name.empty() && is_alphanumeric(name.front()) && is_alphanumeric(name.back()) &&
         std::ranges::all_of(name,
                             [](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

runtime::Task<network::Reply> ApiVersionsApi::handle(network::RequestContext& context,
                                                     std::int16_t version) {
  using Request = protocol::ApiVersionsRequest;
  if (version < Request::kMinVersion || version > Request::kMaxVersion) {
    co_return step_down(context, dispatcher_);
  }
  const auto request = decode_request<Request>(context);
  if (!request) co_return network::close_reply();
  protocol::ApiVersionsResponse response;
  if (version >= 3) {
    if (!is_valid_software_name(request->client_software_name) ||
        !is_valid_software_name(request->client_software_version)) {
      response.error_code = code(protocol::ErrorCode::kInvalidRequest);
      co_return network::reply(context, response);
    }
    context.connection->client_software_name = request->client_software_name;
    context.connection->client_software_version = request->client_software_version;
  }
  response.api_keys.reserve(dispatcher_.advertised().size());
  for (const AdvertisedApi& api : dispatcher_.advertised()) {
    response.api_keys.push_back(entry_of(api));
  }
  if (const auto epoch = finalized_epoch_()) response.finalized_features_epoch = *epoch;
  co_return network::reply(context, response);
}

}  // namespace api
