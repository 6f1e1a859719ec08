// Purpose: what the config APIs share: resource types, and one change to one resource.
#pragma once

#include <string>
#include <vector>

#include "broker/api/configs.h"
#include "protocol/error_code.h"

namespace api {

enum class ConfigResource : std::int8_t { topic = 2, broker = 4, broker_logger = 8 };

struct ConfigOutcome {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::string message;
};

// "" (all brokers) or our own id; nullopt names another broker or none: INVALID_REQUEST.
std::optional<std::optional<std::int32_t>> parse_broker_name(const std::string& name,
                                                             std::int32_t own_id);

// The overrides of a topic as ZooKeeper has them now; without a session what this broker knows.
// As broker names are; any int32.
bool is_number(std::string_view name);
// Whether there is such a topic; asks ZooKeeper while this broker does not know the topics yet.
runtime::Task<bool> topic_exists(const ConfigContext& context, std::string topic);
// As ZooKeeper says, if `*is_answered`; where it does not say, that is noted there, and the answer
// is what was heard last. Awaited at once.
runtime::Task<config::ConfigMap> topic_overrides(const ConfigContext& context, std::string topic,
                                                 bool* is_answered);

// Applies changes to one resource. `replaces`: AlterConfigs, the changes are all that is left.
runtime::Task<ConfigOutcome> alter_resource(const ConfigContext& context, std::int8_t type,
                                            std::string name,
                                            std::vector<config::ConfigChange> changes,
                                            bool replaces, bool validate_only);

}  // namespace api
