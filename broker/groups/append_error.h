// Purpose: what a failed append to __consumer_offsets is called in the coordinator's answers.
// Source: GroupMetadataManager.maybeConvertOffsetCommitError, storeGroup (3.9).
#pragma once

#include "base/error.h"
#include "protocol/error_code.h"

namespace groups {

// In OffsetCommit.
protocol::ErrorCode commit_error(const base::Error& error);
// For a group's record, in SyncGroup and JoinGroup.
protocol::ErrorCode store_error(const base::Error& error);

}  // namespace groups
