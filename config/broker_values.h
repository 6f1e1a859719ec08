// Purpose: the parsed value of every broker key, before it becomes a ServerConfig.
// A plain value; what is asked for by a name or type that the key table does not have is a
// programmer's error and ends the process.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/key_table.h"

namespace config {

class BrokerValues {
 public:
  // Of a known key; a later call replaces an earlier one.
  void set(std::string_view name, Value value) {
    values_[find_broker_key(name)] = std::move(value);
  }
  // Whether set() was called, even with the default.
  bool is_set(std::string_view name) const;

  // The value set, else the built-in default.
  Value value(std::string_view name) const;
  bool is_null(std::string_view name) const { return value(name).index() == 0; }
  bool boolean(std::string_view name) const;
  std::int16_t int16(std::string_view name) const;
  std::int32_t int32(std::string_view name) const;
  std::int64_t int64(std::string_view name) const;
  double real(std::string_view name) const;
  std::string text(std::string_view name) const;                        // null is empty
  std::optional<std::string> text_if_set(std::string_view name) const;  // nullopt for null or empty
  std::vector<std::string> list(std::string_view name) const;           // null is empty

 private:
  std::map<const Key*, Value> values_;
};

// Synonyms resolved: the first key set counts. In milliseconds; retention -1 is unlimited.
std::int64_t log_roll_ms(const BrokerValues& values);
std::int64_t log_roll_jitter_ms(const BrokerValues& values);
std::int64_t log_retention_ms(const BrokerValues& values);
std::int64_t log_flush_interval_ms(const BrokerValues& values);

// What a topic without an override of `topic_key` gets.
Value topic_default(const TopicKey& topic_key, const BrokerValues& values);

}  // namespace config
