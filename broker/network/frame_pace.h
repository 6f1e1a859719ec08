// Purpose: how fast a large frame arrives, while others may wait for the memory that it holds.
//
// Two measures. Progress: a frame that brings less than 64 KB in frame_stall_ms has stalled. Rate:
// one that would take more than frame_arrival_ms to arrive has a slow sender, which the memory
// budget compares with the others.
#pragma once

#include <cstdint>
#include <optional>

#include "broker/network/connection_shared.h"
#include "broker/network/memory_budget.h"

namespace network {

// Plain code: time goes in. One loop.
class FramePace {
 public:
  // A frame that only its sender holds up.
  struct Frame {
    std::int64_t announced_bytes;
    std::int64_t held_bytes;  // of the budget
  };

  // Both outlive it.
  FramePace(MemoryBudget& budget, const ConnectionOptions& options)
      : budget_(budget), options_(options) {}

  void note_bytes(std::size_t count, std::int64_t now_ns);
  void note_progress(std::int64_t now_ns);
  // The time until now was not the sender's.
  void restart(std::int64_t now_ns);
  std::int64_t progress_ns() const { return progress_ns_; }  // when there was some last

  // Measures the rate since the last look and tells the budget. True if this frame has to go,
  // because others wait. Nullopt: no frame that its sender holds up.
  bool measure(std::optional<Frame> frame, std::int64_t now_ns);
  // The budget counts it among the slow ones, until measure() takes it back.
  bool is_slow() const { return holder_.is_slow(); }

 private:
  struct Measurement {
    std::int64_t begun_ns;
    std::int64_t bytes;
  };

  MemoryBudget& budget_;
  const ConnectionOptions& options_;
  MemoryBudget::Holder holder_{budget_};
  std::int64_t progress_ns_ = 0;
  std::size_t bytes_since_progress_ = 0;
  std::optional<Measurement> rate_;
};

}  // namespace network
