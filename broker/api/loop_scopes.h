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
      (void)co_await runtime::stop_scope(*scope);
    }
  }

 private:
  std::unordered_map<runtime::Loop*, std::unique_ptr<runtime::TaskScope>> scopes_;
};

}  // namespace api
