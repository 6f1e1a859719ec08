// Purpose: becoming the controller: /controller and /controller_epoch.
// Source: KafkaZkClient.scala (3.9) registerControllerAndIncrementControllerEpoch; KIP-631's
// fields.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/controller_node.h"
#include "broker/controller/session_slot.h"
#include "runtime/task.h"

namespace controller {

struct ElectionWin {
  std::int32_t epoch = 0;
  base::ZkVersion epoch_zk_version{0};
};

// One multi: creates the ephemeral /controller and raises the epoch. nullopt: another broker was
// quicker. After a lost connection /controller and the epoch tell whether it had taken effect.
runtime::Task<base::Result<std::optional<ElectionWin>>> run_for_controller(SessionSlot& session,
                                                                           std::int32_t broker_id,
                                                                           std::int64_t wall_ms);

}  // namespace controller
