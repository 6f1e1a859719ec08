#include "broker/controller/settings.h"

namespace controller {

Settings Settings::from(const config::ServerConfig& config, std::int32_t broker_id) {
  return {.broker_id = broker_id,
          .protocol = config.identity.inter_broker_protocol,
          .inter_broker_listener = config.network.inter_broker_listener,
          .control_plane_listener = config.network.control_plane_listener,
          .delete_topic_enable = config.topics.delete_enable,
          .topic_defaults = config.log.topic_defaults,
          .auto_leader_rebalance_enable = config.controller.auto_leader_rebalance_enable,
          .leader_imbalance_check_interval_ms =
              config.controller.leader_imbalance_check_interval_seconds * 1000,
          .leader_imbalance_per_broker_percentage =
              config.controller.leader_imbalance_per_broker_percentage,
          .request_timeout_ms = config.network.request_timeout_ms,
          .connect_timeout_ms = config.controller.socket_timeout_ms};
}

}  // namespace controller
