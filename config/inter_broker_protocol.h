// Purpose: inter.broker.protocol.version as an ordered value.
//
// Every version that a 3.9 broker in ZooKeeper mode takes, oldest first, so that
// `ibp >= InterBrokerProtocol::v2_7_iv2` reads as it is meant. Source: MetadataVersion.java (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace config {

enum class InterBrokerProtocol : std::uint8_t {
  v0_8_0,
  v0_8_1,
  v0_8_2,
  v0_9_0,
  v0_10_0_iv0,
  v0_10_0_iv1,
  v0_10_1_iv0,
  v0_10_1_iv1,
  v0_10_1_iv2,
  v0_10_2_iv0,
  v0_11_0_iv0,
  v0_11_0_iv1,
  v0_11_0_iv2,
  v1_0_iv0,
  v1_1_iv0,
  v2_0_iv0,
  v2_0_iv1,
  v2_1_iv0,
  v2_1_iv1,
  v2_1_iv2,
  v2_2_iv0,
  v2_2_iv1,
  v2_3_iv0,
  v2_3_iv1,
  v2_4_iv0,
  v2_4_iv1,
  v2_5_iv0,
  v2_6_iv0,
  v2_7_iv0,
  v2_7_iv1,
  v2_7_iv2,
  v2_8_iv0,
  v2_8_iv1,
  v3_0_iv0,
  v3_0_iv1,
  v3_1_iv0,
  v3_2_iv0,
  v3_3_iv0,
  v3_3_iv1,
  v3_3_iv2,
  v3_3_iv3,
  v3_4_iv0,
  v3_5_iv0,
  v3_5_iv1,
  v3_5_iv2,
  v3_6_iv0,
  v3_6_iv1,
  v3_6_iv2,
  v3_7_iv0,
  v3_7_iv1,
  v3_7_iv2,
  v3_7_iv3,
  v3_7_iv4,
  v3_8_iv0,
  v3_9_iv0,
};

inline constexpr InterBrokerProtocol kLatestInterBrokerProtocol = InterBrokerProtocol::v3_9_iv0;

// "3.9-IV0"; releases without internal versions have none ("0.9.0").
std::string_view to_string(InterBrokerProtocol version);

// "3.9" is the last internal version of that release; parts beyond the release (three parts after
// "0.", else two) are cut: "2.4.1" = "2.4". nullopt for anything else.
std::optional<InterBrokerProtocol> parse_inter_broker_protocol(std::string_view text);

// The newest record format (magic 0, 1 or 2) that brokers of this version understand.
std::int8_t record_magic(InterBrokerProtocol version);

}  // namespace config
