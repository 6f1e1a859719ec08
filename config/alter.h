// Purpose: what AlterConfigs and IncrementalAlterConfigs make of the stored config of a topic or a
// broker. Pure: the caller reads the map before and writes the one that comes back.
// Source: ConfigAdminManager.scala, ZkAdminManager.scala, DynamicBrokerConfig.scala (3.9).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/properties.h"
#include "config/topic_config.h"

namespace config {

// As in IncrementalAlterConfigs.
enum class AlterOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct ConfigChange {
  std::string name;
  std::optional<std::string> value;
  std::int8_t operation = 0;  // AlterOperation as it came; AlterConfigs has `set` alone
};

// The api room maps these to Kafka's codes of the same names.
enum class AlterFault : std::uint8_t { invalid_request, invalid_config, unknown_server_error };

struct AlterError {
  AlterFault fault = AlterFault::invalid_request;
  std::string message;
};

using AlterResult = std::expected<ConfigMap, AlterError>;

// `current` is what /config/topics/<T> has. Whether the topic exists is the caller's to check.
AlterResult alter_topic_incrementally(std::string_view topic, const ConfigMap& current,
                                      const std::vector<ConfigChange>& changes,
                                      const TopicConfig& broker_defaults);
// AlterConfigs: the given entries are all that is left.
AlterResult replace_topic_configs(std::string_view topic, const std::vector<ConfigChange>& entries,
                                  const TopicConfig& broker_defaults);

// The dynamic levels of a broker; `file` is server.properties with overrides.
struct BrokerLevels {
  const Properties& file;
  const ConfigMap& dynamic_default;
  const ConfigMap& dynamic_broker;
};

// The map that comes back belongs to /config/brokers/<id>, or to <default> if `is_default_level`.
AlterResult alter_broker_incrementally(const BrokerLevels& levels, bool is_default_level,
                                       const std::vector<ConfigChange>& changes);
AlterResult replace_broker_configs(const BrokerLevels& levels, bool is_default_level,
                                   const std::vector<ConfigChange>& entries);

}  // namespace config
