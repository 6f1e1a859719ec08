// Purpose: the log. One line is one fact: subject, then key=value; partitions as topic-partition.
//
// info = state changes an operator asks about; warn = act, with the remedy; error = something was
// lost. What clients can trigger is rate limited (LOG_WARN_EVERY). No payloads, no secrets.
// Lines go through a bounded queue to a writer thread of its own (the oldest is dropped and
// counted), so that a disk that hangs never holds a loop. Backed by spdlog.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <chrono>
#include <string>
#include <string_view>

namespace base {

enum class LogLevel { debug, info, warn, error, off };

struct LogOptions {
  LogLevel level = LogLevel::info;
  std::string file_path;        // empty: no file
  bool to_stdout = true;
  bool to_stderr = false;       // tools log to stderr
  std::size_t queue_lines = 8192;
};

// Starts the writer thread; once per process, before other threads. Without it lines go to stderr
// synchronously (unit tests).
void start_logging(const LogOptions& options);
// Writes what is queued, waiting at most `wait_ms`; later lines go to stderr.
void stop_logging(int wait_ms);

bool log_enabled(LogLevel level) noexcept;
void set_log_level(LogLevel level) noexcept;
void log_line(LogLevel level, std::string_view line);

template <class... Args>
void log_format(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

// True at most once per interval; counts what it held back. Any thread.
class RateLimit {
 public:
  explicit RateLimit(std::chrono::milliseconds interval) : interval_(interval) {}
  // Sets `suppressed` to the number of refusals since the last true.
  bool allow(std::int64_t& suppressed);

 private:
  const std::chrono::milliseconds interval_;
  std::atomic<std::int64_t> next_ms_{0};
  std::atomic<std::int64_t> refused_{0};
};

}  // namespace base

#define BASE_LOG(level, ...)                                                        \
  do {                                                                              \
    if (::base::log_enabled(level)) ::base::log_format(level, __VA_ARGS__);         \
  } while (false)
#define LOG_DEBUG(...) BASE_LOG(::base::LogLevel::debug, __VA_ARGS__)
#define LOG_INFO(...) BASE_LOG(::base::LogLevel::info, __VA_ARGS__)
#define LOG_WARN(...) BASE_LOG(::base::LogLevel::warn, __VA_ARGS__)
#define LOG_ERROR(...) BASE_LOG(::base::LogLevel::error, __VA_ARGS__)

// For lines that a client can cause: at most one per second and place in the code.
#define LOG_WARN_EVERY(interval_ms, ...)                                            \
  do {                                                                              \
    static ::base::RateLimit limit_{std::chrono::milliseconds(interval_ms)};        \
    std::int64_t suppressed_ = 0;                                                   \
    if (limit_.allow(suppressed_)) {                                                \
      LOG_WARN(__VA_ARGS__);                                                        \
      if (suppressed_ > 0) LOG_WARN("previous warning repeated count={}", suppressed_); \
    }                                                                               \
  } while (false)
