// Purpose: one client connection: reads requests, calls the handler, sends responses in order.
//
// It puts four parts together, each with one job: RequestReader (frames and their memory),
// ResponseOrder (what may start, what may leave), ResponseWriter (the socket's outgoing side) and
// Deadlines. One coroutine reads and handles; the writer has another only while it waits. On the
// hot path (a small request, answered at once) there is no coroutine but the handler's and no
// allocation but the frame's buffer, and recv and sendmsg are called once each.
//
// What closes a connection: the peer; a frame or header that makes no sense; a deadline; a response
// that says so; the server's stop. What arrived whole before the peer went is executed, though
// nobody will read the answers; nothing is executed behind a close of ours. Source:
// SocketServer.Processor, Selector.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "broker/network/connection_shared.h"
#include "broker/network/deadlines.h"
#include "broker/network/request_reader.h"
#include "broker/network/response_order.h"
#include "broker/network/response_writer.h"
#include "runtime/task_scope.h"

namespace network {

// One loop; not thread-safe.
class Connection final : private Deadlines::Subject {
 public:
  Connection(std::unique_ptr<runtime::Stream> stream, const ListenerContext& listener,
             std::uint64_t id, const ConnectionShared& shared);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Serves until the connection has ended and nothing of it is left. Once.
  runtime::Task<void> run();
  // Ends run() soon: waits of handlers are cancelled, nothing more is sent. Idempotent.
  void close(const char* reason);
  // Takes no further request and ends when those under way are answered.
  void finish();

  const ConnectionInfo& info() const { return info_; }
  const ListenerContext& listener() const { return listener_; }
  std::int64_t last_active_ns() const { return deadlines_.last_active_ns(); }

 private:
  enum class Phase { serving, finishing, closed };
  class HandlerCall;
  // The peer sends no more: whoever asked is gone, or will be content with what there is.
  class PeerWatch final : public runtime::ReadyCallback {
   public:
    explicit PeerWatch(runtime::CancelSource& waits) : waits_(waits) {}
    void on_ready() noexcept override { waits_.cancel(); }

   private:
    runtime::CancelSource& waits_;
  };

  runtime::Task<base::Result<void>> serve();
  bool takes_requests() const { return phase_ == Phase::serving && !order_.is_ending(); }
  bool may_gather_for(const RequestReader::Frame& frame) const;
  base::Result<void> begin(RequestReader::Frame frame);
  runtime::Task<base::Result<void>> wait_for_turn();
  runtime::Task<base::Result<void>> pause();
  runtime::Task<base::Result<void>> send_gathered();
  void start_writer();
  runtime::Task<void> watch_writer(runtime::Task<base::Result<void>> writing);
  void note_running();
  void fail_request(const std::string& what);
  void report_end(const base::Error& error) const;

  Standing standing() const override;
  bool measure_frame(std::int64_t now_ns) override;
  void on_deadline_passed(const char* reason) override;

  const std::unique_ptr<runtime::Stream> stream_;
  const ListenerContext& listener_;
  const ConnectionShared& shared_;
  runtime::Loop& loop_;
  ConnectionInfo info_;
  Phase phase_ = Phase::serving;
  runtime::TaskScope scope_;  // the writer; its token ends this connection's own waits
  // Of requests that wait for something to happen, and nothing else: what a peer sent before it
  // went is done all the same.
  runtime::CancelSource request_waits_;
  PeerWatch peer_watch_{request_waits_};
  Deadlines deadlines_;
  RequestReader reader_;
  ResponseOrder order_;
  ResponseWriter writer_;
};

}  // namespace network
