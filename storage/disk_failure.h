// Purpose: the five names of a disk's failures, told apart in this one place, each with its one
// treatment. Nothing else decides anything from the error codes of files.
#pragma once

#include "base/error.h"

namespace storage {

enum class DiskFailure {
  device_failed,  // the log directory goes offline
  no_room,        // a write did not fit: this operation fails, later ones succeed by themselves
  bad_content,    // what was read makes no sense: this partition, this batch; no fault of a disk
  moved,          // deleted or renamed under the caller, who looks again or gives up
  out_of_descriptors,  // the process's, or the kernel's memory: passes, to be tried again
};

enum class DiskAccess { read, write };

// `is_gone`: what was accessed has been deleted or renamed meanwhile, as far as the caller knows; a
// file that is missing otherwise was lost by the device. A failed sync is device_failed whatever
// its errno was: what the kernel could not write it has dropped.
DiskFailure classify(const base::Error& error, DiskAccess access, bool is_gone = false);

// A write that can be done later, or never: entries of an index, a snapshot.
inline bool can_do_without(const base::Error& error) {
  return classify(error, DiskAccess::write) != DiskFailure::device_failed;
}

}  // namespace storage
