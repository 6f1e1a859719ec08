// Purpose: what DescribeConfigs shows of topics and of a broker. Pure functions on plain values;
// the api room turns entries into the response. Source: ConfigHelper.scala (3.9).
//
// A source holds texts as they were written; passwords of the dynamic levels decoded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_table.h"
#include "config/properties.h"

namespace config {

// The numbers are those of DescribeConfigs v1+.
enum class ConfigSource : std::int8_t {
  topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  built_in = 5,
};

struct ConfigSynonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source = ConfigSource::built_in;
  friend bool operator==(const ConfigSynonym&, const ConfigSynonym&) = default;
};

struct ConfigEntry {
  std::string name;
  std::optional<std::string> value;  // nullopt: null, and always for sensitive ones
  ConfigSource source = ConfigSource::built_in;
  std::int8_t type = 0;  // KeyType, or 0 for unknown
  bool is_read_only = false;
  bool is_sensitive = false;
  std::string_view documentation;  // empty: none
  std::vector<ConfigSynonym> synonyms;
};

// Where a broker's values come from, strongest first.
struct BrokerSources {
  ConfigMap dynamic_broker;   // /config/brokers/<id>
  ConfigMap dynamic_default;  // /config/brokers/<default>
  ConfigMap file;             // Properties::to_map() of server.properties and --override
};

// Entries sorted by name.
std::vector<ConfigEntry> describe_topic(const ConfigMap& overrides, const BrokerSources& broker);
std::vector<ConfigEntry> describe_broker(const BrokerSources& broker);
// The empty broker name: what /config/brokers/<default> has.
std::vector<ConfigEntry> describe_default_broker(const BrokerSources& broker);

}  // namespace config
