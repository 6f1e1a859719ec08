// Purpose: ZooKeeper's error codes as an error domain (org.apache.zookeeper.KeeperException.Code).
//
// What a failed call tells about the server's state; every call ends in exactly one of these:
//
//   not done         ZkError::session_expired, ZkError::auth_failed (the session ended before the
//                    request was written), base::Errc::timed_out (it stayed unwritten for the
//                    request timeout), base::Errc::closed (the client was closed before),
//                    base::Errc::too_large and ZkError::bad_arguments (refused without sending);
//                    any other ZkError below: the server's answer
//   outcome unknown  ZkError::connection_loss (written to a connection that broke before the
//                    reply), ZkError::operation_timeout (written, no reply within the request
//                    timeout). The request may have been applied, or may still be.
//
// is_outcome_unknown() tells them apart.
#pragma once

#include <system_error>

#include "base/error.h"

namespace zkclient {

enum class ZkError {
  ok = 0,
  system_error = -1,
  runtime_inconsistency = -2,  // in a failed multi: an operation behind the one that failed
  data_inconsistency = -3,
  connection_loss = -4,
  marshalling_error = -5,
  unimplemented = -6,  // the server does not know the operation, and closes the connection
  operation_timeout = -7,
  bad_arguments = -8,
  unknown_session = -12,
  new_config_no_quorum = -13,
  reconfig_in_progress = -14,
  api_error = -100,
  no_node = -101,
  no_auth = -102,
  bad_version = -103,
  no_children_for_ephemerals = -108,
  node_exists = -110,
  not_empty = -111,
  session_expired = -112,
  invalid_callback = -113,
  invalid_acl = -114,
  auth_failed = -115,
  session_moved = -118,
  not_read_only = -119,
  ephemeral_on_local_session = -120,
  no_watcher = -121,
  request_timeout = -122,
  reconfig_disabled = -123,
  session_closed_require_sasl_auth = -124,
  quota_exceeded = -125,
  throttled_op = -127,
};

const std::error_category& zookeeper_domain() noexcept;

inline std::error_code make_error_code(ZkError code) noexcept {
  return {static_cast<int>(code), zookeeper_domain()};
}

// The request may or may not have taken effect.
bool is_outcome_unknown(const base::Error& error) noexcept;

}  // namespace zkclient

template <>
struct std::is_error_code_enum<zkclient::ZkError> : std::true_type {};
