// Purpose: how long one turn of the loop may go on over a request with very many partitions.
//
//   TurnBudget turn(loop);
//   for (...) {
//     if (turn.is_used_up()) co_await turn.next();
#pragma once

#include "runtime/wait.h"

namespace replication {

class TurnBudget {
 public:
  explicit TurnBudget(runtime::Loop& loop) : loop_(loop), started_ns_(loop.now_ns()) {}
  TurnBudget(const TurnBudget&) = delete;
  TurnBudget& operator=(const TurnBudget&) = delete;

  // Called for each element of work; true: co_await next() before the next one.
  bool is_used_up() {
    if (++elements_ % kElementsPerLook != 0) return false;
    return elements_ >= kElementsMax || loop_.now_ns() - started_ns_ > kTurnNs;
  }
  // Others have their turn; what may have changed meanwhile is to be read again.
  runtime::Task<void> next() {
    co_await runtime::yield(loop_);
    started_ns_ = loop_.now_ns();
    elements_ = 0;
  }

 private:
  static constexpr int kElementsPerLook = 32;
  static constexpr int kElementsMax = 4096;
  static constexpr std::int64_t kTurnNs = 5'000'000;
  runtime::Loop& loop_;
  std::int64_t started_ns_;
  int elements_ = 0;
};

}  // namespace replication
