#include "zkclient/handshake.h"

namespace zkclient {

using base::Errc;
using base::Result;
using runtime::CancelToken;
using runtime::Task;

Task<Result<ConnectResponse>> open_session(Connection& connection, ConnectRequest request,
                                           std::int64_t timeout_ms, runtime::Loop& loop,
                                           CancelToken token) {
  const std::int64_t deadline_ms = loop.now_ms() + timeout_ms;
  connection.queue(encode_connect(request));
  CO_TRY(co_await connection.flush(timeout_ms, token));
  CO_TRY_ASSIGN(const base::Bytes frame, co_await connection.read_frame(deadline_ms, token));
  CO_TRY_ASSIGN(ConnectResponse response, decode_connect(frame));
  if (request.session.id == 0) {
    if (response.timeout_ms > 0) co_return response;
    co_return base::fail(Errc::corrupt, "ZooKeeper refused a new session");
  }
  if (response.timeout_ms <= 0) co_return base::fail(ZkError::session_expired);
  if (response.session.id != request.session.id) {
    co_return base::fail(Errc::corrupt, "ZooKeeper answered with another session id");
  }
  co_return response;
}

Task<Result<void>> prime_session(Connection& connection, PrimeRequest request, runtime::Loop& loop,
                                 CancelToken token) {
  std::size_t replies_missing = request.auth.size() + request.set_watches.size();
  for (const AuthInfo& auth : request.auth) connection.queue(encode_auth(auth));
  for (base::Buffer& frame : request.set_watches) connection.queue(std::move(frame));
  CO_TRY(co_await connection.flush(request.reply_timeout_ms, token));
  while (replies_missing > 0) {
    const std::int64_t deadline_ms = loop.now_ms() + request.reply_timeout_ms;
    CO_TRY_ASSIGN(const base::Bytes frame, co_await connection.read_frame(deadline_ms, token));
    CO_TRY_ASSIGN(const ReplyHeader header, decode_header(frame));
    switch (header.xid) {
      case kNotificationXid: request.on_notification(header.body); break;
      case kAuthXid:
        if (header.error != ZkError::ok) co_return base::fail(ZkError::auth_failed);
        --replies_missing;
        break;
      case kSetWatchesXid:
        if (header.error != ZkError::ok) co_return base::fail(header.error, "arming watches");
        --replies_missing;
        break;
      default: co_return base::fail(Errc::corrupt, "reply with xid " + std::to_string(header.xid));
    }
  }
  co_return Result<void>();
}

}  // namespace zkclient
