// Purpose: the JSON of /brokers/ids/N, a broker's registration.
// Source: BrokerIdZNode in ZkData.scala (3.9); versions 1 to 5, unknown ones are read as 5.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/inter_broker_protocol.h"
#include "config/listeners.h"

namespace cluster {

struct FeatureRange {
  std::int16_t min_version = 0;
  std::int16_t max_version = 0;
  friend bool operator==(const FeatureRange&, const FeatureRange&) = default;
};

struct BrokerInfo {
  std::int32_t id = -1;  // the node's name, not in the JSON
  std::vector<config::Listener> endpoints;
  std::optional<std::string> rack;
  std::int32_t jmx_port = -1;  // -1: off
  std::int64_t timestamp_ms = 0;
  std::map<std::string, FeatureRange, std::less<>> features;
  std::int32_t version = 0;  // as read; encoding picks its own

  const config::Listener* find_endpoint(std::string_view listener) const;
  friend bool operator==(const BrokerInfo&, const BrokerInfo&) = default;
};

// The JSON version follows the inter-broker protocol.
std::string encode_broker_info(const BrokerInfo& broker, config::InterBrokerProtocol protocol);
// Errors: Errc::corrupt.
base::Result<BrokerInfo> decode_broker_info(std::int32_t id, std::string_view json);

}  // namespace cluster
