// Purpose: what the controller takes from the broker's configuration, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/server_config.h"

namespace controller {

struct Settings {
  std::int32_t broker_id = -1;
  config::InterBrokerProtocol protocol = config::kLatestInterBrokerProtocol;
  std::string inter_broker_listener;
  std::optional<std::string> control_plane_listener;
  bool delete_topic_enable = true;
  config::TopicConfig topic_defaults;  // for unclean.leader.election.enable
  bool auto_leader_rebalance_enable = true;
  std::int64_t leader_imbalance_check_interval_ms = 300'000;
  std::int32_t leader_imbalance_per_broker_percentage = 10;
  std::int64_t request_timeout_ms = 30'000;
  std::int64_t connect_timeout_ms = 30'000;

  // `config` with the broker id that start-up settled.
  static Settings from(const config::ServerConfig& config, std::int32_t broker_id);

  // The listener on which the controller speaks to brokers.
  const std::string& channel_listener() const {
    return control_plane_listener ? *control_plane_listener : inter_broker_listener;
  }
  bool uses_topic_ids() const { return protocol >= config::InterBrokerProtocol::v2_8_iv0; }
  bool has_alter_partition() const { return protocol >= config::InterBrokerProtocol::v2_7_iv2; }
  bool has_recovery_state() const { return protocol >= config::InterBrokerProtocol::v3_2_iv0; }
  bool has_feature_versioning() const { return protocol >= config::InterBrokerProtocol::v2_7_iv0; }
};

}  // namespace controller
