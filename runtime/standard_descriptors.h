// Purpose: makes sure that descriptors 0, 1 and 2 are open before anything else is.
//
// Whoever starts a program may have closed them. The next file or socket would get such a number:
// log lines would be written into a data file, and libuv ends the process when it closes one.
//
// To be called first in main, before there are other threads. Reading gives the end of the file;
// writing to 1 fails with EBADF, as it does with a closed descriptor, so that lost output is
// noticed. What goes to 2 is gone: nobody is left to be told. Nothing is reported: where /dev/null
// cannot be opened, all stays as it was.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace runtime {

inline void open_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    const int access = descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY;
    // The lowest free number is given: this one, since those below it are open.
    if (::fcntl(descriptor, F_GETFD) == -1) (void)::open("/dev/null", access);
  }
}

}  // namespace runtime
