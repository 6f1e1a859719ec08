// Purpose: brings one segment into order after an unclean stop: checks every batch that need not be
// on the device, builds what the indexes say of them anew, and cuts at the first invalid one.
// Source: LogSegment.recover.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/types.h"
#include "storage/log_loader.h"

namespace storage {

struct SegmentRecovery {
  const LoadRequest& request;
  LeaderEpochCache& epochs;
  ProducerState* producers;               // null: neither they nor the epochs learn anything
  base::Offset from;                      // what ends below it is on the device and not read
  std::optional<base::Offset> next_base;  // of the segment behind
};

// False if the log ends in this segment, whatever was behind it.
base::Result<bool> recover_segment(Segment& segment, const SegmentRecovery& recovery);

}  // namespace storage
