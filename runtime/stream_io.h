// Purpose: the usual steps on a stream: wait until ready, read exactly, write all.
#pragma once

#include "runtime/stream.h"
#include "runtime/wait.h"

namespace runtime {

// `co_await readable(stream, timeout_ms, token)`: ok when a try may succeed (or will say why not).
class [[nodiscard]] ReadyAwaiter final : private detail::WaitNode, private ReadyCallback {
 public:
  enum class Direction { read, write };
  ReadyAwaiter(Stream& stream, Direction direction, std::int64_t timeout_ms, CancelToken token)
      : WaitNode(stream.loop()),
        stream_(stream),
        direction_(direction),
        timeout_ms_(timeout_ms),
        token_(token) {}
  bool await_ready() const noexcept { return stream_.is_closed(); }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    if (!begin(coroutine, timeout_ms_, token_)) return false;
    set_waiter(this);  // may call on_ready() at once, so only after begin()
    return true;
  }
  base::Result<void> await_resume() const {
    if (stream_.is_closed()) return base::fail(base::Errc::closed);
    return result();
  }

 private:
  void on_ready() noexcept override { finish(Outcome::signalled); }
  void gave_up() noexcept override { set_waiter(nullptr); }
  void set_waiter(ReadyCallback* waiter) {
    if (direction_ == Direction::read) {
      stream_.set_read_waiter(waiter);
    } else {
      stream_.set_write_waiter(waiter);
    }
  }

  Stream& stream_;
  Direction direction_;
  std::int64_t timeout_ms_;
  CancelToken token_;
};

inline ReadyAwaiter readable(Stream& stream, std::int64_t timeout_ms = kNoTimeout,
                             CancelToken token = {}) {
  return ReadyAwaiter(stream, ReadyAwaiter::Direction::read, timeout_ms, token);
}
inline ReadyAwaiter writable(Stream& stream, std::int64_t timeout_ms = kNoTimeout,
                             CancelToken token = {}) {
  return ReadyAwaiter(stream, ReadyAwaiter::Direction::write, timeout_ms, token);
}

// Fills `into` wholly. `timeout_ms` bounds each wait without progress.
Task<base::Result<void>> read_exact(Stream& stream, base::MutableBytes into,
                                    std::int64_t timeout_ms = kNoTimeout, CancelToken token = {});
// Sends all of `output`. `timeout_ms` bounds each wait without progress.
Task<base::Result<void>> write_all(Stream& stream, OutputList output,
                                   std::int64_t timeout_ms = kNoTimeout, CancelToken token = {});

}  // namespace runtime
