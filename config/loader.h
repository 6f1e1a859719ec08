// Purpose: what the parts of load() share: the entries, their parsed values, the findings.
// Internal to config/.
#pragma once

#include <fmt/core.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "config/broker_values.h"
#include "config/properties.h"
#include "config/server_config.h"

namespace config {

struct Loader {
  const Properties& properties;
  LoadReport& report;
  BrokerValues values;
  // "listener.name.<l>." entries that parsed, by full name.
  std::map<std::string, Value, std::less<>> listener_values;
  bool must_find_no_acl = false;  // of SecurityConfig

  // An error line about `key`: "server.properties:3: num.partitions=0: must be …". A password's
  // value is not shown.
  void fault(std::string_view key, std::string_view rule);
  // The same form as a warning.
  void warn(std::string_view key, std::string_view message);
  bool failed() const { return !report.errors.empty(); }

 private:
  std::string line(std::string_view key, std::string_view message) const;
};

// Parses every entry: types, ranges, unknown keys, comments behind values, keys not built.
void read_entries(Loader& loader);
// The rules between keys (config that parses but cannot work). Needs read_entries().
void check_rules(Loader& loader, const ServerConfig& config);
// Fills config.network's listeners; faults for what is wrong with them.
void build_listeners(Loader& loader, NetworkConfig& network);

}  // namespace config
