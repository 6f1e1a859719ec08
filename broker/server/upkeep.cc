#include "broker/server/upkeep.h"

#include <algorithm>

#include "base/log.h"

namespace server {
namespace {

constexpr std::int64_t kFlushCheckMs = 1000;
constexpr std::int64_t kFileRemovalCheckMs = 1000;

void report(const char* what, const base::Result<void>& result) {
  if (!result) LOG_ERROR("{} failed: {}", what, result.error().to_string());
}

}  // namespace

Upkeep::Upkeep(runtime::Loop& control,
               std::function<runtime::WorkerPool&(const std::string& log_dir)> workers,
               storage::LogManager& logs, std::function<bool()> has_replica_state)
    : workers_(std::move(workers)),
      logs_(logs),
      has_replica_state_(std::move(has_replica_state)),
      scope_(control, "upkeep") {}

void Upkeep::start(const config::ServerConfig& config) {
  for (const std::string& log_dir : logs_.live_directories()) start_for(log_dir, config);
}

void Upkeep::start_for(const std::string& dir, const config::ServerConfig& config) {
  runtime::Clock& clock = scope_.loop().clock();
  storage::LogManager& logs = logs_;
  const std::int64_t initial_ms = config.log.initial_task_delay_ms;
  const std::int64_t high_watermarks_ms = config.replication.high_watermark_checkpoint_interval_ms;
  every({kFlushCheckMs, kFlushCheckMs}, dir,
        [&logs, &clock, dir] { logs.flush_due_logs(dir, clock.wall_ms()); });
  every({kFileRemovalCheckMs, kFileRemovalCheckMs}, dir,
        [&logs, &clock, dir] { logs.remove_due_files(dir, clock.wall_ms()); });
  every({config.log.flush_offset_checkpoint_interval_ms, initial_ms}, dir, [&logs, dir] {
    report("recovery point checkpoint", logs.checkpoint_recovery_points(dir));
  });
  every({config.log.flush_start_offset_checkpoint_interval_ms, initial_ms}, dir, [&logs, dir] {
    report("log start offset checkpoint", logs.checkpoint_log_start_offsets(dir));
  });
  every({high_watermarks_ms, high_watermarks_ms}, dir,
        [&logs, dir, has_state = has_replica_state_] {
          if (has_state())
            report("high watermark checkpoint", logs.checkpoint_high_watermarks(dir));
        });
  every({config.log.retention_check_interval_ms, initial_ms}, dir,
        [&logs, &clock, dir] { logs.apply_retention(dir, clock.wall_ms()); });
  every({config.transactions.producer_id_expiration_check_interval_ms, initial_ms}, dir,
        [&logs, &clock, dir] { logs.remove_expired_producers(dir, clock.wall_ms()); });
}

void Upkeep::every(Schedule schedule, const std::string& log_dir, Job job) {
  schedule.interval_ms = std::max<std::int64_t>(schedule.interval_ms, 1);
  scope_.spawn(repeat(schedule, log_dir, std::move(job)));
}

runtime::Task<void> Upkeep::repeat(Schedule schedule, std::string log_dir, Job job) {
  std::int64_t wait_ms = schedule.first_ms;
  while (co_await runtime::sleep_ms(scope_.loop(), wait_ms, scope_.token())) {
    co_await runtime::run_on(workers_(log_dir), job);
    wait_ms = schedule.interval_ms;
  }
}

runtime::Task<void> Upkeep::stop() {
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace server
