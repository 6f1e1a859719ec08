// Loading all logs at the start, in parallel.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/disk_failure.h"
#include "storage/log_manager.h"

namespace storage {

struct LogManager::LoadJob {
  LogDirectory* directory = nullptr;
  OpenLogOptions options;
};

struct LogManager::LoadProgress {
  std::size_t total = 0;
  std::atomic<std::size_t> done{0};
  std::atomic<std::int64_t> recovered_bytes{0};
  base::RateLimit line_due{std::chrono::seconds(2)};
  base::Mutex mutex;
  // Why no log can be loaded now: no fault of a directory's.
  std::optional<base::Error> refusal GUARDED_BY(mutex);

  void report() {
    std::int64_t suppressed = 0;
    if (!line_due.allow(suppressed)) return;
    LOG_INFO("loading logs done={} total={} recovered_mb={}", done.load(), total,
             recovered_bytes.load() >> 20);
  }
};

base::Result<void> LogManager::load(const Executor& executor,
                                    std::function<std::int64_t()> now_ms) {
  TRY_ASSIGN(const std::vector<LoadJob> jobs, plan_load());
  LoadProgress progress;
  progress.total = jobs.size();
  const std::int64_t begin_ms = now_ms();
  const std::size_t threads = std::max<std::size_t>(
      1, static_cast<std::size_t>(options_.recovery_threads_per_dir) * live().size());
  run_parallel(jobs.size(), threads, executor,
               [&](std::size_t i) { load_one(jobs[i], progress, now_ms()); });
  {
    base::LockGuard guard(progress.mutex);
    if (progress.refusal) return base::fail(*progress.refusal);
  }
  if (is_load_cancelled_.load()) return base::fail(base::Errc::cancelled, "loading the logs");
  // A kill may have left directories whose names are not on the device yet.
  for (const auto& directory : live()) {
    auto synced = files_.sync_directory(directory->path());
    if (synced && directory->has_failed_sync()) synced = finish_rewrite(*directory);
    if (!synced) take_offline(directory->path(), synced.error());
  }
  settle_unless_posted();
  if (live().empty()) {
    return base::fail(base::Errc::unavailable, "no log directory could be loaded");
  }
  // A log end inside a gap has fallen back: no recovery point may claim what is yet to be written.
  for (const auto& directory : live()) {
    if (const auto written = checkpoint_recovery_points(directory->path()); !written) {
      LOG_WARN("checkpoint not written error=\"{}\"", written.error().to_string());
    }
  }
  is_loaded_ = true;
  LOG_INFO("logs loaded count={} recovered_mb={} took_ms={}", all().size(),
           progress.recovered_bytes.load() >> 20, now_ms() - begin_ms);
  return {};
}

// Recovery has written anew what a failed sync may have dropped: once that is on the device, what
// is read can be trusted again.
base::Result<void> LogManager::finish_rewrite(LogDirectory& directory) {
  for (const auto& log : logs_in(directory.path())) TRY(log->flusher().flush(0));
  TRY(write_checkpoint(directory, kRecoveryPointCheckpoint));
  LOG_WARN(
      "a sync had failed before the last stop, and what it may have lost was written anew dir={}",
      directory.path());
  return directory.unmark_failed_sync();
}

base::Result<std::vector<LogManager::LoadJob>> LogManager::plan_load() {
  std::vector<LoadJob> jobs;
  std::map<base::TopicPartition, std::string> seen;
  for (const auto& directory : live()) {
    auto planned = plan_load_of(*directory);
    if (!planned) {
      if (planned.error().is(base::Errc::invalid_argument)) return base::fail(planned.error());
      take_offline(directory->path(), planned.error());
      continue;
    }
    for (LoadJob& job : *planned) {
      const auto [first, is_first] = seen.emplace(job.options.topic_partition, directory->path());
      if (!is_first) {
        return base::fail(
            base::Errc::invalid_argument,
            fmt::format("{} exists twice, in {} and in {}: move one away",
                        job.options.topic_partition, first->second, directory->path()));
      }
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

// `lost+found` and the like do no harm; where logs are, somebody would miss them.
base::Result<void> LogManager::ignore_stranger(const std::string& path, const base::Error& error) {
  if (const auto entries = files_.list_directory(path)) {
    for (const auto& entry : *entries) {
      if (!entry.name.ends_with(".log")) continue;
      return base::fail(base::Error(error).with_context(path + " holds " + entry.name));
    }
  }
  LOG_WARN("{} is no directory of a partition and is left alone", path);
  return {};
}

base::Result<std::vector<LogManager::LoadJob>> LogManager::plan_load_of(LogDirectory& directory) {
  TRY_ASSIGN(const auto entries, files_.list_directory(directory.path()));
  TRY_ASSIGN(const bool was_clean, directory.take_clean_shutdown_marker());
  const bool has_failed_sync = directory.has_failed_sync();
  TRY_ASSIGN(const OffsetCheckpoint recovery, directory.read_checkpoint(kRecoveryPointCheckpoint));
  TRY_ASSIGN(const OffsetCheckpoint starts, directory.read_checkpoint(kLogStartCheckpoint));
  TRY_ASSIGN(const OffsetCheckpoint marks, directory.read_checkpoint(kHighWatermarkCheckpoint));
  TRY_ASSIGN(const OffsetCheckpoint cleaned, directory.read_checkpoint(kCleanerCheckpoint));
  const auto offset_in = [](const OffsetCheckpoint& checkpoint,
                            const base::TopicPartition& partition) {
    const auto found = checkpoint.find(partition);
    return found == checkpoint.end() ? base::Offset(0) : found->second;
  };
  // Left over unless a directory is found below.
  LeftOvers left_overs;
  for (const OffsetCheckpoint* checkpoint : {&recovery, &starts, &marks, &cleaned}) {
    for (const auto& [partition, offset] : *checkpoint) left_overs[partition] = 0;
  }
  std::vector<LoadJob> jobs;
  for (const auto& entry : entries) {
    if (!entry.is_directory) continue;
    auto name = parse_partition_directory(entry.name);
    if (!name) {
      TRY(ignore_stranger(directory.path() + "/" + entry.name, name.error()));
      continue;
    }
    if (name->kind == PartitionDirectoryKind::deleted) {
      const auto config = options_.config_of(name->partition.topic);
      directory.reaper().add({directory.path() + "/" + entry.name}, config->file_delete_delay_ms);
    }
    if (name->kind != PartitionDirectoryKind::partition) continue;
    left_overs.erase(name->partition);
    LoadJob job;
    job.directory = &directory;
    job.options.log_dir = directory.path();
    job.options.directory_name = entry.name;
    job.options.topic_partition = name->partition;
    job.options.config = options_.config_of(name->partition.topic);
    job.options.had_clean_shutdown = was_clean && !has_failed_sync;
    job.options.rewrites_unflushed = has_failed_sync;
    job.options.recovery_point = offset_in(recovery, name->partition);
    job.options.log_start_offset = offset_in(starts, name->partition);
    job.options.high_watermark = offset_in(marks, name->partition);
    if (const auto found = cleaned.find(name->partition); found != cleaned.end()) {
      job.options.cleaned_up_to = found->second;
    }
    job.options.random = random_.next();
    job.options.keep_topic_id = options_.keep_partition_metadata;
    jobs.push_back(std::move(job));
  }
  if (!left_overs.empty()) {
    base::LockGuard guard(mutex_);
    left_overs_[directory.path()] = std::move(left_overs);
  }
  if (!was_clean && !jobs.empty()) {
    LOG_INFO("log directory was not stopped cleanly, logs are recovered dir={} logs={}",
             directory.path(), jobs.size());
  }
  return jobs;
}

void LogManager::load_one(const LoadJob& job, LoadProgress& progress, std::int64_t now_ms) {
  OpenLogOptions options = job.options;
  options.now_ms = now_ms;
  options.on_recovered = [&progress](std::int64_t bytes) {
    progress.recovered_bytes.fetch_add(bytes);
    progress.report();
  };
  options.is_cancelled = [this] { return is_load_cancelled_.load(); };
  if (job.directory->is_live() && !is_load_cancelled_.load()) {
    auto opened = PartitionLog::open(environment_, std::move(options));
    if (opened) {
      base::LockGuard guard(mutex_);
      put_log(std::move(*opened));
    } else if (classify(opened.error(), DiskAccess::write) == DiskFailure::out_of_descriptors) {
      base::LockGuard guard(progress.mutex);
      progress.refusal = opened.error();
    } else if (!opened.error().is(base::Errc::cancelled)) {
      take_offline(job.options.log_dir, opened.error());
    }
  }
  if (!job.directory->is_live()) {
    base::LockGuard guard(mutex_);
    (void)take_log(job.options.topic_partition);
    offline_partitions_.insert(job.options.topic_partition);
  }
  progress.done.fetch_add(1);
  progress.report();
}

void LogManager::run_parallel(std::size_t count, std::size_t threads, const Executor& executor,
                              std::function<void(std::size_t index)> work) {
  // Helpers that start after the work is done must find something to look at.
  struct Shared {
    std::function<void(std::size_t)> work;
    std::size_t count = 0;
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> done{0};
  };
  const auto shared = std::make_shared<Shared>();
  shared->work = std::move(work);
  shared->count = count;
  const auto run = [](const std::shared_ptr<Shared>& state) {
    for (;;) {
      const std::size_t index = state->next.fetch_add(1);
      if (index >= state->count) return;
      state->work(index);
      if (state->done.fetch_add(1) + 1 == state->count) state->done.notify_all();
    }
  };
  for (std::size_t i = 1; i < std::min(threads, count); ++i) {
    executor([shared, run] { run(shared); });
  }
  run(shared);
  for (;;) {
    const std::size_t done = shared->done.load();
    if (done == count) return;
    shared->done.wait(done);
  }
}

}  // namespace storage
