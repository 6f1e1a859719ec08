// Purpose: a loop's timers: an intrusive binary heap, shared by the real and the simulated loop.
// One loop; not thread-safe. Arming and disarming never allocate once the heap has grown.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/check.h"

namespace runtime {

class TimerQueue;

// Fires once at its deadline. Lives in its owner; disarms itself when destroyed.
class Timer {
 public:
  using Callback = void (*)(void* context) noexcept;

  Timer() = default;
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool armed() const { return queue_ != nullptr; }

 private:
  friend class TimerQueue;
  static constexpr std::size_t kNotQueued = std::numeric_limits<std::size_t>::max();
  TimerQueue* queue_ = nullptr;
  std::size_t index_ = kNotQueued;
  std::int64_t deadline_ns_ = 0;
  std::uint64_t sequence_ = 0;  // equal deadlines fire in arming order
  Callback callback_ = nullptr;
  void* context_ = nullptr;
};

class TimerQueue {
 public:
  TimerQueue() = default;
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  // `deadline_ns` on the loop's monotonic clock. Re-arms a timer that is armed.
  void arm(Timer& timer, std::int64_t deadline_ns, Timer::Callback callback, void* context);
  void disarm(Timer& timer);

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  std::int64_t next_deadline_ns() const {
    return heap_.empty() ? kNever : heap_.front()->deadline_ns_;
  }
  // Calls back all timers due at `now_ns`; they may arm others, which fire in a later call.
  void expire(std::int64_t now_ns);
  bool empty() const { return heap_.empty(); }

 private:
  static bool before(const Timer& a, const Timer& b) {
    return a.deadline_ns_ != b.deadline_ns_ ? a.deadline_ns_ < b.deadline_ns_
                                            : a.sequence_ < b.sequence_;
  }
  void place(Timer* timer, std::size_t index) {
    heap_[index] = timer;
    timer->index_ = index;
  }
  void sift_up(std::size_t index);
  void sift_down(std::size_t index);
  void remove_at(std::size_t index);

  std::vector<Timer*> heap_;
  std::uint64_t next_sequence_ = 0;
};

}  // namespace runtime
