// Purpose: the content of /controller and /controller_epoch.
// Source: ControllerZNode and ControllerEpochZNode in ZkData.scala (3.9).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cluster {

struct ControllerInfo {
  std::int32_t broker_id = -1;
  std::int64_t timestamp_ms = 0;
  // Above 0: a KRaft controller owns the cluster's metadata and ZooKeeper-mode brokers must not
  // write configs.
  std::int32_t kraft_controller_epoch = -1;
  friend bool operator==(const ControllerInfo&, const ControllerInfo&) = default;
};

std::string encode_controller_info(const ControllerInfo& controller);
// Errors: Errc::corrupt.
base::Result<ControllerInfo> decode_controller_info(std::string_view json);

// Plain decimal text.
std::string encode_controller_epoch(std::int32_t epoch);
base::Result<std::int32_t> decode_controller_epoch(std::string_view text);

}  // namespace cluster
