// Purpose: a non-blocking socket and its readiness, shared by streams and listeners.
//
// The uv_poll_t lives in a heap core that only its close callback frees; the descriptor is closed
// as soon as the handle is no longer watched. Changing what uv_poll watches costs two epoll_ctl
// calls, so it happens lazily: reading stays armed while requests come and go, and a direction is
// disarmed only when readiness keeps coming that nobody waits for.
#pragma once

#include <uv.h>

#include <memory>

#include "base/result.h"
#include "runtime/posix/file_descriptor.h"
#include "runtime/stream.h"
#include "runtime/uv/uv_loop.h"

namespace runtime {

// One loop; not thread-safe.
class UvSocket {
 public:
  static base::Result<std::unique_ptr<UvSocket>> open(UvLoop& loop, FileDescriptor descriptor);
  ~UvSocket();
  UvSocket(const UvSocket&) = delete;
  UvSocket& operator=(const UvSocket&) = delete;

  int descriptor() const;  // -1 once closed
  UvLoop& loop() const { return loop_; }
  bool is_closed() const { return core_ == nullptr; }
  void close();

  // As in Stream.
  void set_read_waiter(ReadyCallback* waiter);
  void set_write_waiter(ReadyCallback* waiter);

  void set_hangup_callback(ReadyCallback* callback) { hangup_callback_ = callback; }

  // The caller found nothing more to read: a readiness remembered from before is void.
  void read_drained() { read_ready_ = false; }
  // The caller stopped for fairness although more would go out: the next waiter is called at once.
  void write_may_go_on() { write_ready_ = true; }

 private:
  struct Core;

  UvSocket(UvLoop& loop, Core* core);
  static void on_event(uv_poll_t* handle, int status, int events) noexcept;
  void on_readable();
  void on_writable();
  void on_hangup();
  void update_watch();

  UvLoop& loop_;
  Core* core_;
  ReadyCallback* read_waiter_ = nullptr;
  ReadyCallback* write_waiter_ = nullptr;
  ReadyCallback* hangup_callback_ = nullptr;
  bool watch_read_ = false;  // what uv_poll should watch
  bool watch_write_ = false;
  bool watch_hangup_ = false;  // from the first read on, until it has come
  bool is_hung_up_ = false;
  int watched_ = 0;          // what it watches
  bool read_ready_ = false;  // seen, and nobody waited
  bool write_ready_ = false;
};

}  // namespace runtime
