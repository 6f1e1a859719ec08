#include "broker/network/deadlines.h"

#include <algorithm>

namespace network {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// How soon a deadline that was found passed, but not to be enforced yet, is looked at again.
constexpr std::int64_t kRecheckNs = 1000 * kNsPerMs;
constexpr std::int64_t kNever = runtime::TimerQueue::kNever;

}  // namespace

Deadlines::Deadlines(runtime::Loop& loop, const ConnectionOptions& options, Subject& subject)
    : loop_(loop), options_(options), subject_(subject), last_active_ns_(loop.now_ns()) {}

void Deadlines::start() {
  if (options_.idle_max_ms >= 0) arm(last_active_ns_ + options_.idle_max_ms * kNsPerMs);
}

void Deadlines::stop() {
  is_stopped_ = true;
  if (timer_.armed()) loop_.timers().disarm(timer_);
}

void Deadlines::watch_frame() {
  arm(loop_.now_ns() + std::min(options_.frame_stall_ms * kNsPerMs, kRecheckNs));
}

void Deadlines::answer_waits() {
  answer_moved_ns_ = loop_.now_ns();
  arm(answer_moved_ns_ + options_.write_stall_ms * kNsPerMs);
}

Deadlines::Due Deadlines::next(const Subject::Standing& standing) const {
  switch (standing.owed) {
    case Owed::nothing: break;
    case Owed::room_for_answer:
      return {answer_moved_ns_ + options_.write_stall_ms * kNsPerMs, "response without progress"};
    case Owed::rest_of_frame:
      return {standing.frame_progress_ns + options_.frame_stall_ms * kNsPerMs,
              "stalled while others wait"};
    case Owed::request:
      if (options_.idle_max_ms < 0) break;
      return {last_active_ns_ + options_.idle_max_ms * kNsPerMs, "idle"};
  }
  return {kNever, ""};
}

void Deadlines::arm(std::int64_t at_ns) {
  if (is_stopped_ || (timer_.armed() && timer_at_ns_ <= at_ns)) return;
  timer_at_ns_ = at_ns;
  loop_.timers().arm(
      timer_, at_ns, [](void* self) noexcept { static_cast<Deadlines*>(self)->look(); }, this);
}

void Deadlines::look() noexcept {
  const std::int64_t now_ns = loop_.now_ns();
  const Subject::Standing standing = subject_.standing();
  Due due = next(standing);
  if (subject_.measure_frame(now_ns)) due = {now_ns, "too slow while others wait"};
  if (due.at_ns <= now_ns) {
    subject_.on_deadline_passed(due.reason);
    return;
  }
  // The broker is at work, or memory is held that nobody wants yet: look again later.
  std::int64_t again_ns = due.at_ns;
  if (standing.holds_memory) again_ns = std::min(again_ns, now_ns + kRecheckNs);
  if (again_ns == kNever && options_.idle_max_ms >= 0) {
    again_ns = now_ns + std::max(options_.idle_max_ms * kNsPerMs, kRecheckNs);
  }
  if (again_ns != kNever) arm(again_ns);
}

}  // namespace network
