// Purpose: the JSON of /config/<type>/<name> and of the notifications below /config/changes.
// Source: ConfigEntityZNode, ConfigEntityChangeNotificationZNode in ZkData.scala,
// DynamicConfigManager.scala (3.9).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/properties.h"

namespace cluster {

std::string encode_config(const config::ConfigMap& config);
// Null or empty data and a document without "config" mean no overrides. Errors: Errc::corrupt.
// Values are texts; one of another type drops itself alone, and its key is added to `dropped`.
base::Result<config::ConfigMap> decode_config(std::string_view json,
                                              std::vector<std::string>* dropped = nullptr);
// What can be made of it, with a line for each thing that cannot; nothing of a document that is no
// JSON. `entity_path` is for the line.
config::ConfigMap decode_config_leniently(std::string_view json, std::string_view entity_path);

// Which entity changed: "topics/t", "brokers/1", "brokers/<default>", "users/u/clients/c".
struct ConfigNotification {
  std::string entity_path;

  // "topics" of "topics/t", and "t".
  std::string_view type() const;
  std::string_view name() const;
  friend bool operator==(const ConfigNotification&, const ConfigNotification&) = default;
};

std::string encode_config_notification(const ConfigNotification& change);  // version 2
// Versions 1 (entity_type and entity_name) and 2. Errors: Errc::corrupt, also for a path that
// cannot be the one of a znode.
base::Result<ConfigNotification> decode_config_notification(std::string_view json);

}  // namespace cluster
