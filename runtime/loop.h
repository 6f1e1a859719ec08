// Purpose: one thread's event loop: ready queue, timers, inbox from other threads, sockets.
//
// Two implementations: runtime/uv (libuv and Linux) and runtime/sim (deterministic, for tests).
// Everything but post(), clock() and random() is for the loop's own thread only.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "runtime/address.h"
#include "runtime/cancel.h"
#include "runtime/clock.h"
#include "runtime/random.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/timer_queue.h"

namespace runtime {

// A connection that was accepted and belongs to no loop yet: move it to any thread, adopt it there.
class AcceptedConnection {
 public:
  virtual ~AcceptedConnection() = default;  // closes it if nobody adopted it
  virtual SocketAddress peer_address() const = 0;
};

class Listener {
 public:
  virtual ~Listener() = default;  // closes
  // The next connection. Errc::cancelled after close(); out of descriptors: waits and goes on, with
  // a rate-limited warning. One caller at a time.
  virtual Task<base::Result<std::unique_ptr<AcceptedConnection>>> accept() = 0;
  virtual SocketAddress local_address() const = 0;  // with the bound port when 0 was asked
  virtual void close() = 0;
};

struct ListenOptions {
  int backlog = 50;
  std::optional<int> receive_buffer_bytes;  // else the system's default
  std::optional<int> send_buffer_bytes;
};

class Loop {
 public:
  virtual ~Loop() = default;

  // The loop that runs on this thread, or null.
  static Loop* current();
  bool is_current() const { return current() == this; }

  virtual Clock& clock() = 0;
  virtual Random& random() = 0;
  virtual TimerQueue& timers() = 0;
  std::int64_t now_ns() { return clock().monotonic_ns(); }
  std::int64_t now_ms() { return clock().monotonic_ms(); }
  std::int64_t wall_ms() { return clock().wall_ms(); }

  // Resumes the coroutine from an empty stack, in order, in this or the next turn.
  virtual void make_ready(std::coroutine_handle<> coroutine) = 0;
  // Runs `work` on this loop, in the order of posting. Any thread. After stop() it may be dropped.
  virtual void post(std::move_only_function<void()> work) = 0;

  virtual Task<base::Result<std::unique_ptr<Stream>>> connect(SocketAddress to,
                                                              std::int64_t timeout_ms,
                                                              CancelToken token) = 0;
  virtual base::Result<std::unique_ptr<Listener>> listen(SocketAddress at,
                                                         ListenOptions options) = 0;
  virtual base::Result<std::unique_ptr<Stream>> adopt(
      std::unique_ptr<AcceptedConnection> connection) = 0;

 protected:
  static void set_current(Loop* loop);
};

}  // namespace runtime
