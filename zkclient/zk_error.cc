#include "zkclient/zk_error.h"

namespace zkclient {
namespace {

class ZooKeeperDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "zookeeper"; }

  std::string message(int value) const override {
    const char* text = text_of(static_cast<ZkError>(value));
    if (text != nullptr) return text;
    return "ZooKeeper error " + std::to_string(value);
  }

 private:
  static const char* text_of(ZkError code) {
    switch (code) {
      case ZkError::ok: return "ok";
      case ZkError::system_error: return "ZooKeeper system error";
      case ZkError::runtime_inconsistency: return "not tried, as an earlier operation failed";
      case ZkError::data_inconsistency: return "ZooKeeper data inconsistency";
      case ZkError::connection_loss: return "connection to ZooKeeper lost, outcome unknown";
      case ZkError::marshalling_error: return "ZooKeeper could not read the request";
      case ZkError::unimplemented: return "operation unknown to this ZooKeeper server";
      case ZkError::operation_timeout: return "no reply from ZooKeeper in time, outcome unknown";
      case ZkError::bad_arguments: return "bad arguments";
      case ZkError::unknown_session: return "unknown ZooKeeper session";
      case ZkError::new_config_no_quorum: return "no quorum of the new configuration";
      case ZkError::reconfig_in_progress: return "another reconfiguration is in progress";
      case ZkError::api_error: return "ZooKeeper API error";
      case ZkError::no_node: return "znode does not exist";
      case ZkError::no_auth: return "not authorised by the znode's ACL";
      case ZkError::bad_version: return "znode version does not match";
      case ZkError::no_children_for_ephemerals: return "ephemeral znodes have no children";
      case ZkError::node_exists: return "znode already exists";
      case ZkError::not_empty: return "znode has children";
      case ZkError::session_expired: return "ZooKeeper session expired";
      case ZkError::invalid_callback: return "invalid callback";
      case ZkError::invalid_acl: return "invalid ACL";
      case ZkError::auth_failed: return "ZooKeeper authentication failed";
      case ZkError::session_moved: return "ZooKeeper session moved to another server";
      case ZkError::not_read_only: return "ZooKeeper server is read-only";
      case ZkError::ephemeral_on_local_session: return "ephemeral znode in a local session";
      case ZkError::no_watcher: return "no such watcher";
      case ZkError::request_timeout: return "ZooKeeper request timed out";
      case ZkError::reconfig_disabled: return "reconfiguration is disabled";
      case ZkError::session_closed_require_sasl_auth: return "ZooKeeper requires SASL";
      case ZkError::quota_exceeded: return "ZooKeeper quota exceeded";
      case ZkError::throttled_op: return "operation throttled by ZooKeeper";
    }
    return nullptr;
  }
};

}  // namespace

const std::error_category& zookeeper_domain() noexcept {
  static const ZooKeeperDomain domain;
  return domain;
}

bool is_outcome_unknown(const base::Error& error) noexcept {
  return error.is(ZkError::connection_loss) || error.is(ZkError::operation_timeout);
}

}  // namespace zkclient
