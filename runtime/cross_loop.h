// Purpose: calling a coroutine that lives on another loop and waiting for its answer on this one.
//
//   co_await call_on(controller.scope(), [&c = controller, id] { return c.controlled_shutdown(id);
//   });
//
// `make_task` is a plain callable (no coroutine) that runs on the scope's loop and returns a Task;
// it owns its captures until the task has ended. The scope must live as long as its loop runs; once
// it is cancelled, or its loop has stopped, callers get Errc::closed.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "runtime/task_scope.h"

namespace runtime {
namespace detail {

template <class T>
struct TaskValue;
template <class T>
struct TaskValue<Task<T>> {
  using type = T;
};

template <class T>
struct AsResult {
  using type = base::Result<T>;
};
template <class T>
struct AsResult<base::Result<T>> {
  using type = base::Result<T>;
};

template <class R, class MakeTask>
Task<void> carry(std::unique_ptr<MakeTask> make_task, Sender<R> sender) {
  using Value = typename TaskValue<std::invoke_result_t<MakeTask&>>::type;
  if constexpr (std::is_void_v<Value>) {
    co_await (*make_task)();
    sender.complete(R());
  } else {
    sender.complete(R(co_await (*make_task)()));
  }
}

}  // namespace detail

template <class MakeTask>
auto call_on(TaskScope& scope, MakeTask make_task) -> Task<typename detail::AsResult<
    typename detail::TaskValue<std::invoke_result_t<MakeTask&>>::type>::type> {
  using R = typename detail::AsResult<
      typename detail::TaskValue<std::invoke_result_t<MakeTask&>>::type>::type;
  auto [sender, receiver] = one_shot<R>(*Loop::current());
  scope.loop().post([&scope, sender = std::move(sender),
                     make = std::make_unique<MakeTask>(std::move(make_task))]() mutable {
    if (scope.cancelled()) return;  // the sender tells
    scope.spawn(detail::carry<R, MakeTask>(std::move(make), std::move(sender)));
  });
  auto answer = co_await receiver.wait();
  if (!answer) co_return R(base::fail(answer.error()));
  co_return std::move(*answer);
}

// Cancels a scope that lives on another loop (or on this one) and waits until it has no task left.
// Errc::closed if its loop has stopped.
inline Task<base::Result<void>> stop_scope(TaskScope& scope);

namespace detail {

// The joining task must not be counted among those it waits for: it has a scope of its own.
inline Task<void> join_scope(TaskScope& scope, Sender<bool> sender,
                             std::shared_ptr<TaskScope> self) {
  co_await scope.join();
  sender.complete(true);
  // Its scope goes in a later turn, when this task has left it.
  TaskScope* owner = self.get();
  owner->loop().post([self = std::move(self)] {});
}

}  // namespace detail

inline Task<base::Result<void>> stop_scope(TaskScope& scope) {
  auto [sender, receiver] = one_shot<bool>(*Loop::current());
  scope.loop().post([&scope, sender = std::move(sender)]() mutable {
    scope.cancel();
    auto joiner = std::make_shared<TaskScope>(scope.loop(), "join another scope");
    TaskScope& owner = *joiner;
    owner.spawn(detail::join_scope(scope, std::move(sender), std::move(joiner)));
  });
  const auto joined = co_await receiver.wait();
  if (!joined) co_return base::fail(joined.error());
  co_return base::Result<void>();
}

}  // namespace runtime
