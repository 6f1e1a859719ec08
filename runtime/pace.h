// Purpose: long work on a loop in pieces: the loop gets a turn for its sockets, timers and other
// coroutines each time the work has had it for 10 ms.
//
//   runtime::Pace pace(loop);
//   for (auto& item : items) {
//     work_on(item);
//     if (pace.is_due()) co_await pace.pause();
//   }
//
// What the work holds on to must stand a pause: no lock, no iterator that others may invalidate.
#pragma once

#include <cstdint>

#include "runtime/wait.h"

namespace runtime {

class Pace {
 public:
  explicit Pace(Loop& loop, std::int64_t budget_ns = 10'000'000)
      : loop_(loop), budget_ns_(budget_ns), began_ns_(loop.now_ns()) {}

  bool is_due() const { return loop_.now_ns() - began_ns_ >= budget_ns_; }
  Task<void> pause() {
    // Not yield(): that comes back before the sockets are looked at.
    (void)co_await sleep_ms(loop_, 0);
    began_ns_ = loop_.now_ns();
  }

 private:
  Loop& loop_;
  const std::int64_t budget_ns_;
  std::int64_t began_ns_;
};

}  // namespace runtime
