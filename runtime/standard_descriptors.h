// Purpose: makes sure that descriptors 0, 1 and 2 are open before anything else is.
//
// Whoever starts a program may have closed them. The next file or socket would get such a number:
// log lines would be written into a data file, and libuv ends the process when it closes one.
//
// To be called first in main, before there are other threads. Reading gives the end of the file;
// writing fails with EBADF, as it does with a closed descriptor. Nothing is reported: where
// /dev/null cannot be opened, all stays as it was.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace runtime {

inline void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    // The lowest free number is given: this one, since those below it are open.
    if (::fcntl(descriptor, F_GETFD) == -1) (void)::open("/dev/null", O_RDONLY);
  }
}

}  // namespace runtime
