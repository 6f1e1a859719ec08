#include "broker/cluster/admin_write.h"

#include <utility>
#include <vector>

#include "broker/cluster/controller_node.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "zkclient/recursive.h"

namespace cluster {
namespace {

using protocol::ErrorCode;
using zkclient::CreateMode;
using zkclient::Op;
using zkclient::ZkError;

constexpr int kTriesMax = 10;
// A comparison is lost because somebody else's change got through, so many may be.
constexpr int kLostComparisonsMax = 1000;

Op create_op(std::string path, std::string data, CreateMode mode = CreateMode::persistent) {
  auto acl = znode_acl(path);
  return Op::create(std::move(path), std::move(data), mode, std::move(acl));
}

// The check of /controller for one write, or why nothing may be written.
struct Guard {
  std::optional<Op> check;
  TopicOutcome refusal;
};

runtime::Task<Guard> controller_guard(zkclient::Client& client) {
  Guard guard;
  auto controller = co_await read_controller(client, false);
  if (!controller) {
    guard.refusal = transport_outcome(controller.error());
  } else if (!*controller) {
    guard.refusal = refuse(ErrorCode::kStaleControllerEpoch, "There is no controller.");
  } else if ((*controller)->info.kraft_controller_epoch > 0) {
    guard.refusal = refuse(ErrorCode::kStaleControllerEpoch, "There is a KRaft controller.");
  } else {
    guard.check = Op::check(std::string(paths::kController), (*controller)->version);
  }
  co_return guard;
}

// A former try with unknown outcome may have created it.
runtime::Task<base::Result<bool>> stands_as_written(zkclient::Client& client, std::string path,
                                                    std::string data) {
  auto node = co_await client.get(std::move(path));
  if (node) co_return node->data == data;
  if (node.error().is(ZkError::no_node)) co_return false;
  co_return base::fail(std::move(node).error());
}

}  // namespace

TopicOutcome transport_outcome(const base::Error& error) {
  const bool temporary = zkclient::is_outcome_unknown(error) || error.is(base::Errc::timed_out) ||
                         error.is(base::Errc::closed) || error.is(ZkError::session_expired);
  return refuse(temporary ? ErrorCode::kRequestTimedOut : ErrorCode::kUnknownServerError,
                "ZooKeeper: " + error.to_string());
}

TopicOutcome no_session() {
  return refuse(ErrorCode::kRequestTimedOut, "The broker has no ZooKeeper session.");
}

runtime::Task<TopicOutcome> write_new_topic(zkclient::Client& client, std::string name,
                                            std::string config_json, std::string assignment_json) {
  const std::string config_path = paths::topic_config(name);
  const std::string topic_path = paths::topic(name);
  bool config_exists = false;
  bool maybe_written = false;
  base::Error last(base::Errc::internal);
  for (int i = 0; i < kTriesMax; ++i) {
    Guard guard = co_await controller_guard(client);
    if (!guard.check) co_return guard.refusal;
    std::vector<Op> ops;
    ops.push_back(std::move(*guard.check));
    ops.push_back(config_exists ? Op::set(config_path, config_json)
                                : create_op(config_path, config_json));
    ops.push_back(create_op(topic_path, assignment_json));
    auto reply = co_await client.multi(std::move(ops));
    if (!reply) {
      last = std::move(reply).error();
      if (last.is(base::Errc::too_large)) {
        co_return refuse(ErrorCode::kInvalidPartitions,
                         "The assignment is too large for one znode.");
      }
      if (!zkclient::is_outcome_unknown(last)) co_return transport_outcome(last);
      maybe_written = true;
      continue;
    }
    const auto failure = reply->first_error();
    if (!failure) co_return TopicOutcome();
    last = base::Error(failure->error, topic_path);
    if (failure->index == 2 && failure->error == ZkError::node_exists) {
      if (maybe_written) {
        const auto ours = co_await stands_as_written(client, topic_path, assignment_json);
        if (!ours) co_return transport_outcome(ours.error());
        if (*ours) co_return TopicOutcome();
      }
      co_return refuse(ErrorCode::kTopicAlreadyExists, "Topic '" + name + "' already exists.");
    }
    // The topic check must come before anything about the config: with a left-over config the
    // create of the config fails first, so it is tried again as a set.
    if (failure->index == 1 && failure->error == ZkError::node_exists) {
      config_exists = true;
    } else if (failure->index == 1 && config_exists) {
      config_exists = false;  // deleted since
    } else if (failure->index >= 1 && failure->error == ZkError::no_node) {
      const std::string parent(failure->index == 1 ? paths::kTopicConfigs : paths::kTopics);
      const auto made = co_await zkclient::ensure_path(client, parent, znode_acl);
      if (!made) co_return transport_outcome(made.error());
    } else if (failure->index >= 1) {
      break;
    }
    // index 0: the controller has changed; look again.
  }
  co_return transport_outcome(last);
}

runtime::Task<TopicOutcome> edit_config(zkclient::Client& client, std::string entity_path,
                                        ConfigEdit edit, bool validate_only) {
  const std::string path = paths::config(entity_path);
  const std::string notification = encode_config_notification({entity_path});
  base::Error last(base::Errc::internal);
  int lost = 0;
  for (int i = 0; i < kTriesMax; ++i) {
    const auto node = co_await client.get(path);
    const bool exists = node.has_value();
    if (!exists && !node.error().is(ZkError::no_node)) co_return transport_outcome(node.error());
    const auto edited = edit(exists ? decode_config_leniently(node->data.value_or(""), entity_path)
                                    : config::ConfigMap());
    if (!edited) co_return edited.error();
    if (validate_only) co_return TopicOutcome();

    Guard guard = co_await controller_guard(client);
    if (!guard.check) co_return guard.refusal;
    const std::string json = encode_config(*edited);
    std::vector<Op> ops;
    ops.push_back(std::move(*guard.check));
    ops.push_back(exists ? Op::set(path, json, node->stat.version) : create_op(path, json));
    ops.push_back(create_op(std::string(paths::kConfigChangePrefix), notification,
                            CreateMode::persistent_sequential));
    auto reply = co_await client.multi(std::move(ops));
    if (!reply) {
      last = std::move(reply).error();
      // Whether it was written or not: the same change of what stands there now is as good as once.
      if (!zkclient::is_outcome_unknown(last)) co_return transport_outcome(last);
      continue;
    }
    const auto failure = reply->first_error();
    if (!failure) co_return TopicOutcome();
    last = base::Error(failure->error, path);
    if (failure->index == 1 && !exists && failure->error == ZkError::no_node) {
      const auto made =
          co_await zkclient::ensure_path(client, path.substr(0, path.rfind('/')), znode_acl);
      if (!made) co_return transport_outcome(made.error());
    } else if (failure->index == 2 && failure->error == ZkError::no_node) {
      const auto made =
          co_await zkclient::ensure_path(client, std::string(paths::kConfigChanges), znode_acl);
      if (!made) co_return transport_outcome(made.error());
    } else if (failure->index == 2) {
      break;
    }
    // Else the controller or the config has changed since it was read: again.
    const bool has_lost = failure->index == 1 && (failure->error == ZkError::bad_version ||
                                                  failure->error == ZkError::node_exists);
    if (has_lost && ++lost < kLostComparisonsMax) --i;
  }
  co_return transport_outcome(last);
}

}  // namespace cluster
