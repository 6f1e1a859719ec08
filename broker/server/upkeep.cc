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

Upkeep::Upkeep(runtime::Loop& control, runtime::WorkerPool& disk, storage::LogManager& logs,
               std::function<bool()> has_replica_state)
    : disk_(disk),
      logs_(logs),
      has_replica_state_(std::move(has_replica_state)),
      scope_(control, "upkeep") {}

void Upkeep::start(const config::ServerConfig& config) {
  runtime::Clock& clock = scope_.loop().clock();
  storage::LogManager& logs = logs_;
  const std::int64_t initial_ms = config.log.initial_task_delay_ms;
  every(kFlushCheckMs, kFlushCheckMs, [&logs, &clock] { logs.flush_due_logs(clock.wall_ms()); });
  every(kFileRemovalCheckMs, kFileRemovalCheckMs,
        [&logs, &clock] { logs.remove_due_files(clock.wall_ms()); });
  every(config.log.flush_offset_checkpoint_interval_ms, initial_ms,
        [&logs] { report("recovery point checkpoint", logs.checkpoint_recovery_points()); });
  every(config.log.flush_start_offset_checkpoint_interval_ms, initial_ms,
        [&logs] { report("log start offset checkpoint", logs.checkpoint_log_start_offsets()); });
  every(config.replication.high_watermark_checkpoint_interval_ms,
        config.replication.high_watermark_checkpoint_interval_ms,
        [&logs, has_state = has_replica_state_] {
          if (has_state()) report("high watermark checkpoint", logs.checkpoint_high_watermarks());
        });
  every(config.log.retention_check_interval_ms, initial_ms,
        [&logs, &clock] { logs.apply_retention(clock.wall_ms()); });
  every(config.transactions.producer_id_expiration_check_interval_ms, initial_ms,
        [&logs, &clock] { logs.remove_expired_producers(clock.wall_ms()); });
}

void Upkeep::every(std::int64_t interval_ms, std::int64_t first_ms, Job job) {
  scope_.spawn(repeat(std::max<std::int64_t>(interval_ms, 1), first_ms, std::move(job)));
}

runtime::Task<void> Upkeep::repeat(std::int64_t interval_ms, std::int64_t first_ms, Job job) {
  std::int64_t wait_ms = first_ms;
  while (co_await runtime::sleep_ms(scope_.loop(), wait_ms, scope_.token())) {
    co_await runtime::run_on(disk_, job);
    wait_ms = interval_ms;
  }
}

runtime::Task<void> Upkeep::stop() {
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace server
