// Purpose: the outgoing half of a connection, the only one that writes to its socket.
//
// What can be sent at once is written by whoever has it (write()). If something has to be waited
// for, the socket or a deferred response, one coroutine does that (start()), which lives until
// everything is answered; meanwhile nobody else calls write().
#pragma once

#include <cstdint>

#include "broker/network/deadlines.h"
#include "broker/network/response_order.h"
#include "runtime/stream.h"
#include "runtime/wait.h"

namespace network {

// One loop; not thread-safe.
class ResponseWriter {
 public:
  enum class Phase { idle, begins, waits_for_response, waits_for_socket };

  // All outlive it.
  ResponseWriter(runtime::Stream& stream, ResponseOrder& order, Deadlines& deadlines);

  Phase phase() const { return phase_; }
  bool is_idle() const { return phase_ == Phase::idle; }

  // Sends what was taken. True: all of it went. An error is the socket's, or a broken promise of a
  // file slice; a peer that has gone is none: answers are dropped from then on, so that what it
  // sent before can be read and done.
  base::Result<bool> write();
  // The same as far as it goes; an error will be met by the next write().
  void send_what_goes() noexcept;
  // Waits for what is in flight, and for the socket, and sends until everything is answered or the
  // connection's last response is sent. Counts as begun before the task runs.
  runtime::Task<base::Result<void>> start(runtime::CancelToken token);
  // Until something more is answered. Errc::cancelled.
  runtime::Notify::Awaiter next_answered(runtime::CancelToken token) {
    return answered_.wait(runtime::kNoTimeout, token);
  }

 private:
  runtime::Task<base::Result<void>> run(runtime::CancelToken token);
  base::Result<std::size_t> try_write();

  runtime::Stream& stream_;
  ResponseOrder& order_;
  Deadlines& deadlines_;
  runtime::Notify answered_;
  Phase phase_ = Phase::idle;
  bool is_peer_gone_ = false;
};

}  // namespace network
