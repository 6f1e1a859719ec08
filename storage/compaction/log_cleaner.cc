#include "storage/compaction/log_cleaner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/disk_failure.h"

namespace storage {

LogCleaner::LogCleaner(LogManager& logs, LogCleanerOptions options)
    : logs_(logs), options_(std::move(options)) {}

bool LogCleaner::clean_filthiest(std::int64_t now_ms) {
  const auto candidate = grab_filthiest(now_ms);
  if (!candidate) return false;
  const bool is_done = clean(*candidate, now_ms);
  base::LockGuard guard(mutex_);
  in_progress_.erase(candidate->log);
  return is_done;
}

std::optional<LogCleaner::Candidate> LogCleaner::grab_filthiest(std::int64_t now_ms) {
  std::optional<Candidate> filthiest;
  for (const LogPointer& log : logs_.all()) {
    if (is_stopped_.load()) return std::nullopt;
    if (!log->config()->cleanup_compact || !log->is_usable()) continue;
    auto plan = plan_if_worth_it(log, now_ms);
    if (!plan) continue;
    if (!filthiest || plan->dirty_ratio() > filthiest->plan.dirty_ratio()) {
      filthiest = Candidate{log, std::move(*plan)};
    }
  }
  if (!filthiest) return std::nullopt;
  base::LockGuard guard(mutex_);
  std::erase_if(uncleanable_, [](const auto& log) { return log.expired(); });
  // Another thread may have been quicker: it is the filthiest for all of them.
  if (!in_progress_.insert(filthiest->log).second) return std::nullopt;
  return filthiest;
}

std::optional<CompactionPlan> LogCleaner::plan_if_worth_it(const LogPointer& log,
                                                           std::int64_t now_ms) {
  {
    base::LockGuard guard(mutex_);
    if (in_progress_.contains(log) || uncleanable_.contains(log)) return std::nullopt;
  }
  const auto segments = log->segments();
  auto plan = plan_compaction(*log, now_ms);
  if (!plan) {
    // Retention or another thread took files away under it: looked at again next time.
    const bool is_overtaken =
        log->segments() != segments || std::any_of(segments->begin(), segments->end(),
                                                   [](const auto& s) { return s->is_removed(); });
    if (!is_overtaken) on_failure(log, plan.error());
    return std::nullopt;
  }
  if (!plan->is_worth_it(*log->config())) return std::nullopt;
  return std::move(*plan);
}

bool LogCleaner::clean(const Candidate& candidate, std::int64_t now_ms) {
  PartitionLog& log = *candidate.log;
  CompactionOptions options;
  options.map_bytes_max = options_.map_bytes_max;
  options.map_load_factor = options_.map_load_factor;
  options.on_io = [this](std::int64_t bytes) -> base::Result<void> {
    if (options_.pace) options_.pace(bytes);
    if (is_stopped_.load()) return base::fail(base::Errc::cancelled, "the broker stops");
    return {};
  };
  const auto result = compact(log, candidate.plan, options, now_ms);
  if (!result) {
    on_failure(candidate.log, result.error());
    return false;
  }
  log.set_cleaned_up_to(result->cleaned_up_to, candidate.plan.generation);
  LOG_INFO(
      "{} compacted up_to={} bytes_before={} bytes_after={} records_before={} records_after={} "
      "keys={}",
      log.topic_partition(), result->cleaned_up_to, result->bytes_read, result->bytes_written,
      result->records_read, result->records_kept, result->keys);
  if (const auto written = logs_.checkpoint_cleaned_offsets(log.log_dir()); !written) {
    LOG_WARN("cleaner checkpoint not written error=\"{}\"", written.error().to_string());
  }
  return true;
}

void LogCleaner::on_failure(const LogPointer& log, const base::Error& error) {
  if (error.is(base::Errc::cancelled) || !log->is_usable()) return;
  const DiskFailure failure = classify(error, DiskAccess::write, !log->is_usable());
  if (failure == DiskFailure::moved) return;
  if (failure == DiskFailure::no_room || failure == DiskFailure::out_of_descriptors) {
    LOG_WARN("{} not compacted, tried again later error=\"{}\"", log->topic_partition(),
             error.to_string());
    return;
  }
  {
    base::LockGuard guard(mutex_);
    uncleanable_.insert(log);
  }
  LOG_ERROR("{} not compacted any more until the next start error=\"{}\"", log->topic_partition(),
            error.to_string());
  if (failure == DiskFailure::device_failed) {
    log->environment().report_failure(log->log_dir(), error);
  }
}

}  // namespace storage
