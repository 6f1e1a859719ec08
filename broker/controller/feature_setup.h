// Purpose: /feature, which a new controller brings into the form its inter-broker protocol asks for
// (KIP-584). Source: KafkaController.scala (3.9) maybeSetupFeatureVersioning.
//
// The znode is never deleted: brokers that see its version go back end themselves.
#pragma once

#include <optional>

#include "broker/controller/environment.h"

namespace controller {

// What should be there instead of `found`; nullopt: it is right as it is. Pure.
//   IBP >= 2.7: enabled; features stay, unless the node was disabled (then none)
//   IBP <  2.7: disabled, without features
std::optional<cluster::FeatureNode> wanted_features(
    const std::optional<cluster::FeatureNode>& found, config::InterBrokerProtocol protocol);

runtime::Task<base::Result<void>> set_up_features(Environment& env);

}  // namespace controller
