// Purpose: the first steps on a new connection: the session, authentication, watches.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "zkclient/connection.h"
#include "zkclient/messages.h"

namespace zkclient {

// Opens or takes up a session. ZkError::session_expired: the server says that it is gone (or that
// the password is wrong). Errc::end_of_stream without an answer: among others, this server is
// behind what `request.last_zxid_seen` says; another one may take it.
runtime::Task<base::Result<ConnectResponse>> open_session(Connection& connection,
                                                          ConnectRequest request,
                                                          std::int64_t timeout_ms,
                                                          runtime::Loop& loop,
                                                          runtime::CancelToken token);

struct PrimeRequest {
  std::vector<AuthInfo> auth;
  std::vector<base::Buffer> set_watches;
  // Gets the bodies of notifications that come in between.
  std::function<void(base::Bytes body)> on_notification;
  std::int64_t reply_timeout_ms = 0;  // for each reply
};
// Authenticates and arms watches, and waits for the answers, so that requests start with both.
// ZkError::auth_failed is final.
runtime::Task<base::Result<void>> prime_session(Connection& connection, PrimeRequest request,
                                                runtime::Loop& loop, runtime::CancelToken token);

}  // namespace zkclient
