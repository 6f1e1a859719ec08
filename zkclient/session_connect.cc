// The connecting half of Session: one server after the other, until one takes the session.
#include <algorithm>

#include "base/log.h"
#include "zkclient/handshake.h"
#include "zkclient/session.h"

namespace zkclient {

using base::Errc;
using base::Error;
using base::Result;
using runtime::CancelToken;
using runtime::Task;

constexpr std::size_t kSetWatchesMaxBytes = 128 * 1024;  // ClientCnxn SET_WATCHES_MAX_LENGTH
// However patient the rounds have become: a look-up that takes longer serves the next try.
constexpr std::int64_t kResolveMs = 1'000;
constexpr std::int32_t kTimeoutMinMs = 30;  // whatever a server says: no storm of pings

Task<void> Session::run() {
  while (!is_final()) {
    const ServerList::Attempt attempt = server_list_.next();
    if (attempt.pause_ms > 0) {
      const auto slept = co_await runtime::sleep_ms(loop_, attempt.pause_ms, scope_.token());
      if (!slept) break;
    }
    auto connection = co_await open(attempt);
    if (is_final()) break;
    if (!connection) {
      open_failed(attempt, connection.error());
      continue;
    }
    const std::int64_t connected_ms = loop_.now_ms();
    co_await serve(**connection);
    server_list_.connection_ended(loop_.now_ms() - connected_ms);
    if (!is_final()) set_state(SessionState::suspended);
  }
}

void Session::open_failed(const ServerList::Attempt& attempt, const Error& error) {
  if (error.is(ZkError::session_expired)) {
    finalize(SessionState::expired, Error(ZkError::session_expired));
  } else if (error.is(ZkError::auth_failed)) {
    finalize(SessionState::auth_failed, Error(ZkError::auth_failed));
  } else {
    server_.clear();
    last_failure_ = attempt.server.to_string() + ": " + error.to_string();
    LOG_WARN_EVERY(10'000, "zookeeper server unusable server={} error=\"{}\"; trying the next",
                   attempt.server.to_string(), error.to_string());
  }
}

Task<Result<std::unique_ptr<Connection>>> Session::dial(ServerList::Attempt attempt) {
  CO_TRY_ASSIGN(const auto addresses, co_await addresses_.find(attempt.server, kResolveMs));
  Error last_error(Errc::not_found, "no address");
  for (const runtime::SocketAddress& address : addresses) {
    if (is_final()) co_return base::fail(Errc::cancelled);
    auto stream = co_await loop_.connect(address, attempt.answer_timeout_ms, scope_.token());
    if (stream) {
      co_return std::make_unique<Connection>(*std::move(stream), options_.max_reply_bytes);
    }
    last_error = std::move(stream).error();
  }
  co_return base::fail(std::move(last_error));
}

Task<Result<std::unique_ptr<Connection>>> Session::open(ServerList::Attempt attempt) {
  CO_TRY_ASSIGN(auto connection, co_await dial(attempt));
  ConnectRequest request;
  request.last_zxid_seen = last_zxid_;
  request.timeout_ms = options_.session_timeout_ms;
  request.session = credentials_;
  CO_TRY_ASSIGN(const ConnectResponse response,
                co_await open_session(*connection, std::move(request), attempt.answer_timeout_ms,
                                      loop_, scope_.token()));
  adopt(response, *connection);

  PrimeRequest prime;
  prime.auth = options_.auth;
  prime.set_watches = watches_.encode(last_zxid_, kSetWatchesMaxBytes);
  prime.on_notification = [this](base::Bytes body) { deliver_event(body); };
  prime.reply_timeout_ms = read_timeout_ms();
  CO_TRY(co_await prime_session(*connection, std::move(prime), loop_, scope_.token()));
  co_return std::move(connection);
}

void Session::adopt(const ConnectResponse& response, const Connection& connection) {
  if (credentials_.id != response.session.id || state_ == SessionState::connecting) {
    LOG_INFO("zookeeper session established session={:#x} server={} timeout_ms={}",
             static_cast<std::uint64_t>(response.session.id), connection.peer(),
             response.timeout_ms);
  } else {
    LOG_INFO("zookeeper session resumed session={:#x} server={}",
             static_cast<std::uint64_t>(response.session.id), connection.peer());
  }
  credentials_ = response.session;
  negotiated_timeout_ms_ = std::max(response.timeout_ms, kTimeoutMinMs);
  last_contact_ms_ = loop_.now_ms();
  server_ = connection.peer();
}

}  // namespace zkclient
