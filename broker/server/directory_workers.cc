#include "broker/server/directory_workers.h"

#include "base/check.h"
#include "runtime/uv/threads.h"

namespace server {
namespace {

// Flushes of several logs at once; upkeep takes one for each of its loops while a disk is slow.
constexpr std::size_t kDiskThreads = 6;
constexpr std::size_t kReadThreads = 4;
constexpr std::size_t kExpectedJobs = 10'000;

}  // namespace

DirectoryWorkers::DirectoryWorkers(const std::vector<std::string>& log_dirs) {
  for (const std::string& log_dir : log_dirs) {
    const std::string number = std::to_string(workers_.size());
    Workers& workers = workers_[log_dir];
    workers.disk = runtime::make_worker_pool("dir-" + number, kDiskThreads, kExpectedJobs);
    workers.reads = runtime::make_worker_pool("reads-" + number, kReadThreads, kExpectedJobs);
    workers.orders = runtime::make_worker_pool("orders-" + number, 1, kExpectedJobs);
  }
}

DirectoryWorkers::Workers& DirectoryWorkers::of(const std::string& log_dir) {
  const auto found = workers_.find(log_dir);
  VERIFY(found != workers_.end(), "{} is no log directory", log_dir);
  return found->second;
}

runtime::Task<void> DirectoryWorkers::drain(std::vector<std::string> log_dirs) {
  for (const std::string& log_dir : log_dirs) co_await runtime::run_on(orders(log_dir), [] {});
}

}  // namespace server
