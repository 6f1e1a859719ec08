// Purpose: runtime::FileSystem as Linux system calls.
//
// Plain blocking calls, no mmap, no io_uring, no libuv pool: which thread may wait is the caller's
// decision (runtime/file.h). The object is stateless and may be shared by all threads.
#pragma once

#include <memory>

#include "runtime/file.h"

namespace runtime {

std::unique_ptr<FileSystem> make_posix_file_system();

}  // namespace runtime
