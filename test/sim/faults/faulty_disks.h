// Purpose: what models of the rooms above the logs share: two log directories on a simulated disk
// that fails and dawdles by a plan drawn from a seed, each with a worker of its own, and a
// LogManager that can be killed, lose its power, or be stopped, and be started again.
#pragma once

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "runtime/sim/sim_fault_plan.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"
#include "storage/log_manager.h"
#include "test/sim/storage/sim_log.h"

namespace faults_sim {

// One worker: jobs in their order, each when the device finds time for it.
class DiskWorker final : public runtime::WorkerPool {
 public:
  explicit DiskWorker(runtime::SimWorld& world) : world_(world) {}
  ~DiskWorker() override { run_all(); }

  void submit(std::move_only_function<void()> job) override {
    jobs_->push_back(std::move(job));
    const std::int64_t delay_ms = 1 + std::exchange(held_ms_, 0);
    // The last one waited for bounds the next: they stand in one queue.
    free_at_ms_ = std::max(free_at_ms_, world_.clock().wall_ms()) + delay_ms;
    world_.schedule((free_at_ms_ - world_.clock().wall_ms()) * 1'000'000,
                    [jobs = jobs_] { run_next(*jobs); });
  }
  std::size_t queued() const override { return jobs_->size(); }
  // The next job waits that much longer.
  void hold_ms(std::int64_t ms) { held_ms_ += ms; }
  void run_all() {
    while (!jobs_->empty()) run_next(*jobs_);
  }

 private:
  using Jobs = std::deque<std::move_only_function<void()>>;
  static void run_next(Jobs& jobs) {
    if (jobs.empty()) return;
    auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
  }

  runtime::SimWorld& world_;
  std::shared_ptr<Jobs> jobs_ = std::make_shared<Jobs>();
  std::int64_t held_ms_ = 0;
  std::int64_t free_at_ms_ = 0;
};

class FaultyDisks {
 public:
  explicit FaultyDisks(std::uint64_t seed);
  virtual ~FaultyDisks();
  FaultyDisks(const FaultyDisks&) = delete;
  FaultyDisks& operator=(const FaultyDisks&) = delete;

  std::int64_t faults() const { return fault_count_; }

 protected:
  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  bool one_in(std::uint64_t count) { return below(count) == 0; }
  std::int64_t now_ms() const { return world_.clock().wall_ms(); }
  std::string some_directory() { return options_.log_dirs[below(options_.log_dirs.size())]; }
  DiskWorker& worker(const std::string& log_dir) { return *workers_.at(log_dir); }

  // From now on one directory fails in one way, now and then; until disarm().
  void arm();
  void disarm();
  // What has failed is settled; and a directory is offline exactly if its device has failed.
  void settle();
  // Of this run of the process.
  bool has_failed(const std::string& log_dir);

  // One of the upkeep's jobs, of one directory.
  void do_upkeep();
  void start();
  // Ends this run of the process: by a kill, a power failure, or cleanly. Answers how it was ended
  // in effect: where a device has failed there is no clean end.
  std::optional<runtime::CrashKind> stop(std::optional<runtime::CrashKind> crash);
  std::optional<runtime::CrashKind> some_end();

  // A directory has failed; its logs are out of sight. No lock held.
  virtual void on_directory_failed(const std::string& log_dir) = 0;
  // Before the logs go: lets go of them, and of whoever waits.
  virtual void on_stopping() = 0;
  // Between what a flush took for itself and its sync.
  virtual void during_flush() {}

  runtime::Xoshiro random_;
  mutable runtime::SimWorld world_;
  runtime::SimLoop loop_{world_};
  runtime::SimFileSystem files_;
  storage::LogConfig config_;
  storage::LogManagerOptions options_;
  std::unique_ptr<storage::LogManager> manager_;

 private:
  void note_failure();
  void run_job(const std::string& log_dir, std::move_only_function<void()> job);
  runtime::SimFileFault draw(runtime::SimFileOperation operation, const std::string& path);
  void kill(runtime::CrashKind kind);

  std::map<std::string, std::unique_ptr<DiskWorker>> workers_;
  std::optional<runtime::SimFaultPlan> plan_;
  std::string hit_;
  std::map<std::string, std::string> failed_;  // directory: what its device did
  std::set<std::string> to_settle_;
  bool is_in_job_ = false;
  bool is_interrupted_ = false;  // what is synced next may be gone by now
  std::int64_t fault_count_ = 0;
};

// Runs a model with each wanted seed. The model has run(steps), faults() and `what`(), which are
// counted: together they must be enough to prove something, unless single seeds are asked for.
template <class Model>
void run_seeds(std::int64_t (Model::*what)() const) {
  const bool is_whole = storage_sim::first_seed() == 1;
  if (is_whole) base::set_log_level(base::LogLevel::off);
  std::int64_t faults = 0;
  std::int64_t done = 0;
  for (auto seed = storage_sim::first_seed(); seed <= storage_sim::seeds_wanted(); ++seed) {
    CAPTURE(seed);
    Model model(seed);
    model.run(250);
    faults += model.faults();
    done += (model.*what)();
  }
  if (is_whole) {
    CHECK(faults > 100);
    CHECK(done > 1000);
  }
  base::set_log_level(base::LogLevel::info);
}

}  // namespace faults_sim
