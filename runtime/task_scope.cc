#include "runtime/task_scope.h"

#include <optional>

namespace runtime {

// A coroutine that owns itself: it ends by leaving its scope.
struct TaskScope::Root {
  struct promise_type {
    Root get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }  // run() catches everything
  };
  std::coroutine_handle<promise_type> handle;
};

TaskScope::TaskScope(Loop& loop, std::string name, ExceptionHandler on_exception)
    : loop_(loop), name_(std::move(name)), on_exception_(std::move(on_exception)), empty_(loop) {}

TaskScope::~TaskScope() {
  VERIFY(task_count_ == 0, "scope {} was destroyed with {} tasks inside", name_, task_count_);
}

void TaskScope::spawn(Task<void> task) {
  ++task_count_;
  loop_.make_ready(run(std::move(task)).handle);
}

TaskScope::Root TaskScope::run(Task<void> task) {
  std::optional<std::string> failure;
  {
    // The task's frame, and all it owns, is gone before the scope counts it as finished.
    Task<void> owned = std::move(task);
    try {
      co_await owned;
    } catch (const std::exception& exception) {
      failure = exception.what();
    } catch (...) {
      failure = "unknown exception";
    }
  }
  finished(failure ? &*failure : nullptr);
}

void TaskScope::finished(const std::string* failure) {
  if (failure != nullptr) {
    VERIFY(on_exception_ != nullptr, "a task of scope {} threw: {}", name_, *failure);
    on_exception_(*failure);
  }
  --task_count_;
  if (task_count_ == 0) empty_.notify_all();
}

Task<void> TaskScope::join() {
  while (task_count_ > 0) (void)co_await empty_.wait();
}

}  // namespace runtime
