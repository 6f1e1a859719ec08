// The connected half of Session: requests out, replies and watch events in.
#include <algorithm>

#include "base/log.h"
#include "zkclient/session.h"

namespace zkclient {

using base::Errc;
using base::Result;
using runtime::CancelToken;
using runtime::Task;

// Requests beyond this stay in the queue, where it is known that they were not sent.
constexpr std::size_t kOutputBytes = 64 * 1024;
// A server that floods us does not starve the rest of the loop.
constexpr std::size_t kFramesPerTurn = 256;

Task<void> Session::serve(Connection& connection) {
  connection_ = &connection;
  last_sent_ms_ = loop_.now_ms();
  set_state(SessionState::connected);
  runtime::TaskScope writing(loop_, "zookeeper requests");
  writing.spawn(write_requests(connection, writing.token()));
  const auto end = co_await read_replies(connection);
  connection.close();
  writing.cancel();
  co_await writing.join();
  connection_ = nullptr;
  if (is_final()) co_return;
  LOG_WARN("zookeeper connection lost session={:#x} server={} error=\"{}\" in_flight={}",
           static_cast<std::uint64_t>(credentials_.id), server_,
           end ? std::string() : end.error().to_string(), queue_.in_flight_count());
  server_.clear();
  queue_.connection_lost(connection.written_bytes());
}

Task<void> Session::write_requests(Connection& connection, CancelToken token) {
  while (!token.cancelled() && !connection.is_closed()) {
    move_requests_to(connection);
    if (connection.unwritten_bytes() == 0) {
      const std::int64_t idle_ms = loop_.now_ms() - last_sent_ms_;
      if (idle_ms < ping_interval_ms()) {
        (void)co_await work_.wait(ping_interval_ms() - idle_ms, token);
        continue;
      }
      connection.queue(encode_ping());
    }
    const auto flushed = connection.try_flush();
    last_sent_ms_ = loop_.now_ms();
    if (!flushed) {
      connection.close();  // the reader ends, and tells why
    } else if (!*flushed) {
      (void)co_await connection.writable(token);
    }
  }
}

void Session::move_requests_to(Connection& connection) {
  while (queue_.may_send() && connection.unwritten_bytes() < kOutputBytes) {
    connection.queue(queue_.send_next(connection.queued_bytes()));
  }
}

Task<Result<void>> Session::read_replies(Connection& connection) {
  bool answered = false;  // since the last yield
  for (std::size_t frames = 1; !is_final(); ++frames) {
    if (frames % kFramesPerTurn == 0) co_await runtime::yield(loop_);
    connection.set_max_frame_bytes(queue_.awaits_list() ? options_.max_list_bytes
                                                        : options_.max_reply_bytes);
    const auto next = connection.next_frame();
    if (!next) {
      if (next.error().is(Errc::too_large)) queue_.refuse_reply(next.error());
      co_return base::fail(next.error());
    }
    const auto& frame = *next;
    if (!frame) {
      CO_TRY(co_await connection.fill(last_contact_ms_ + read_timeout_ms(), scope_.token()));
      last_contact_ms_ = loop_.now_ms();
      continue;
    }
    CO_TRY_ASSIGN(const ReplyHeader header, decode_header(*frame));
    if (header.xid == kPingXid) continue;
    if (header.xid == kNotificationXid) {
      // Who waits for an earlier reply sees it before this event, as the server sent them.
      if (std::exchange(answered, false)) co_await runtime::yield(loop_);
      deliver_event(header.body);
      continue;
    }
    CO_TRY(handle_reply(header));
    answered = true;
  }
  co_return Result<void>();
}

Result<void> Session::handle_reply(const ReplyHeader& header) {
  TRY_ASSIGN(Request request, queue_.take(header.xid));
  last_zxid_ = std::max(last_zxid_, header.zxid);
  if (request.watch) arm_watch(request, header.error);
  if (header.error == ZkError::ok) {
    request.answer(header.body);
  } else {
    request.answer(base::fail(header.error, request.describe()));
  }
  if (queue_.may_send()) work_.notify_all();
  return {};
}

void Session::arm_watch(const Request& request, ZkError error) {
  const bool exists = error == ZkError::ok;
  switch (request.op) {
    case OpCode::exists:
      if (exists || error == ZkError::no_node) {
        watches_.add(exists ? WatchKind::data : WatchKind::exist, request.path);
      }
      break;
    case OpCode::get_data:
      if (exists) watches_.add(WatchKind::data, request.path);
      break;
    default:
      if (exists) watches_.add(WatchKind::children, request.path);
      break;
  }
}

void Session::deliver_event(base::Bytes body) {
  if (is_final()) return;
  auto event = decode_event(body);
  if (!event) {
    LOG_WARN_EVERY(10'000, "zookeeper event unreadable server={} error=\"{}\"", server_,
                   event.error().to_string());
    return;
  }
  if (!*event || !watches_.fire(**event)) return;
  auto path = chroot_.strip((*event)->path);
  if (!path || !watch_handler) return;
  watch_handler(WatchEvent{(*event)->type, *std::move(path)});
}

}  // namespace zkclient
