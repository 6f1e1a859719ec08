// Purpose: the loop on libuv. libuv gives readiness, the wake-up from other threads and the wait;
// ready queue, timers and inbox are ours.
//
// One turn: timers, ready queue, wait for readiness, ready queue. At most kReadyPerTurn coroutines
// run between two waits, and none is begun after kReadyNsPerTurn, so a busy ready queue never
// starves the sockets and a coroutine that yields lets them be served.
#pragma once

#include <uv.h>

#include <atomic>
#include <vector>

#include "base/mutex.h"
#include "runtime/loop.h"
#include "runtime/loop_watch.h"
#include "runtime/posix/file_descriptor.h"
#include "runtime/uv/system.h"

namespace runtime {

class UvLoop final : public Loop {
 public:
  UvLoop();  // also makes the process ignore SIGPIPE
  // On the thread that ran it, or after that thread has ended. No stream, listener or timer of this
  // loop may be left; what was posted and not run is dropped.
  ~UvLoop() override;

  // Runs on this thread until stop(). May be run again.
  void run();
  // Any thread; effective even before run().
  void stop();

  Clock& clock() override { return clock_; }
  Random& random() override { return random_; }
  TimerQueue& timers() override { return timers_; }
  void make_ready(std::coroutine_handle<> coroutine) override;
  void post(std::move_only_function<void()> work) override;

  Task<base::Result<std::unique_ptr<Stream>>> connect(SocketAddress to, std::int64_t timeout_ms,
                                                      CancelToken token) override;
  base::Result<std::unique_ptr<Listener>> listen(SocketAddress at, ListenOptions options) override;
  base::Result<std::unique_ptr<Stream>> adopt(
      std::unique_ptr<AcceptedConnection> connection) override;

  // For the handles of runtime/uv: each counts itself while its visible object lives.
  uv_loop_t* native() { return &native_; }
  void handle_opened() { ++open_handles_; }
  void handle_closed() { --open_handles_; }

 private:
  static constexpr int kReadyPerTurn = 1024;
  static constexpr std::int64_t kReadyNsPerTurn = 10'000'000;

  void before_wait() noexcept;  // prepare
  void open_wake();
  void wake();  // any thread
  void watch_wake_edges() noexcept;
  void on_wake() noexcept;
  // True if the inbox is empty: from now on whoever posts wakes the loop.
  bool may_sleep() noexcept EXCLUDES(mutex_);
  void drain_ready() noexcept;
  bool has_ready() const { return next_running_ < running_.size() || !ready_.empty(); }
  void drain_inbox() noexcept;
  void arm_timer() noexcept;
  void on_timer() noexcept;

  SystemClock clock_;
  SystemRandom random_;
  TimerQueue timers_;
  LoopWatch watch_;
  std::int64_t armed_deadline_ns_ = TimerQueue::kNever;

  // Two vectors that swap: no allocation once they have grown.
  std::vector<std::coroutine_handle<>> ready_;
  std::vector<std::coroutine_handle<>> running_;
  std::size_t next_running_ = 0;

  base::Mutex mutex_;
  std::vector<std::move_only_function<void()>> inbox_ GUARDED_BY(mutex_);
  // Waits, or is about to: nobody has woken it yet.
  bool is_asleep_ GUARDED_BY(mutex_) = false;
  std::vector<std::move_only_function<void()>> inbox_running_;
  std::atomic<bool> stop_requested_{false};

  std::int64_t open_handles_ = 0;
  uv_loop_t native_;
  uv_prepare_t prepare_;
  uv_check_t check_;
  uv_idle_t idle_;
  uv_timer_t timer_;
  // Other threads write to it to end the wait. Not uv_async_t, which reads after every wake-up:
  // this one is watched for edges and never read, which saves a system call for each hop between
  // loops.
  FileDescriptor wake_;
  uv_poll_t wake_watch_;
  bool wakes_by_edge_ = false;
};

std::unique_ptr<UvLoop> make_uv_loop();

}  // namespace runtime
