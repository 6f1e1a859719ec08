// Purpose: what a broker's logs need from time to time: flushes, checkpoints, retention, removal of
// deleted files. The timers stand on the control loop, the work is done by workers of each log
// directory, so a disk that hangs holds neither the loop nor the upkeep of the others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "config/server_config.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "storage/log_manager.h"

namespace server {

class Upkeep {
 public:
  // `workers`: of a log directory. `has_replica_state`: high watermarks are worth a checkpoint.
  Upkeep(runtime::Loop& control,
         std::function<runtime::WorkerPool&(const std::string& log_dir)> workers,
         storage::LogManager& logs, std::function<bool()> has_replica_state);

  void start(const config::ServerConfig& config);
  runtime::Task<void> stop();

 private:
  using Job = std::function<void()>;
  struct Schedule {
    std::int64_t interval_ms;
    std::int64_t first_ms;
  };
  void start_for(const std::string& log_dir, const config::ServerConfig& config);
  void every(Schedule schedule, const std::string& log_dir, Job job);
  runtime::Task<void> repeat(Schedule schedule, std::string log_dir, Job job);

  std::function<runtime::WorkerPool&(const std::string& log_dir)> workers_;
  storage::LogManager& logs_;
  std::function<bool()> has_replica_state_;
  runtime::TaskScope scope_;
};

}  // namespace server
