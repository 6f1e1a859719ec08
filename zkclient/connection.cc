#include "zkclient/connection.h"

#include <algorithm>

namespace zkclient {

using base::Errc;
using base::Result;
using runtime::CancelToken;
using runtime::Task;

Task<Result<void>> Connection::fill(std::int64_t deadline_ms, CancelToken token) {
  for (bool last_try = false;;) {
    const auto count = stream_->try_read(reader_.spare());
    if (count) {
      reader_.commit(*count);
      co_return Result<void>();
    }
    if (!count.error().is(Errc::would_block)) co_return base::fail(count.error());
    if (last_try) co_return base::fail(Errc::timed_out, "no bytes from ZooKeeper");
    const std::int64_t left_ms = deadline_ms - stream_->loop().now_ms();
    const auto ready =
        co_await runtime::readable(*stream_, std::max<std::int64_t>(left_ms, 0), token);
    // After a stall of this process the timer fires before the socket is looked at: the bytes may
    // have been there for long.
    last_try = !ready && ready.error().is(Errc::timed_out);
    if (!ready && !last_try) co_return base::fail(ready.error());
  }
}

Task<Result<base::Bytes>> Connection::read_frame(std::int64_t deadline_ms, CancelToken token) {
  for (;;) {
    CO_TRY_ASSIGN(const auto frame, reader_.next());
    if (frame) co_return *frame;
    CO_TRY(co_await fill(deadline_ms, token));
  }
}

Result<bool> Connection::try_flush() {
  while (!output_.empty()) {
    const auto count = stream_->try_write(output_);
    if (count) continue;
    if (count.error().is(Errc::would_block)) return false;
    return base::fail(count.error());
  }
  return true;
}

Task<Result<void>> Connection::flush(std::int64_t timeout_ms, CancelToken token) {
  for (;;) {
    CO_TRY_ASSIGN(const bool flushed, try_flush());
    if (flushed) co_return Result<void>();
    CO_TRY(co_await runtime::writable(*stream_, timeout_ms, token));
  }
}

}  // namespace zkclient
