// Purpose: Task<T>, the coroutine type of the asynchronous shell.
//
// A Task is lazy: it runs when awaited, on the awaiting task's loop, and must be awaited where it
// is made (or handed to a TaskScope). A child that finishes without suspending returns to its
// parent without growing the stack, in every build: await_suspend starts the child and answers
// false when it is done.
//
// Rules (docs/ARCHITECTURE.md, "Coroutines"): parameters by value; no capturing lambda is a
// coroutine; a suspended task is never destroyed, it is cancelled and ends by itself; nothing is
// detached.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "base/check.h"

namespace runtime {

template <class T = void>
class Task;

namespace detail {

class TaskPromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }

  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) noexcept {
      TaskPromiseBase& promise = self.promise();
      promise.done_ = true;
      // No continuation yet: the parent is still inside await_suspend and will see done_.
      return promise.continuation_ ? promise.continuation_ : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  bool done() const { return done_; }
  void set_continuation(std::coroutine_handle<> parent) { continuation_ = parent; }
  void rethrow_if_failed() {
    if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
  bool done_ = false;
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow_if_failed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() { rethrow_if_failed(); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, {})), started_(other.started_) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (!handle_) return;
    VERIFY(!started_ || handle_.promise().done(), "a suspended task was destroyed");
    handle_.destroy();
  }

  class Awaiter {
   public:
    explicit Awaiter(Handle handle) noexcept : handle_(handle) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> parent) noexcept {
      handle_.resume();
      if (handle_.promise().done()) return false;
      handle_.promise().set_continuation(parent);
      return true;
    }
    T await_resume() { return handle_.promise().take(); }

   private:
    Handle handle_;
  };

  Awaiter operator co_await() noexcept {
    VERIFY(!started_, "a task can be awaited once");
    started_ = true;
    return Awaiter(handle_);
  }

 private:
  Handle handle_;
  bool started_ = false;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace detail

}  // namespace runtime
