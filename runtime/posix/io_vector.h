// Purpose: bytes for the calls of writev's family, whose type is not const although they only read.
#pragma once

#include <sys/uio.h>

#include "base/bytes.h"

namespace runtime {

inline iovec io_vector(base::Bytes bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace runtime
