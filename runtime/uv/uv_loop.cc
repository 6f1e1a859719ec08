#include "runtime/uv/uv_loop.h"

#include <signal.h>

#include "base/check.h"
#include "runtime/uv/uv_listener.h"
#include "runtime/uv/uv_stream.h"

namespace runtime {
namespace {

void must(int status, const char* what) {
  VERIFY(status == 0, "{}: {}", what, uv_strerror(status));
}

template <class Handle>
UvLoop& loop_of(Handle* handle) {
  return *static_cast<UvLoop*>(handle->data);
}

}  // namespace

UvLoop::UvLoop() {
  // sendfile to a peer that has gone raises it, and unlike sendmsg takes no MSG_NOSIGNAL.
  (void)::signal(SIGPIPE, SIG_IGN);
  must(uv_loop_init(&native_), "make an event loop");
  must(uv_prepare_init(&native_, &prepare_), "uv_prepare_init");
  must(uv_check_init(&native_, &check_), "uv_check_init");
  must(uv_idle_init(&native_, &idle_), "uv_idle_init");
  must(uv_timer_init(&native_, &timer_), "uv_timer_init");
  const auto on_post = [](uv_async_t* handle) noexcept {
    UvLoop& loop = loop_of(handle);
    loop.drain_inbox();
    if (loop.stop_requested_.load(std::memory_order_acquire)) uv_stop(&loop.native_);
  };
  must(uv_async_init(&native_, &async_, on_post), "uv_async_init");
  prepare_.data = check_.data = idle_.data = timer_.data = async_.data = this;
  const auto on_prepare = [](uv_prepare_t* handle) noexcept { loop_of(handle).before_wait(); };
  const auto on_check = [](uv_check_t* handle) noexcept { loop_of(handle).drain_ready(); };
  must(uv_prepare_start(&prepare_, on_prepare), "uv_prepare_start");
  must(uv_check_start(&check_, on_check), "uv_check_start");
}

UvLoop::~UvLoop() {
  VERIFY(open_handles_ == 0, "a loop was destroyed under {} sockets", open_handles_);
  // Dropping what was posted may post again (an abandoned Sender does).
  for (;;) {
    std::vector<std::move_only_function<void()>> dropped;
    {
      base::LockGuard guard(mutex_);
      dropped.swap(inbox_);
    }
    if (dropped.empty()) break;
  }
  VERIFY(!has_ready(), "a loop was destroyed under coroutines that were ready to run");
  for (uv_handle_t* handle :
       {reinterpret_cast<uv_handle_t*>(&prepare_), reinterpret_cast<uv_handle_t*>(&check_),
        reinterpret_cast<uv_handle_t*>(&idle_), reinterpret_cast<uv_handle_t*>(&timer_),
        reinterpret_cast<uv_handle_t*>(&async_)}) {
    uv_close(handle, nullptr);
  }
  uv_run(&native_, UV_RUN_DEFAULT);  // the close callbacks of these and of all sockets
  must(uv_loop_close(&native_), "close an event loop");
}

void UvLoop::run() {
  VERIFY(current() == nullptr, "a thread runs one loop");
  set_current(this);
  if (!stop_requested_.load(std::memory_order_acquire)) uv_run(&native_, UV_RUN_DEFAULT);
  stop_requested_.store(false, std::memory_order_release);
  set_current(nullptr);
}

void UvLoop::stop() {
  stop_requested_.store(true, std::memory_order_release);
  uv_async_send(&async_);
}

void UvLoop::make_ready(std::coroutine_handle<> coroutine) {
  DVERIFY(current() == nullptr || is_current(), "only its own thread resumes a loop's coroutines");
  ready_.push_back(coroutine);
}

void UvLoop::post(std::move_only_function<void()> work) {
  bool was_empty;
  {
    base::LockGuard guard(mutex_);
    was_empty = inbox_.empty();
    inbox_.push_back(std::move(work));
  }
  if (was_empty) uv_async_send(&async_);
}

void UvLoop::drain_inbox() noexcept {
  {
    base::LockGuard guard(mutex_);
    inbox_running_.swap(inbox_);
  }
  for (auto& work : inbox_running_) work();
  inbox_running_.clear();
}

void UvLoop::drain_ready() noexcept {
  for (int budget = kReadyPerTurn; budget > 0; --budget) {
    if (next_running_ == running_.size()) {
      running_.clear();
      next_running_ = 0;
      if (ready_.empty()) return;
      running_.swap(ready_);
    }
    running_[next_running_++].resume();
  }
}

void UvLoop::before_wait() noexcept {
  drain_ready();
  if (has_ready()) {
    // An active idle handle makes the wait a look.
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&idle_);
  }
  arm_timer();
}

// Most timers are timeouts that are disarmed long before they are due. So an alarm that has become
// too early is left alone; it fires once for nothing and is set anew.
void UvLoop::arm_timer() noexcept {
  const std::int64_t deadline_ns = timers_.next_deadline_ns();
  if (deadline_ns >= armed_deadline_ns_) return;
  armed_deadline_ns_ = deadline_ns;
  const std::int64_t wait_ns = deadline_ns - now_ns();
  const std::int64_t wait_ms = wait_ns <= 0 ? 0 : (wait_ns + 999'999) / 1'000'000;
  // libuv counts from its cached time, which may be older than now: then it fires early, finds
  // nothing due and is armed again for the rest.
  uv_timer_start(
      &timer_, [](uv_timer_t* handle) noexcept { loop_of(handle).on_timer(); },
      static_cast<std::uint64_t>(wait_ms), 0);
}

void UvLoop::on_timer() noexcept {
  armed_deadline_ns_ = TimerQueue::kNever;
  timers_.expire(now_ns());
}

Task<base::Result<std::unique_ptr<Stream>>> UvLoop::connect(SocketAddress to,
                                                            std::int64_t timeout_ms,
                                                            CancelToken token) {
  return connect_uv_stream(*this, to, timeout_ms, token);
}

base::Result<std::unique_ptr<Listener>> UvLoop::listen(SocketAddress at, ListenOptions options) {
  return open_uv_listener(*this, at, options);
}

base::Result<std::unique_ptr<Stream>> UvLoop::adopt(
    std::unique_ptr<AcceptedConnection> connection) {
  return adopt_uv_stream(*this, std::move(connection));
}

std::unique_ptr<UvLoop> make_uv_loop() { return std::make_unique<UvLoop>(); }

}  // namespace runtime
