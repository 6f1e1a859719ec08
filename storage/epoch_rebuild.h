// Purpose: a log's leader epochs learned from its batch headers, when their file cannot be read.
#pragma once

#include "base/result.h"
#include "storage/leader_epoch_cache.h"
#include "storage/segment.h"

namespace storage {

// Fills `epochs`, which is empty. Each segment is read up to its first bytes that are no batch:
// what becomes of those is recovery's to decide. Errors: errno.
base::Result<void> rebuild_leader_epochs(LeaderEpochCache& epochs, const SegmentList& segments);

}  // namespace storage
