// Purpose: the owner of background tasks. Nothing runs detached: an object with tasks has a scope,
// closes it (`cancel(); co_await join();`) and only then ends; the destructor insists.
#pragma once

#include <functional>
#include <string>

#include "runtime/cancel.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace runtime {

// One loop; not thread-safe.
class TaskScope {
 public:
  // `on_exception` gets what a task let escape, as text; by default the process stops, which is
  // right for broker-wide tasks. A connection closes itself there instead.
  using ExceptionHandler = std::function<void(const std::string& what)>;
  explicit TaskScope(Loop& loop, std::string name, ExceptionHandler on_exception = {});
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

  // The task starts from the ready queue, not inside this call. After cancel() it still starts, so
  // that what it owns is released; its first wait answers cancelled.
  void spawn(Task<void> task);
  CancelToken token() { return CancelToken(source_); }
  void cancel() { source_.cancel(); }
  bool cancelled() const { return source_.cancelled(); }
  // Waits until no task is left; does not cancel.
  Task<void> join();
  std::size_t task_count() const { return task_count_; }
  Loop& loop() { return loop_; }

 private:
  struct Root;
  Root run(Task<void> task);
  void finished(const std::string* failure);

  Loop& loop_;
  const std::string name_;
  ExceptionHandler on_exception_;
  CancelSource source_;
  Notify empty_;
  std::size_t task_count_ = 0;
};

}  // namespace runtime
