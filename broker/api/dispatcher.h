// Purpose: the table from API key to handler, and with it the list of APIs that the broker
// advertises.
//
// A key that nobody serves or a version out of range closes the connection, except ApiVersions in a
// version we do not know, which its handler answers so that the client can step down (KIP-511).
// Source: ApiVersionManager, RequestContext.parseRequest, KafkaApis.handle.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "broker/api/api_handler.h"
#include "protocol/api_key.h"

namespace api {

struct AdvertisedApi {
  protocol::ApiKey key;
  std::int16_t min_version;
  std::int16_t max_version;
};

// Filled before the server accepts, constant from then on (any thread).
class Dispatcher final : public network::RequestHandler {
 public:
  // Serves `key` in all versions that protocol::find_api() knows. Each key once. The handler must
  // outlive the dispatcher.
  void add(protocol::ApiKey key, ApiHandler& handler);
  // Only up to `max_version`, for an API whose later versions are not served.
  void add(protocol::ApiKey key, ApiHandler& handler, std::int16_t max_version);

  runtime::Task<network::Reply> handle(network::RequestContext& context) override;

  // By ascending key.
  const std::vector<AdvertisedApi>& advertised() const { return advertised_; }

 private:
  static constexpr std::size_t kKeyCount = 128;
  struct Entry {
    ApiHandler* handler = nullptr;
    std::int16_t min_version = 0;
    std::int16_t max_version = -1;
  };
  static runtime::Task<network::Reply> refuse(network::RequestContext& context, const char* reason);

  std::array<Entry, kKeyCount> entries_;
  std::vector<AdvertisedApi> advertised_;
};

}  // namespace api
