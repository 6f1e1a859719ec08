// Purpose: lets code that walks a long list give the loop's other work its turn.
//
//   runtime::TurnBudget turn;
//   for (const auto& key : keys) {
//     if (turn.is_spent()) co_await turn.yield();
//     ...
//   }
#pragma once

#include "runtime/loop.h"
#include "runtime/loop_watch.h"
#include "runtime/wait.h"

namespace runtime {

// Of one coroutine on one loop.
class TurnBudget {
 public:
  static constexpr std::int64_t kTurnNs = 10'000'000;
  // A turn ends with them too, whatever the clock says.
  static constexpr std::uint32_t kElementsMax = 4096;

  TurnBudget() : loop_(*Loop::current()), begun_ns_(loop_.now_ns()) {}

  // Reads the clock at every kStride-th question.
  bool is_spent() {
    if (++asked_ % kStride != 0) return false;
    return asked_ >= kElementsMax || loop_.now_ns() - begun_ns_ >= kTurnNs;
  }

  class [[nodiscard]] Awaiter {
   public:
    explicit Awaiter(TurnBudget& budget) : budget_(budget), note_(running_note()) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
      budget_.loop_.make_ready(coroutine);
    }
    void await_resume() noexcept {
      budget_.begun_ns_ = budget_.loop_.now_ns();
      budget_.asked_ = 0;
      set_running_note(note_);
    }

   private:
    TurnBudget& budget_;
    const LoopWatch::Note note_;
  };
  // Behind everything that is ready to run, and a look at the sockets if the turn has lasted.
  Awaiter yield() { return Awaiter(*this); }

 private:
  static constexpr std::uint32_t kStride = 16;

  Loop& loop_;
  std::int64_t begun_ns_;
  std::uint32_t asked_ = 0;
};

}  // namespace runtime
