// Purpose: the JSON of /config/<type>/<name> and of the notifications below /config/changes.
// Source: ConfigEntityZNode, ConfigEntityChangeNotificationZNode in ZkData.scala,
// DynamicConfigManager.scala (3.9).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/properties.h"

namespace cluster {

std::string encode_config(const config::ConfigMap& config);
// Null or empty data and a document without "config" mean no overrides. Errors: Errc::corrupt.
base::Result<config::ConfigMap> decode_config(std::string_view json);

// Which entity changed: "topics/t", "brokers/1", "brokers/<default>", "users/u/clients/c".
struct ConfigChange {
  std::string entity_path;

  // "topics" of "topics/t", and "t".
  std::string_view type() const;
  std::string_view name() const;
  friend bool operator==(const ConfigChange&, const ConfigChange&) = default;
};

std::string encode_config_change(const ConfigChange& change);  // version 2
// Versions 1 (entity_type and entity_name) and 2. Errors: Errc::corrupt.
base::Result<ConfigChange> decode_config_change(std::string_view json);

}  // namespace cluster
