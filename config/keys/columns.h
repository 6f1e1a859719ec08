// Purpose: the words in which the tables of config/keys/ are written. Include it there only.
#pragma once

#include "config/key_table.h"

namespace config::keys {

inline constexpr auto kBool = KeyType::boolean;
inline constexpr auto kString = KeyType::string;
inline constexpr auto kInt = KeyType::int32;
inline constexpr auto kShort = KeyType::int16;
inline constexpr auto kLong = KeyType::int64;
inline constexpr auto kDouble = KeyType::real;
inline constexpr auto kList = KeyType::list;
inline constexpr auto kClass = KeyType::class_name;
inline constexpr auto kPassword = KeyType::password;

inline constexpr auto kReadOnly = UpdateMode::read_only;
inline constexpr auto kPerBroker = UpdateMode::per_broker;
inline constexpr auto kCluster = UpdateMode::cluster_wide;

inline constexpr auto kBuilt = Support::built;
inline constexpr auto kNoEffect = Support::no_effect;
inline constexpr auto kPending = Support::pending;
inline constexpr auto kRefused = Support::refused;

inline constexpr auto kNull = std::nullopt;
inline constexpr bool kHidden = true;
inline constexpr std::string_view kIntMax = "2147483647";
inline constexpr std::string_view kLongMax = "9223372036854775807";
inline constexpr std::string_view kDoubleMax = "1.7976931348623157E308";

inline constexpr Validity kAny{};
inline constexpr Validity kVersion{.kind = Validity::Kind::version};
inline constexpr Validity kGzipLevel{.kind = Validity::Kind::gzip_level};
inline constexpr Validity kThrottledReplicas{.kind = Validity::Kind::throttled_replicas};
constexpr Validity at_least(double low) { return {.kind = Validity::Kind::at_least, .low = low}; }
constexpr Validity between(double low, double high) {
  return {.kind = Validity::Kind::between, .low = low, .high = high};
}
constexpr Validity one_of(std::string_view words) {
  return {.kind = Validity::Kind::one_of, .words = words};
}
constexpr Validity list_of(std::string_view words) {
  return {.kind = Validity::Kind::list_of, .words = words};
}

// The sections, each in a file of that name.
std::span<const Key> identity_keys();
std::span<const Key> network_keys();
std::span<const Key> topic_default_keys();
std::span<const Key> log_keys();
std::span<const Key> replication_keys();
std::span<const Key> coordinator_keys();
std::span<const Key> security_keys();
std::span<const Key> sasl_keys();
std::span<const Key> raft_keys();
std::span<const Key> tiered_storage_keys();
std::span<const Key> other_keys();

}  // namespace config::keys
