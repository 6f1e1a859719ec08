#include "broker/controller/election.h"

#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"

namespace controller {

namespace paths = cluster::paths;
using zkclient::Op;
using zkclient::ZkError;

namespace {

using EpochNode = cluster::ControllerEpochNode;

// Reads /controller_epoch, making it with epoch 0 if this is the cluster's first controller.
runtime::Task<base::Result<EpochNode>> ensure_epoch(SessionSlot& session) {
  for (;;) {
    CO_TRY_ASSIGN(zkclient::Client * client, session.client());
    auto node = co_await cluster::read_controller_epoch(*client);
    if (node && *node) co_return **node;
    if (!node && !is_transient(node.error())) co_return base::fail(node.error());
    if (!node) continue;
    CO_TRY_ASSIGN(client, session.client());
    auto created = co_await client->create(
        std::string(paths::kControllerEpoch), cluster::encode_controller_epoch(0),
        zkclient::CreateMode::persistent, cluster::znode_acl(std::string(paths::kControllerEpoch)));
    if (!created && !created.error().is(ZkError::node_exists) && !is_transient(created.error())) {
      co_return base::fail(created.error());
    }
  }
}

// Whether an election whose answer was lost, or that met a node, was won by ourselves.
runtime::Task<base::Result<std::optional<ElectionWin>>> look_who_won(SessionSlot& session,
                                                                     std::int32_t broker_id,
                                                                     std::int32_t wanted_epoch) {
  for (;;) {
    CO_TRY_ASSIGN(zkclient::Client * client, session.client());
    const std::int64_t session_id = client->session_id();
    auto controller = co_await cluster::read_controller(*client, /*watch=*/false);
    if (!controller && is_transient(controller.error())) continue;
    if (!controller) co_return base::fail(controller.error());
    const bool is_ours = *controller && (*controller)->info.broker_id == broker_id &&
                         (*controller)->owner_session == session_id;
    if (!is_ours) co_return std::optional<ElectionWin>();
    CO_TRY_ASSIGN(client, session.client());
    auto epoch = co_await cluster::read_controller_epoch(*client);
    if (!epoch && is_transient(epoch.error())) continue;
    if (!epoch) co_return base::fail(epoch.error());
    if (!*epoch || (*epoch)->epoch != wanted_epoch) co_return std::optional<ElectionWin>();
    co_return ElectionWin{wanted_epoch, (*epoch)->version};
  }
}

}  // namespace

runtime::Task<base::Result<std::optional<ElectionWin>>> run_for_controller(SessionSlot& session,
                                                                           std::int32_t broker_id,
                                                                           std::int64_t wall_ms) {
  CO_TRY_ASSIGN(const EpochNode before, co_await ensure_epoch(session));
  const std::int32_t epoch = before.epoch + 1;
  std::vector<Op> ops;
  ops.push_back(Op::create(
      std::string(paths::kController),
      cluster::encode_controller_info({.broker_id = broker_id, .timestamp_ms = wall_ms}),
      zkclient::CreateMode::ephemeral, cluster::znode_acl(std::string(paths::kController))));
  ops.push_back(Op::set(std::string(paths::kControllerEpoch),
                        cluster::encode_controller_epoch(epoch), before.version));
  CO_TRY_ASSIGN(zkclient::Client * client, session.client());
  const auto answer = co_await client->multi(std::move(ops));
  if (!answer) {
    if (!is_transient(answer.error())) co_return base::fail(answer.error());
    co_return co_await look_who_won(session, broker_id, epoch);
  }
  const auto failure = answer->first_error();
  if (!failure) co_return ElectionWin{epoch, answer->results[1].stat.version};
  if (failure->error == ZkError::node_exists || failure->error == ZkError::bad_version) {
    co_return co_await look_who_won(session, broker_id, epoch);
  }
  co_return base::fail(failure->error, "election of the controller");
}

}  // namespace controller
