// Purpose: faults of a simulated disk, drawn from a seed: which operations fail and how, how long
// they take, and what that makes of the device. Goes into SimFileSystem as its fault hook.
//
//   SimFaultPlan plan(seed, {.no_room = 100, .sync_fails = 5}, "/data/");
//   files.set_fault_hook([&plan](auto operation, const auto& path) {
//     return plan.draw(operation, path);
//   });
// One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "runtime/sim/sim_disk.h"
#include "runtime/xoshiro.h"

namespace runtime {

// Of a thousand operations of a kind, each.
struct SimFaultOdds {
  unsigned write_fails = 0;     // EIO; a part of a write may get through
  unsigned no_room = 0;         // ENOSPC or EDQUOT of a write or creation, in the same way
  unsigned sync_fails = 0;      // EIO, ENOSPC or EDQUOT
  unsigned no_descriptors = 0;  // EMFILE or ENFILE
  unsigned rename_fails = 0;    // EIO
  unsigned read_fails = 0;      // EIO
  unsigned delays = 0;          // of any operation, `delay_ms` each
  std::int64_t delay_ms = 0;
};

class SimFaultPlan {
 public:
  // Only operations on paths that begin with `prefix`.
  SimFaultPlan(std::uint64_t seed, SimFaultOdds odds, std::string prefix = "/")
      : odds_(odds), prefix_(std::move(prefix)), random_(seed) {}

  SimFileFault draw(SimFileOperation operation, const std::string& path);

  // Told of each delay; a test lets its clock go on.
  std::function<void(std::int64_t ms)> on_delay;

  std::int64_t fault_count() const { return fault_count_; }
  // Something that only a failing device does. No room and no descriptors are not.
  bool has_device_failed() const { return !device_failure_.empty(); }
  // The first of it: "sync /data/t-0/00.log: 5".
  const std::string& device_failure() const { return device_failure_; }

 private:
  bool happens(unsigned per_thousand) { return random_.next() % 1000 < per_thousand; }
  SimFileFault fail(int errno_value, bool in_part);
  SimFileFault choose(SimFileOperation operation);

  const SimFaultOdds odds_;
  const std::string prefix_;
  Xoshiro random_;
  std::int64_t fault_count_ = 0;
  std::string device_failure_;
};

}  // namespace runtime
