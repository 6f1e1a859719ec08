#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/log_file.h"

namespace base {
namespace {

std::atomic<LogLevel> g_level{LogLevel::info};
std::atomic<spdlog::async_logger*> g_logger{nullptr};
// Kept until the process ends: a late line of another thread must find it alive.
std::shared_ptr<spdlog::details::thread_pool>* g_pool = nullptr;
std::shared_ptr<spdlog::async_logger>* g_logger_owner = nullptr;

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: break;
  }
  return spdlog::level::off;
}

std::atomic<std::int64_t> g_file_bytes_max{LogFileLimits{}.bytes_max};
std::atomic<std::int32_t> g_files_kept_max{LogFileLimits{}.kept_max};
std::atomic<std::uint64_t> g_reopenings{0};

// Used by the writer thread alone.
class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  FileSink(const std::string& path, LogFile::Output output) : file_(path, output) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const std::uint64_t wanted = g_reopenings.load(std::memory_order_relaxed);
    if (wanted != reopenings_) file_.reopen();
    reopenings_ = wanted;
    file_.write({line.data(), line.size()}, {g_file_bytes_max.load(std::memory_order_relaxed),
                                             g_files_kept_max.load(std::memory_order_relaxed)});
  }
  void flush_() override {}  // lines are written as they come

 private:
  LogFile file_;
  std::uint64_t reopenings_ = 0;
};

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug: return "DEBUG";
    case LogLevel::info: return "INFO";
    case LogLevel::warn: return "WARN";
    case LogLevel::error: return "ERROR";
    case LogLevel::off: break;
  }
  return "OFF";
}

}  // namespace

void start_logging(const LogOptions& options) { start_logging(options, {}); }

void start_logging(const LogOptions& options, const std::string& console_path) {
  std::vector<spdlog::sink_ptr> sinks;
  if (!console_path.empty()) {
    sinks.push_back(std::make_shared<FileSink>(console_path, LogFile::Output::here));
  } else if (options.to_stdout) {
    sinks.push_back(std::make_shared<spdlog::sinks::stdout_sink_mt>());
  }
  if (options.to_stderr) sinks.push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!options.file_path.empty()) {
    sinks.push_back(std::make_shared<FileSink>(options.file_path, LogFile::Output::elsewhere));
  }
  g_pool = new std::shared_ptr<spdlog::details::thread_pool>(
      std::make_shared<spdlog::details::thread_pool>(options.queue_lines, 1));
  g_logger_owner = new std::shared_ptr<spdlog::async_logger>(
      std::make_shared<spdlog::async_logger>("barnabas", sinks.begin(), sinks.end(), *g_pool,
                                             spdlog::async_overflow_policy::overrun_oldest));
  auto& logger = **g_logger_owner;
  logger.set_level(spdlog::level::trace);
  // Kafka's pattern: log scrapers made for it go on working.
  logger.set_pattern("[%Y-%m-%d %H:%M:%S,%e] %v");
  logger.flush_on(spdlog::level::info);
  set_log_level(options.level);
  g_logger.store(&logger, std::memory_order_release);
}

void stop_logging(int wait_ms) {
  if (g_logger.exchange(nullptr) == nullptr) return;
  const std::size_t dropped = (*g_pool)->overrun_counter();
  if (dropped > 0) (*g_logger_owner)->warn("WARN log lines dropped count={}", dropped);
  // The writer thread may hang on a dead disk: drain on a helper thread and leave it behind.
  auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  std::thread([done] {
    g_logger_owner->reset();
    g_pool->reset();  // joins after the queue is written
    done->set_value();
  }).detach();
  future.wait_for(std::chrono::milliseconds(wait_ms));
}

bool log_enabled(LogLevel level) noexcept {
  return level >= g_level.load(std::memory_order_relaxed);
}

void set_log_level(LogLevel level) noexcept { g_level.store(level, std::memory_order_relaxed); }

void set_log_file_limits(const LogFileLimits& limits) noexcept {
  g_file_bytes_max.store(limits.bytes_max, std::memory_order_relaxed);
  g_files_kept_max.store(limits.kept_max, std::memory_order_relaxed);
}

void reopen_log_files() noexcept { g_reopenings.fetch_add(1, std::memory_order_relaxed); }

void log_line(LogLevel level, std::string_view line) {
  if (auto* logger = g_logger.load(std::memory_order_acquire)) {
    logger->log(to_spdlog(level), "{} {}", level_name(level), line);
    return;
  }
  const std::string text = fmt::format("{} {}\n", level_name(level), line);
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

bool RateLimit::allow(std::int64_t& suppressed) {
  const std::int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                  std::chrono::steady_clock::now().time_since_epoch())
                                  .count();
  std::int64_t next_ms = next_ms_.load(std::memory_order_relaxed);
  if (now_ms < next_ms || !next_ms_.compare_exchange_strong(next_ms, now_ms + interval_.count())) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  suppressed = refused_.exchange(0, std::memory_order_relaxed);
  return true;
}

}  // namespace base
