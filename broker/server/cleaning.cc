#include "broker/server/cleaning.h"

#include <algorithm>

#include "runtime/uv/threads.h"

namespace server {
namespace {

constexpr std::int64_t kPauseMsMax = 50;  // at a time, so that a stop needn't wait

storage::LogCleanerOptions options_of(const config::LogCleanerConfig& config,
                                      std::function<void(std::int64_t)> pace) {
  storage::LogCleanerOptions options;
  options.map_bytes_max = config.dedupe_buffer_size_bytes / std::max(config.threads, 1);
  options.map_load_factor = config.io_buffer_load_factor;
  options.pace = std::move(pace);
  return options;
}

}  // namespace

std::int64_t BytesPerSecond::wait_ns(std::int64_t bytes, std::int64_t now_ns) {
  const double takes_ns = static_cast<double>(bytes) / std::max(limit_, 1.0) * 1e9;
  if (takes_ns < 1) return 0;
  base::LockGuard guard(mutex_);
  constexpr double kNanosecondsMax = 1e18;
  free_at_ns_ = std::max(free_at_ns_, now_ns) +
                static_cast<std::int64_t>(std::min(takes_ns, kNanosecondsMax));
  return free_at_ns_ - now_ns;
}

Cleaning::Cleaning(runtime::Loop& control, storage::LogManager& logs,
                   const config::LogCleanerConfig& config)
    : config_(config),
      rate_(config.io_max_bytes_per_second),
      cleaner_(logs, options_of(config, [this](std::int64_t bytes) { pace(bytes); })),
      threads_(runtime::make_worker_pool(
          "cleaner", static_cast<std::size_t>(std::max(config.threads, 1)),
          static_cast<std::size_t>(std::max(config.threads, 1)) + 1)),
      scope_(control, "log cleaning") {}

void Cleaning::start() {
  for (std::int32_t i = 0; i < std::max(config_.threads, 1); ++i) scope_.spawn(keep_clean());
}

runtime::Task<void> Cleaning::keep_clean() {
  runtime::Clock& clock = scope_.loop().clock();
  std::int64_t wait_ms = 0;
  while (co_await runtime::sleep_ms(scope_.loop(), wait_ms, scope_.token())) {
    const bool is_done = co_await runtime::run_on(
        *threads_, [this, &clock] { return cleaner_.clean_filthiest(clock.wall_ms()); });
    wait_ms = is_done ? 0 : std::max<std::int64_t>(config_.backoff_ms, 1);
  }
}

void Cleaning::pace(std::int64_t bytes) {
  runtime::Clock& clock = scope_.loop().clock();
  std::int64_t left_ms = rate_.wait_ns(bytes, clock.monotonic_ns()) / 1'000'000;
  while (left_ms > 0 && !is_stopping_.load()) {
    const std::int64_t pause_ms = std::min(left_ms, kPauseMsMax);
    runtime::pause_worker(pause_ms);
    left_ms -= pause_ms;
  }
}

runtime::Task<void> Cleaning::stop() {
  is_stopping_.store(true);
  cleaner_.stop();
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace server
