// Purpose: reading and watching /controller and /controller_epoch.
#pragma once

#include <optional>

#include "base/result.h"
#include "broker/cluster/znodes/controller_info.h"
#include "runtime/task.h"
#include "zkclient/client.h"

namespace cluster {

struct ControllerNode {
  ControllerInfo info;
  base::ZkVersion version{0};      // dataVersion, for check() in config writes
  std::int64_t owner_session = 0;  // 0: persistent (a KRaft controller during migration)
};

// nullopt: there is no controller. With `watch` the next creation, change or deletion is told,
// whether the node exists or not. Errors: Errc::corrupt, those of the client.
runtime::Task<base::Result<std::optional<ControllerNode>>> read_controller(zkclient::Client& client,
                                                                           bool watch);

struct ControllerEpochNode {
  std::int32_t epoch = 0;
  base::ZkVersion version{0};
};
// nullopt: /controller_epoch does not exist yet.
runtime::Task<base::Result<std::optional<ControllerEpochNode>>> read_controller_epoch(
    zkclient::Client& client);

}  // namespace cluster
