// Purpose: assertions that are always on. (Not named CHECK: that word is doctest's.)
//
// VERIFY is for programmer errors and cheap invariants; it ends the process with a line and a
// backtrace. DVERIFY is for costly ones (debug builds only). Never on input: bytes from network,
// disk or ZooKeeper give a Result.
#pragma once

#include <fmt/core.h>

#include <string>

namespace base {

[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);

inline std::string check_message() { return {}; }
template <class... Args>
std::string check_message(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}

}  // namespace base

#define VERIFY(condition, ...)                                       \
  do {                                                              \
    if (!(condition)) [[unlikely]] {                                \
      ::base::check_failed(__FILE__, __LINE__, #condition,          \
                           ::base::check_message(__VA_ARGS__));     \
    }                                                               \
  } while (false)

#ifdef NDEBUG
#define DVERIFY(condition, ...) \
  do {                         \
    if (false) VERIFY(condition, __VA_ARGS__); \
  } while (false)
#else
#define DVERIFY(condition, ...) VERIFY(condition, __VA_ARGS__)
#endif
