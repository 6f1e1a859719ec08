// Purpose: what a broker's logs need from time to time: flushes, checkpoints, retention, removal of
// deleted files. The timers stand on the control loop, the work is done by a disk worker, so a disk
// that hangs holds neither.
#pragma once

#include <cstdint>
#include <functional>

#include "config/server_config.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "storage/log_manager.h"

namespace server {

class Upkeep {
 public:
  // `has_replica_state`: high watermarks are worth a checkpoint.
  Upkeep(runtime::Loop& control, runtime::WorkerPool& disk, storage::LogManager& logs,
         std::function<bool()> has_replica_state);

  void start(const config::ServerConfig& config);
  runtime::Task<void> stop();

 private:
  using Job = std::function<void()>;
  void every(std::int64_t interval_ms, std::int64_t first_ms, Job job);
  runtime::Task<void> repeat(std::int64_t interval_ms, std::int64_t first_ms, Job job);

  runtime::WorkerPool& disk_;
  storage::LogManager& logs_;
  std::function<bool()> has_replica_state_;
  runtime::TaskScope scope_;
};

}  // namespace server
