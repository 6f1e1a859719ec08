// Purpose: one TaskScope per data loop for what a request leaves running after its handler has
// ended, such as a Produce that waits for replicas. Cancelled and joined when the broker stops.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "runtime/cross_loop.h"
#include "runtime/task_scope.h"

namespace api {

class LoopScopes {
 public:
  explicit LoopScopes(const std::vector<runtime::Loop*>& loops) {
    for (runtime::Loop* loop : loops) {
      scopes_.emplace(loop, std::make_unique<runtime::TaskScope>(*loop, "requests"));
    }
  }

  // Of the calling thread's loop.
  runtime::TaskScope& current() {
    const auto place = scopes_.find(runtime::Loop::current());
    VERIFY(place != scopes_.end(), "a request is handled outside of a data loop");
    return *place->second;
  }

  // From any loop; ends when no task is left.
  runtime::Task<void> stop() {
    for (auto& [loop, scope] : scopes_) {
      (void)co_await stop_one(*scope);
    }
  }

 private:
  static runtime::Task<base::Result<void>> stop_one(runtime::TaskScope& scope) {
    // The joining task itself must not be counted: a scope of its own on the same loop.
    auto [sender, receiver] = runtime::one_shot<bool>(*runtime::Loop::current());
    scope.loop().post([&scope, sender = std::move(sender)]() mutable {
      scope.cancel();
      auto joiner = std::make_shared<runtime::TaskScope>(scope.loop(), "join requests");
      runtime::TaskScope& owner = *joiner;
      owner.spawn(join(scope, std::move(sender), std::move(joiner)));
    });
    const auto joined = co_await receiver.wait();
    if (!joined) co_return base::fail(joined.error());
    co_return base::Result<void>();
  }
  static runtime::Task<void> join(runtime::TaskScope& scope, runtime::Sender<bool> sender,
                                  std::shared_ptr<runtime::TaskScope> self) {
    co_await scope.join();
    sender.complete(true);
    // The joiner goes in a later turn, when this task has left it.
    runtime::TaskScope* owner = self.get();
    owner->loop().post([self = std::move(self)] {});
  }

  std::unordered_map<runtime::Loop*, std::unique_ptr<runtime::TaskScope>> scopes_;
};

}  // namespace api
