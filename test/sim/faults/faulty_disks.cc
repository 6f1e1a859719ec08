#include "test/sim/faults/faulty_disks.h"

#include <algorithm>
#include <cerrno>

namespace faults_sim {
namespace {

using runtime::CrashKind;
using runtime::SimFileFault;
using runtime::SimFileOperation;

constexpr char kClusterId[] = "qCqvWVu9Q6OJ_udtfKYegA";
constexpr auto kInline = [](const std::function<void()>& work) { work(); };

runtime::SimFaultOdds odds_of(std::uint64_t kind) {
  runtime::SimFaultOdds odds;
  switch (kind) {
    case 0: odds.write_fails = 60; break;
    case 1: odds.no_room = 300; break;
    case 2: odds.sync_fails = 100; break;
    case 3: odds.no_descriptors = 300; break;
    case 4: odds.rename_fails = 200; break;
    case 5: break;  // slow, no more
    default: odds.no_room = odds.no_descriptors = 150; break;
  }
  odds.delays = 100;
  odds.delay_ms = 40;
  return odds;
}

}  // namespace

FaultyDisks::FaultyDisks(std::uint64_t seed)
    : random_(seed), world_(seed), files_(world_.clock(), seed) {
  options_.log_dirs = {"/a", "/b"};
  for (const std::string& dir : options_.log_dirs) {
    REQUIRE(files_.create_directories(dir).has_value());
    workers_[dir] = std::make_unique<DiskWorker>(world_);
  }
  REQUIRE(files_.sync_directory("/").has_value());
  options_.open_files_max = 3;
  options_.config_of = [this](const std::string&) {
    return std::make_shared<const storage::LogConfig>(config_);
  };
  options_.post_settling = [this](const std::string& log_dir) { to_settle_.insert(log_dir); };
  options_.on_directory_failed = [this](const std::string& log_dir, const base::Error&) {
    on_directory_failed(log_dir);
  };
  options_.run_on_disk = [this](const std::string& log_dir, auto job) {
    run_job(log_dir, std::move(job));
  };
  config_.segment_bytes = 800 + static_cast<std::int32_t>(below(2000));
  config_.index_interval_bytes = 50 + static_cast<std::int32_t>(below(300));
  config_.retention_ms = -1;
  config_.file_delete_delay_ms = 100;
  config_.background_flush_bytes = 300 + static_cast<std::int64_t>(below(2000));
  config_.background_flush_ms = 200;
  files_.set_pause_hook([this](SimFileOperation operation, const std::string& path) {
    if (operation != SimFileOperation::sync || !path.ends_with(".log")) return;
    if (!std::exchange(is_in_job_, false)) return;  // once for each flush
    is_interrupted_ = true;
    during_flush();
  });
}

FaultyDisks::~FaultyDisks() {
  files_.set_pause_hook({});
  files_.set_fault_hook({});
  for (auto& [dir, worker] : workers_) worker->run_all();
}

void FaultyDisks::run_job(const std::string& log_dir, std::move_only_function<void()> job) {
  worker(log_dir).submit([this, job = std::move(job)]() mutable {
    is_in_job_ = one_in(2);
    job();
    is_in_job_ = false;
  });
}

// --- faults --------------------------------------------------------------------------------------

SimFileFault FaultyDisks::draw(SimFileOperation operation, const std::string& path) {
  // What becomes of a file that was deleted meanwhile is nobody's trouble.
  const bool is_of_sync = operation == SimFileOperation::sync;
  if ((is_of_sync && std::exchange(is_interrupted_, false)) || path.ends_with(".deleted")) {
    return {};
  }
  return plan_->draw(operation, path);
}

void FaultyDisks::arm() {
  disarm();
  hit_ = some_directory();
  plan_.emplace(random_.next(), odds_of(below(7)), hit_ + "/");
  plan_->on_delay = [this](std::int64_t ms) { worker(hit_).hold_ms(ms); };
  files_.set_fault_hook([this](SimFileOperation operation, const std::string& path) {
    return draw(operation, path);
  });
}

void FaultyDisks::disarm() {
  note_failure();
  if (plan_) fault_count_ += plan_->fault_count();
  files_.set_fault_hook({});
  plan_.reset();
}

void FaultyDisks::note_failure() {
  if (plan_ && plan_->has_device_failed()) failed_.emplace(hit_, plan_->device_failure());
}

bool FaultyDisks::has_failed(const std::string& log_dir) {
  note_failure();
  return failed_.contains(log_dir);
}

void FaultyDisks::settle() {
  while (!to_settle_.empty()) {
    manager_->settle_failure(to_settle_.extract(to_settle_.begin()).value());
  }
  note_failure();
  for (const std::string& dir : manager_->offline_directories()) {
    if (!failed_.contains(dir)) FAIL(dir << " is offline, and no device has failed");
  }
  const auto live = manager_->live_directories();
  for (const auto& [dir, why] : failed_) {
    if (std::ranges::find(live, dir) != live.end()) FAIL(dir << " is in use after " << why);
  }
}

// --- the process ---------------------------------------------------------------------------------

void FaultyDisks::do_upkeep() {
  const std::string dir = some_directory();
  switch (below(4)) {
    case 0: return manager_->flush_due_logs(dir, now_ms());
    case 1: return (void)manager_->checkpoint_recovery_points(dir);
    case 2: return (void)manager_->checkpoint_high_watermarks(dir);
    default: return manager_->remove_due_files(dir, now_ms());
  }
}

void FaultyDisks::start() {
  auto opened = storage::LogManager::open(files_, world_.random(), options_);
  if (!opened) FAIL(opened.error().to_string());
  manager_ = std::move(*opened);
  REQUIRE(manager_->check_identity(base::BrokerId(1), kClusterId, now_ms()).has_value());
  const auto loaded = manager_->load(kInline, [this] { return now_ms(); });
  if (!loaded) FAIL(loaded.error().to_string());
}

std::optional<CrashKind> FaultyDisks::some_end() {
  constexpr CrashKind kKinds[] = {CrashKind::process_killed, CrashKind::power_loss,
                                  CrashKind::power_loss_torn};
  if (one_in(4)) return std::nullopt;
  return kKinds[below(3)];
}

void FaultyDisks::kill(CrashKind kind) {
  // The dead process does nothing any more: what it has under way finds no disk.
  files_.crash(kind);
  files_.set_fault_hook([](SimFileOperation, const std::string&) { return SimFileFault{EIO}; });
  on_stopping();
  for (auto& [dir, worker] : workers_) worker->run_all();
  (void)world_.run_until_idle(60'000);
  manager_.reset();
  files_.set_fault_hook({});
}

std::optional<CrashKind> FaultyDisks::stop(std::optional<CrashKind> crash) {
  if (crash) {
    disarm();
    kill(*crash);
  } else {
    for (auto& [dir, worker] : workers_) worker->run_all();
    settle();
    on_stopping();
    manager_->close(kInline, now_ms());
    disarm();
    // What was not closed cleanly is recovered.
    if (!failed_.empty()) files_.crash(*(crash = CrashKind::process_killed));
    (void)world_.run_until_idle(60'000);
    manager_.reset();
  }
  to_settle_.clear();
  failed_.clear();
  return crash;
}

}  // namespace faults_sim
