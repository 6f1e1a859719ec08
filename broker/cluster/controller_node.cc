#include "broker/cluster/controller_node.h"

#include "broker/cluster/znode_paths.h"

namespace cluster {

using zkclient::ZkError;

runtime::Task<base::Result<std::optional<ControllerNode>>> read_controller(zkclient::Client& client,
                                                                           bool watch) {
  const std::string path(paths::kController);
  for (;;) {
    // A get arms no watch on a missing node, so a watcher asks exists first.
    if (watch) {
      CO_TRY_ASSIGN(const auto stat, co_await client.exists(path, true));
      if (!stat) co_return std::nullopt;
    }
    const auto node = co_await client.get(path);
    if (node) {
      ControllerNode controller;
      CO_TRY_ASSIGN(controller.info, decode_controller_info(node->data.value_or("")));
      controller.version = node->stat.version;
      controller.owner_session = node->stat.ephemeral_owner;
      co_return controller;
    }
    if (!node.error().is(ZkError::no_node)) co_return base::fail(node.error());
    if (!watch) co_return std::nullopt;
    // Deleted in between: that fired the watch, arm it anew.
  }
}

runtime::Task<base::Result<std::optional<ControllerEpochNode>>> read_controller_epoch(
    zkclient::Client& client) {
  const auto node = co_await client.get(std::string(paths::kControllerEpoch));
  if (!node) {
    if (node.error().is(ZkError::no_node)) co_return std::nullopt;
    co_return base::fail(node.error());
  }
  ControllerEpochNode epoch;
  CO_TRY_ASSIGN(epoch.epoch, decode_controller_epoch(node->data.value_or("")));
  epoch.version = node->stat.version;
  co_return epoch;
}

}  // namespace cluster
