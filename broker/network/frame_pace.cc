#include "broker/network/frame_pace.h"

#include <algorithm>

namespace network {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::size_t kProgressBytes = 64 * 1024;
// A rate is measured over at least this.
constexpr std::int64_t kMeasureNs = 1000 * kNsPerMs;
// A frame's sender is not slow if it sends so much, however large the frame.
constexpr std::int64_t kQuickBytesPerSecond = 8 * 1024 * 1024;

}  // namespace

void FramePace::note_bytes(std::size_t count, std::int64_t now_ns) {
  if (rate_) rate_->bytes += static_cast<std::int64_t>(count);
  bytes_since_progress_ += count;
  if (bytes_since_progress_ >= kProgressBytes) note_progress(now_ns);
}

void FramePace::note_progress(std::int64_t now_ns) {
  bytes_since_progress_ = 0;
  progress_ns_ = now_ns;
}

void FramePace::restart(std::int64_t now_ns) {
  rate_.reset();
  note_progress(now_ns);
}

bool FramePace::measure(std::optional<Frame> frame, std::int64_t now_ns) {
  bool is_slow = false;
  if (!frame) {
    rate_.reset();
  } else {
    if (rate_) {
      const std::int64_t took_ms = (now_ns - rate_->begun_ns) / kNsPerMs;
      if (took_ms < kMeasureNs / kNsPerMs) return false;
      const std::int64_t needed = std::min(
          frame->announced_bytes * kMsPerSecond / options_.frame_arrival_ms, kQuickBytesPerSecond);
      is_slow = rate_->bytes < needed * took_ms / kMsPerSecond;
    }
    rate_ = {now_ns, 0};
  }
  return budget_.report_pace(holder_, is_slow ? frame->held_bytes : 0, now_ns);
}

}  // namespace network
