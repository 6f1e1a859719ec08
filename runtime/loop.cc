#include "runtime/loop.h"

namespace runtime {
namespace {

thread_local Loop* current_loop = nullptr;

}  // namespace

Loop* Loop::current() { return current_loop; }
void Loop::set_current(Loop* loop) { current_loop = loop; }

}  // namespace runtime
