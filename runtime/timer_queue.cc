#include "runtime/timer_queue.h"

namespace runtime {

Timer::~Timer() {
  if (queue_ != nullptr) queue_->disarm(*this);
}

TimerQueue::~TimerQueue() {
  VERIFY(heap_.empty(), "a loop was destroyed under {} timers", heap_.size());
}

void TimerQueue::arm(Timer& timer, std::int64_t deadline_ns, Timer::Callback callback,
                     void* context) {
  disarm(timer);
  timer.queue_ = this;
  timer.deadline_ns_ = deadline_ns;
  timer.sequence_ = next_sequence_++;
  timer.callback_ = callback;
  timer.context_ = context;
  heap_.push_back(&timer);
  timer.index_ = heap_.size() - 1;
  sift_up(timer.index_);
}

void TimerQueue::disarm(Timer& timer) {
  if (timer.queue_ == nullptr) return;
  VERIFY(timer.queue_ == this);
  remove_at(timer.index_);
  timer.queue_ = nullptr;
}

void TimerQueue::expire(std::int64_t now_ns) {
  const std::uint64_t armed_later = next_sequence_;
  while (!heap_.empty()) {
    Timer* timer = heap_.front();
    if (timer->deadline_ns_ > now_ns || timer->sequence_ >= armed_later) break;
    remove_at(0);
    timer->queue_ = nullptr;
    timer->callback_(timer->context_);
  }
}

void TimerQueue::remove_at(std::size_t index) {
  Timer* removed = heap_[index];
  Timer* last = heap_.back();
  heap_.pop_back();
  removed->index_ = Timer::kNotQueued;
  if (last == removed) return;
  place(last, index);
  sift_up(index);
  sift_down(last->index_);
}

void TimerQueue::sift_up(std::size_t index) {
  Timer* timer = heap_[index];
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!before(*timer, *heap_[parent])) break;
    place(heap_[parent], index);
    index = parent;
  }
  place(timer, index);
}

void TimerQueue::sift_down(std::size_t index) {
  Timer* timer = heap_[index];
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(*heap_[child + 1], *heap_[child])) ++child;
    if (!before(*heap_[child], *timer)) break;
    place(heap_[child], index);
    index = child;
  }
  place(timer, index);
}

}  // namespace runtime
