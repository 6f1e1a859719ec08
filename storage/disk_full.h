// Purpose: tells "no room" from a broken disk. The first passes by itself, the second takes the log
// directory offline.
#pragma once

#include "base/error.h"

namespace storage {

inline bool is_disk_full(const base::Error& error) {
  return error.code() == std::errc::no_space_on_device ||
         error.code() == std::error_code(122 /* EDQUOT */, std::system_category());
}

}  // namespace storage
