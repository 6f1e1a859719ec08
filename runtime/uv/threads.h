// Purpose: where threads and signals come from: a thread with a loop, a pool of workers, signals on
// a loop, and the bridge from main() into a coroutine.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "runtime/task.h"
#include "runtime/task_scope.h"
#include "runtime/uv/uv_loop.h"
#include "runtime/workers.h"

namespace runtime {

// A loop on a thread of its own. The loop is there from construction to destruction, so post() to
// it is always good; what it owns must be closed before stop() (on the loop itself).
class LoopThread {
 public:
  explicit LoopThread(std::string name);  // the thread is named so, cut to 15 characters
  ~LoopThread();                          // stop() and join()
  Loop& loop() { return loop_; }
  void stop() { loop_.stop(); }
  void join();  // idempotent; one caller

 private:
  UvLoop loop_;
  std::thread thread_;
};

// `threads` workers take jobs in the order of submission. submit() never waits and drops nothing:
// a loop must not stand still because a disk does. `expected_queue` is where a warning begins;
// what bounds the queue is that each job has a coroutine waiting for it.
std::unique_ptr<WorkerPool> make_worker_pool(std::string name, std::size_t threads,
                                             std::size_t expected_queue);

// SIGTERM, SIGINT and SIGHUP, told on the loop while the object lives.
class SignalWatcher {
 public:
  using Callback = std::function<void(int signal)>;
  SignalWatcher(UvLoop& loop, Callback callback);
  ~SignalWatcher();
  SignalWatcher(const SignalWatcher&) = delete;
  SignalWatcher& operator=(const SignalWatcher&) = delete;

 private:
  struct Core;
  UvLoop& loop_;
  Core* const core_;
};

// Runs the loop on this thread until `task` has ended, and returns its value: main() of a tool, the
// body of a test. What the task throws ends the process.
template <class T>
T block_on(UvLoop& loop, Task<T> task);

namespace detail {

template <class T>
Task<void> keep_result(UvLoop& loop, Task<T> task, std::optional<T>& result) {
  result.emplace(co_await task);
  loop.stop();
}
inline Task<void> stop_after(UvLoop& loop, Task<void> task) {
  co_await task;
  loop.stop();
}

}  // namespace detail

template <class T>
T block_on(UvLoop& loop, Task<T> task) {
  TaskScope scope(loop, "main");
  if constexpr (std::is_void_v<T>) {
    scope.spawn(detail::stop_after(loop, std::move(task)));
    loop.run();
  } else {
    std::optional<T> result;
    scope.spawn(detail::keep_result<T>(loop, std::move(task), result));
    loop.run();
    VERIFY(result.has_value(), "a loop was stopped under the task it was to finish");
    return std::move(*result);
  }
}

}  // namespace runtime
