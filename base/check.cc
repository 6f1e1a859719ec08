#include "base/check.h"

#include <execinfo.h>
#include <unistd.h>

#include <cstdlib>

namespace base {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  const std::string text =
      fmt::format("VERIFY failed at {}:{}: {}{}{}\n", file, line, condition,
                  message.empty() ? "" : ": ", message);
  // Straight to the descriptor: the logger may be what is broken.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
  void* frames[64];
  const int depth = ::backtrace(frames, 64);
  ::backtrace_symbols_fd(frames, depth, STDERR_FILENO);
  std::abort();
}

}  // namespace base
