// Purpose: the znode writes of TopicAdmin: guarded by /controller, and safe to repeat.
//
// From Kafka 3.7 on, a config write checks in the same multi that /controller has not changed, and
// is refused when there is no controller or a KRaft one: during a migration to KRaft the znodes are
// not the truth any more. Source: KafkaZkClient.setOrCreateEntityConfigs (3.9).
#pragma once

#include <expected>
#include <functional>
#include <string>

#include "base/result.h"
#include "broker/cluster/topic_outcome.h"
#include "config/properties.h"
#include "zkclient/client.h"

namespace cluster {

// What a failed call to ZooKeeper means for whoever asked: REQUEST_TIMED_OUT if it may be tried
// again, else UNKNOWN_SERVER_ERROR.
TopicOutcome transport_outcome(const base::Error& error);
TopicOutcome no_session();

// Creates /config/topics/T and /brokers/topics/T together.
runtime::Task<TopicOutcome> write_new_topic(zkclient::Client& client, std::string name,
                                            std::string config_json, std::string assignment_json);

// What a change makes of the config that stands in ZooKeeper, or why it is refused. Called again
// when somebody else was faster; runs on the control loop, must not wait.
using ConfigEdit =
    std::function<std::expected<config::ConfigMap, TopicOutcome>(const config::ConfigMap& stored)>;

// Reads /config/<entity_path>, edits it, and writes it together with its change notification, if it
// is still what was read. `validate_only`: writes nothing.
runtime::Task<TopicOutcome> edit_config(zkclient::Client& client, std::string entity_path,
                                        ConfigEdit edit, bool validate_only);

}  // namespace cluster
