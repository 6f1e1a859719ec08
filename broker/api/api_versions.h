// Purpose: ApiVersions: which APIs the broker serves in which versions, and its features.
//
// Versions 0 to 4. In a version that we do not know the body is not read and the answer is in
// version 0 with UNSUPPORTED_VERSION and our range of ApiVersions itself (KIP-511). From version 3
// on the client says what software it is; the names are checked, as they end up in metrics.
// Features are empty in ZooKeeper mode; the epoch is the version of /feature.
// Source: ApiVersionsRequest.isValid, KafkaApis.handleApiVersionsRequest.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "broker/api/dispatcher.h"

namespace api {

// [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?
bool is_valid_software_name(std::string_view name);

class ApiVersionsApi final : public ApiHandler {
 public:
  // Any thread; nullopt: unknown (inter.broker.protocol.version below 2.7, or no session yet).
  using FinalizedEpoch = std::function<std::optional<std::int64_t>()>;

  // `dispatcher` must outlive this object.
  ApiVersionsApi(const Dispatcher& dispatcher, FinalizedEpoch finalized_epoch)
      : dispatcher_(dispatcher), finalized_epoch_(std::move(finalized_epoch)) {}

  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  const Dispatcher& dispatcher_;
  const FinalizedEpoch finalized_epoch_;
};

}  // namespace api
