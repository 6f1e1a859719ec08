// Purpose: worker threads of each log directory, so that one whose disk hangs holds up nothing of
// the others: some for what waits for the device, and the lane for the controller's orders.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/workers.h"

namespace server {

// Fixed once made; any thread.
class DirectoryWorkers {
 public:
  explicit DirectoryWorkers(const std::vector<std::string>& log_dirs);

  runtime::WorkerPool& disk(const std::string& log_dir) { return *of(log_dir).disk; }
  // Look-ups and reads for clients: they hold up no flush.
  runtime::WorkerPool& reads(const std::string& log_dir) { return *of(log_dir).reads; }
  runtime::WorkerPool& orders(const std::string& log_dir) { return *of(log_dir).orders; }
  // Returns when all that was given to the lanes of `log_dirs` before is done.
  runtime::Task<void> drain(std::vector<std::string> log_dirs);

 private:
  struct Workers {
    std::unique_ptr<runtime::WorkerPool> disk;  // flushes, upkeep
    std::unique_ptr<runtime::WorkerPool> reads;
    std::unique_ptr<runtime::WorkerPool> orders;  // one thread
  };
  Workers& of(const std::string& log_dir);

  std::map<std::string, Workers> workers_;
};

}  // namespace server
