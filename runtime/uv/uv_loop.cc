#include "runtime/uv/uv_loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

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
  open_wake();
  prepare_.data = check_.data = idle_.data = timer_.data = this;
  const auto on_prepare = [](uv_prepare_t* handle) noexcept { loop_of(handle).before_wait(); };
  const auto on_check = [](uv_check_t* handle) noexcept {
    loop_of(handle).watch_.begin_turn(loop_of(handle).now_ns());
    loop_of(handle).drain_inbox();
    loop_of(handle).drain_ready();
  };
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
        reinterpret_cast<uv_handle_t*>(&wake_watch_)}) {
    uv_close(handle, nullptr);
  }
  uv_run(&native_, UV_RUN_DEFAULT);  // the close callbacks of these and of all sockets
  must(uv_loop_close(&native_), "close an event loop");
}

void UvLoop::run() {
  VERIFY(current() == nullptr, "a thread runs one loop");
  set_current(this);
  watch_.begin_turn(now_ns());
  if (!stop_requested_.load(std::memory_order_acquire)) uv_run(&native_, UV_RUN_DEFAULT);
  stop_requested_.store(false, std::memory_order_release);
  set_current(nullptr);
}

void UvLoop::stop() {
  stop_requested_.store(true, std::memory_order_release);
  wake();
}

void UvLoop::open_wake() {
  wake_ = FileDescriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  VERIFY(wake_.is_open(), "make an event descriptor: {}", std::strerror(errno));
  must(uv_poll_init(&native_, &wake_watch_, wake_.get()), "uv_poll_init");
  wake_watch_.data = this;
  const auto on_event = [](uv_poll_t* handle, int, int) noexcept { loop_of(handle).on_wake(); };
  must(uv_poll_start(&wake_watch_, UV_READABLE, on_event), "uv_poll_start");
}

void UvLoop::wake() {
  const std::uint64_t one = 1;
  ssize_t written;
  do {
    written = ::write(wake_.get(), &one, sizeof one);
  } while (written < 0 && errno == EINTR);
  // Only a counter at its end refuses, 2^64 wake-ups from here, and it wakes all the same.
}

void UvLoop::make_ready(std::coroutine_handle<> coroutine) {
  DVERIFY(current() == nullptr || is_current(), "only its own thread resumes a loop's coroutines");
  ready_.push_back(coroutine);
}

void UvLoop::post(std::move_only_function<void()> work) {
  bool must_wake;
  {
    base::LockGuard guard(mutex_);
    inbox_.push_back(std::move(work));
    must_wake = std::exchange(is_asleep_, false);
  }
  if (must_wake) wake();
}

bool UvLoop::may_sleep() noexcept {
  base::LockGuard guard(mutex_);
  is_asleep_ = inbox_.empty();
  return is_asleep_;
}

void UvLoop::drain_inbox() noexcept {
  {
    base::LockGuard guard(mutex_);
    is_asleep_ = false;
    inbox_running_.swap(inbox_);
  }
  if (inbox_running_.empty()) return;
  std::int64_t begun_ns = now_ns();
  for (auto& work : inbox_running_) {
    watch_.begin_piece("a posted job");
    work();
    const std::int64_t ended_ns = now_ns();
    watch_.end_piece(begun_ns, ended_ns);
    begun_ns = ended_ns;
  }
  inbox_running_.clear();
}

// libuv watches levels: a descriptor that is never read would be reported for ever. It registers
// the descriptor in its first wait and leaves it alone from then on, so the first event is the
// time to ask for edges instead. Every write is an edge, read or not. Should libuv ever register
// it anew, the event comes without a cause and the descriptor is read and set again.
//
// The read may take a wake-up that has just been written, and with it the only word of a stop: that
// is why before_wait() looks at stop_requested_ in every turn.
void UvLoop::on_wake() noexcept {
  if (wakes_by_edge_) {
    bool is_spurious;
    {
      base::LockGuard guard(mutex_);
      is_spurious = is_asleep_;  // nobody has posted
    }
    if (!is_spurious) return;
  }
  std::uint64_t count;
  (void)!::read(wake_.get(), &count, sizeof count);
  watch_wake_edges();
}

void UvLoop::watch_wake_edges() noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.fd = wake_.get();  // how libuv finds its handle
  wakes_by_edge_ = ::epoll_ctl(uv_backend_fd(&native_), EPOLL_CTL_MOD, wake_.get(), &event) == 0;
}

void UvLoop::drain_ready() noexcept {
  if (!has_ready()) return;
  std::int64_t begun_ns = now_ns();
  const std::int64_t end_ns = begun_ns + kReadyNsPerTurn;
  for (int budget = kReadyPerTurn; budget > 0 && begun_ns < end_ns; --budget) {
    if (next_running_ == running_.size()) {
      running_.clear();
      next_running_ = 0;
      if (ready_.empty()) return;
      running_.swap(ready_);
    }
    watch_.begin_piece("a coroutine");
    running_[next_running_++].resume();
    const std::int64_t ended_ns = now_ns();
    watch_.end_piece(begun_ns, ended_ns);
    begun_ns = ended_ns;
  }
}

void UvLoop::before_wait() noexcept {
  drain_ready();
  if (stop_requested_.load(std::memory_order_acquire)) uv_stop(&native_);
  if (has_ready() || !may_sleep()) {
    // An active idle handle makes the wait a look.
    uv_idle_start(&idle_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&idle_);
  }
  arm_timer();
  watch_.end_turn(now_ns());
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
  const std::int64_t begun_ns = now_ns();
  watch_.begin_piece("timers");
  timers_.expire(begun_ns);
  watch_.end_piece(begun_ns, now_ns());
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
