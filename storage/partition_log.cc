// Opening, appending, offsets. Reads: partition_log_read.cc; truncation, roll, retention, flush:
// partition_log_upkeep.cc.
#include "storage/partition_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "runtime/file.h"
#include "storage/last_stable_offset.h"
#include "storage/log_loader.h"
#include "storage/partition_metadata.h"

namespace storage {

using protocol::RecordBatchView;

namespace {

constexpr char kEpochFile[] = "/leader-epoch-checkpoint";

// They come from another host, and the next batch must have an offset too.
bool has_offsets_in_range(const RecordBatchView& batch) {
  const std::int64_t base = batch.base_offset().value();
  return batch.last_offset_delta() >= 0 && base >= 0 &&
         base < INT64_MAX - batch.last_offset_delta();
}

}  // namespace

base::Result<std::unique_ptr<PartitionLog>> PartitionLog::open(LogEnvironment& environment,
                                                               OpenLogOptions options) {
  std::unique_ptr<PartitionLog> log(new PartitionLog(environment, options));
  TRY(log->load(options));
  return log;
}

PartitionLog::PartitionLog(LogEnvironment& environment, const OpenLogOptions& options)
    : environment_(environment),
      topic_partition_(options.topic_partition),
      log_dir_(options.log_dir),
      random_(options.random),
      epochs_(environment.files, options.log_dir + "/" + options.directory_name + kEpochFile),
      producers_(environment, options.log_dir + "/" + options.directory_name,
                 options.topic_partition),
      config_(options.config),
      directory_(options.log_dir + "/" + options.directory_name),
      is_bounded_by_durable_(options.config->flush_messages <= 1),
      generation_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

PartitionLog::~PartitionLog() = default;

base::Result<void> PartitionLog::load(const OpenLogOptions& options) {
  base::LockGuard append(append_mutex_);
  LoadRequest request;
  request.directory = directory();
  request.topic_partition = topic_partition_;
  request.config = options.config.get();
  request.had_clean_shutdown = options.had_clean_shutdown;
  request.rewrites_unflushed = options.rewrites_unflushed;
  request.recovery_point = options.recovery_point;
  request.log_start_offset = options.log_start_offset;
  request.now_ms = options.now_ms;
  request.on_recovered = options.on_recovered;
  request.is_cancelled = options.is_cancelled;
  TRY_ASSIGN(LoadedOffsets loaded, load_log(environment_, request, epochs_, producers_));

  std::optional<base::TopicId> id;
  if (options.keep_topic_id) {
    TRY_ASSIGN(id, read_partition_metadata(environment_.files, request.directory));
  } else {
    (void)environment_.files.remove_file(request.directory + "/" + kPartitionMetadataFile);
  }
  {
    base::LockGuard guard(published_mutex_);
    topic_id_ = id;
  }
  active_ = loaded.segments.back();
  log_start_.store(loaded.log_start.value());
  cleaned_up_to_.store(options.cleaned_up_to.value_or(base::Offset(-1)).value());
  const base::Offset high_watermark =
      std::max(loaded.log_start, std::min(options.high_watermark, loaded.log_end));
  high_watermark_.store(high_watermark.value());
  producers_.on_high_watermark(high_watermark);
  update_first_unstable_offset();
  flusher_.on_loaded(
      {loaded.recovery_point, loaded.log_end, loaded.has_new_directory, loaded.has_new_files},
      options.now_ms);
  publish(std::move(loaded.segments), active_->size_bytes(), loaded.log_end, 0);
  return {};
}

std::string PartitionLog::directory() const {
  base::LockGuard guard(published_mutex_);
  return directory_;
}

std::shared_ptr<const LogConfig> PartitionLog::config() const {
  base::LockGuard guard(published_mutex_);
  return config_;
}

void PartitionLog::set_config(std::shared_ptr<const LogConfig> config) {
  base::LockGuard guard(published_mutex_);
  is_bounded_by_durable_.store(config->flush_messages <= 1);
  config_ = std::move(config);
}

std::optional<base::TopicId> PartitionLog::topic_id() const {
  base::LockGuard guard(published_mutex_);
  return topic_id_;
}

base::Result<void> PartitionLog::assign_topic_id(base::TopicId id) {
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  if (const auto known = topic_id()) {
    if (*known == id) return {};
    return base::fail(LogError::inconsistent_topic_id,
                      fmt::format("{} has topic id {}, not {}", topic_partition_, *known, id));
  }
  TRY(or_write_failed(write_partition_metadata(environment_.files, directory(), id)));
  flusher_.on_topic_id();
  flusher_.on_new_files();
  base::LockGuard guard(published_mutex_);
  topic_id_ = id;
  return {};
}

// --- append --------------------------------------------------------------------------------------

base::Result<ValidatedBatch> PartitionLog::validate(const AppendRequest& request,
                                                    std::vector<RecordError>* record_errors) const {
  ValidationRules rules = ValidationRules::from(*config(), request.origin, request.now_ms);
  rules.zstd_allowed = request.zstd_allowed;
  return validate_batch(request.records, rules, record_errors);
}

base::Result<AppendInfo> PartitionLog::append(const AppendRequest& request,
                                              std::vector<RecordError>* record_errors) {
  TRY_ASSIGN(const ValidatedBatch validated, validate(request, record_errors));
  return append_validated(validated, request.leader_epoch, request.now_ms);
}

base::Result<AppendInfo> PartitionLog::append_validated(const ValidatedBatch& validated,
                                                        base::LeaderEpoch leader_epoch,
                                                        std::int64_t now_ms) {
  protocol::MutableRecordBatch batch = validated.batch();
  const auto config = this->config();
  const auto size_bytes = static_cast<std::int64_t>(validated.bytes.size());
  if (size_bytes > config->segment_bytes) {
    return base::fail(
        LogError::record_list_too_large,
        fmt::format("batch of {} bytes, segment.bytes {}", size_bytes, config->segment_bytes));
  }
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  AppendInfo info;
  info.log_start_offset = log_start_offset();
  info.log_append_time_ms = validated.log_append_time_ms;
  TRY_ASSIGN(const ProducerBatch* duplicate, producers_.check(batch, validated.origin));
  if (duplicate != nullptr) {
    info.is_duplicate = true;
    info.base_offset = duplicate->first_offset();
    info.last_offset = duplicate->last_offset;
    if (validated.log_append_time_ms >= 0) info.log_append_time_ms = duplicate->timestamp_ms;
    info.must_flush = flusher_.must_flush_duplicate(info.last_offset + 1, config->flush_messages);
    return info;
  }
  info.base_offset = log_end_offset();
  batch.set_base_offset(info.base_offset);
  batch.set_leader_epoch(leader_epoch);
  info.last_offset = batch.last_offset();
  info.size_bytes = size_bytes;
  epochs_.assign(leader_epoch, info.base_offset);
  TRY(append_run(validated.bytes, {size_bytes, batch.max_timestamp(), info.last_offset},
                 info.base_offset, now_ms));
  info.must_flush = flusher_.must_flush(info.last_offset + 1, config->flush_messages);
  return info;
}

base::Result<AppendInfo> PartitionLog::append_as_follower(base::Bytes batches, std::int64_t now_ms,
                                                          base::LeaderEpoch epoch_max) {
  const auto appended = [&]() -> base::Result<AppendInfo> {
    base::LockGuard append(append_mutex_);
    TRY(check_usable());
    return append_fetched(batches, now_ms, epoch_max);
  }();
  flusher_.deliver_cut();
  return appended;
}

// Splits what was fetched into runs that fit a segment, checks all of it, then writes.
base::Result<AppendInfo> PartitionLog::append_fetched(base::Bytes batches, std::int64_t now_ms,
                                                      base::LeaderEpoch epoch_max) {
  struct Run {
    base::Bytes bytes;
    AppendNeeds needs;
    base::Offset first;
  };
  std::vector<Run> runs;
  const std::int64_t segment_bytes = config()->segment_bytes;
  std::optional<base::Offset> previous_last;
  while (!batches.empty()) {
    const auto batch = protocol::frame_batch(batches);
    if (!batch) {
      const base::Error& error = batch.error();
      if (error.is(base::Errc::end_of_stream)) break;  // the fetch cut its last batch
      if (error.is(base::Errc::unsupported)) {
        return base::fail(LogError::unsupported_message_format, error.context());
      }
      return base::fail(LogError::corrupt_message, error.context());
    }
    if (batch->leader_epoch() > epoch_max) break;
    if (!batch->is_checksum_right() || !has_offsets_in_range(*batch)) {
      return base::fail(
          LogError::corrupt_message,
          fmt::format("{} fetched batch at offset {}", topic_partition_, batch->base_offset()));
    }
    if (previous_last && batch->base_offset() <= *previous_last) {
      return base::fail(LogError::corrupt_message,
                        fmt::format("{} fetched offsets do not increase at {}", topic_partition_,
                                    batch->base_offset()));
    }
    previous_last = batch->last_offset();
    const auto size_bytes = static_cast<std::int64_t>(batch->bytes().size());
    const bool fits_run = !runs.empty() &&
                          runs.back().needs.size_bytes + size_bytes <= segment_bytes &&
                          batch->last_offset() - runs.back().first <= INT32_MAX;
    if (!fits_run) runs.push_back({batches.first(0), {}, batch->base_offset()});
    Run& run = runs.back();
    run.needs.size_bytes += size_bytes;
    run.bytes = {run.bytes.data(), static_cast<std::size_t>(run.needs.size_bytes)};
    run.needs.max_timestamp_ms = std::max(run.needs.max_timestamp_ms, batch->max_timestamp());
    run.needs.last_offset = batch->last_offset();
    batches = batches.subspan(batch->bytes().size());
  }
  AppendInfo info;
  info.log_start_offset = log_start_offset();
  if (runs.empty()) return info;
  const base::Offset first = runs.front().first;
  const base::Offset log_end = log_end_offset();
  if (first < log_end) {
    // The leader's log start may lie inside a batch: an empty follower begins with that batch.
    const bool can_start_over = log_end == log_start_offset() && *previous_last >= log_end;
    if (!can_start_over) {
      return base::fail(
          LogError::unexpected_append_offset,
          fmt::format("{} append at {}, log end {}", topic_partition_, first, log_end));
    }
    TRY(start_over_locked(first, first, now_ms));
  }
  info.base_offset = first;
  info.last_offset = *previous_last;
  for (const Run& run : runs) {
    TRY(append_run(run.bytes, run.needs, run.first, now_ms));
    info.size_bytes += run.needs.size_bytes;
  }
  info.log_start_offset = log_start_offset();
  info.must_flush = flusher_.must_flush(info.last_offset + 1, config()->flush_messages);
  return info;
}

// One write; offsets, epochs and checksums are final and checked.
base::Result<void> PartitionLog::append_run(base::Bytes run, const AppendNeeds& needs,
                                            base::Offset first, std::int64_t now_ms) {
  const auto config = this->config();
  const auto should_roll = active_->should_roll(needs, jitter_ms(*config), *config, now_ms);
  if (!should_roll) return write_failed(should_roll.error());
  if (*should_roll) TRY(roll_locked(std::max(first, log_end_offset()), now_ms));
  const std::int64_t position = active_->size_bytes();
  TRY(or_write_failed(active_->append(run)));
  return after_write(run, position, *config, now_ms);
}

base::Result<void> PartitionLog::after_write(base::Bytes run, std::int64_t position,
                                             const LogConfig& config, std::int64_t now_ms) {
  base::Offset log_end;
  for (base::Bytes rest = run; !rest.empty();) {
    const auto batch = protocol::frame_batch(rest);
    VERIFY(batch.has_value(), "{} appended bytes were framed before", topic_partition_);
    // Entries that cannot be written now stay in memory and are written with the next ones.
    if (const auto noted = active_->note_batch(*batch, position, config.index_interval_bytes);
        !noted && !can_do_without(noted.error())) {
      return half_done(noted.error());
    }
    epochs_.assign(batch->leader_epoch(), batch->base_offset());
    if (batch->has_producer_id()) {
      const auto completed = producers_.apply(*batch);
      if (completed && *completed) TRY(end_transaction(**completed));
      update_first_unstable_offset();
    }
    log_end = batch->next_offset();
    position += static_cast<std::int64_t>(batch->bytes().size());
    rest = rest.subspan(batch->bytes().size());
  }
  producers_.set_map_end_offset(log_end);
  flusher_.on_written(static_cast<std::int64_t>(run.size()), now_ms);
  publish_end(position, log_end);
  return {};
}

base::Result<void> PartitionLog::end_transaction(const CompletedTransaction& transaction) {
  const base::Offset last_stable = producers_.last_stable_offset(transaction);
  producers_.complete(transaction);
  if (!transaction.is_aborted) return {};
  const auto noted = active_->transaction_index().append(
      {transaction.producer_id, transaction.first_offset, transaction.last_offset, last_stable});
  if (active_->transaction_index().take_is_new()) flusher_.on_new_files();
  // As with the other indexes, the entry stays in memory.
  if (noted || can_do_without(noted.error())) return {};
  return half_done(noted.error());
}

// --- offsets -------------------------------------------------------------------------------------

base::Offset PartitionLog::last_stable_offset() const {
  return storage::last_stable_offset([&] { return high_watermark_.load(); },
                                     [&] { return first_unstable_.load(); });
}

LogOffsets PartitionLog::offsets() const {
  base::LockGuard guard(published_mutex_);
  return {log_start_offset(), high_watermark(), last_stable_offset(), log_end_offset()};
}

base::Offset PartitionLog::set_high_watermark(base::Offset offset) {
  {
    // Not under the append lock: every follower fetch comes by here.
    base::LockGuard guard(published_mutex_);
    offset = std::max(log_start_offset(), std::min(offset, log_end_offset()));
    high_watermark_.store(offset.value());
  }
  if (first_unstable_.load() >= 0) {
    base::LockGuard append(append_mutex_);
    producers_.on_high_watermark(high_watermark());
    update_first_unstable_offset();
  }
  return offset;
}

base::Result<bool> PartitionLog::advance_log_start_offset(base::Offset offset) {
  base::LockGuard append(append_mutex_);
  TRY(check_usable());
  if (offset > high_watermark()) {
    return base::fail(LogError::offset_out_of_range,
                      fmt::format("{} log start {} above the high watermark {}", topic_partition_,
                                  offset, high_watermark()));
  }
  if (offset <= log_start_offset()) return false;
  log_start_.store(offset.value());
  epochs_.truncate_from_start(offset);
  producers_.on_log_start(offset);
  update_first_unstable_offset();
  return true;
}

void PartitionLog::update_first_unstable_offset() {
  const auto first = producers_.first_unstable_offset();
  first_unstable_.store(first ? std::max(*first, log_start_offset()).value() : -1);
}

void PartitionLog::remove_expired_producers(std::int64_t now_ms) {
  base::LockGuard append(append_mutex_);
  producers_.remove_expired(now_ms, config()->producer_id_expiration_ms);
}

std::vector<ProducerEntry> PartitionLog::active_producers() {
  base::LockGuard append(append_mutex_);
  return producers_.entries();
}

// --- publication and failure ------------------------------------------------------------------

void PartitionLog::publish(SegmentList segments, std::int64_t end_position, base::Offset log_end,
                           std::uint64_t generation) {
  auto list = std::make_shared<const SegmentList>(std::move(segments));
  base::LockGuard guard(published_mutex_);
  published_.segments = std::move(list);
  published_.end_position = end_position;
  published_.generation = generation;
  published_.boundaries.fill({});
  published_.boundaries[0] = {log_end, end_position};
  published_.next_boundary = 1;
  log_end_.store(log_end.value());
}

void PartitionLog::publish_end(std::int64_t end_position, base::Offset log_end) {
  base::LockGuard guard(published_mutex_);
  published_.end_position = end_position;
  published_.boundaries[published_.next_boundary] = {log_end, end_position};
  published_.next_boundary = (published_.next_boundary + 1) % Published::kBoundaries;
  log_end_.store(log_end.value());
}

std::shared_ptr<const SegmentList> PartitionLog::segments() const {
  base::LockGuard guard(published_mutex_);
  return published_.segments;
}

std::int64_t PartitionLog::jitter_ms(const LogConfig& config) const {
  const std::int64_t bound = std::min(config.segment_jitter_ms, config.segment_ms);
  return bound <= 0 ? 0 : static_cast<std::int64_t>(random_ % static_cast<std::uint64_t>(bound));
}

base::Result<void> PartitionLog::check_usable() const {
  if (!is_abandoned_.load()) return {};
  return base::fail(LogError::storage_error, fmt::format("{} is offline", topic_partition_));
}

std::unexpected<base::Error> PartitionLog::failed(const base::Error& error,
                                                  DiskAccess access) const {
  if (error.code().category() == log_domain()) return base::fail(error);
  const std::string text = error.to_string();
  switch (classify(error, access, is_abandoned_.load())) {
    case DiskFailure::no_room:
      LOG_WARN_EVERY(10'000, "{} disk full, producing fails until there is room error=\"{}\"",
                     topic_partition_, text);
      break;
    case DiskFailure::out_of_descriptors:
      LOG_WARN_EVERY(10'000, "{} out of descriptors: raise the limit of open files error=\"{}\"",
                     topic_partition_, text);
      break;
    case DiskFailure::moved: break;
    case DiskFailure::bad_content:
      LOG_WARN_EVERY(10'000, "{} cannot be read there error=\"{}\"", topic_partition_, text);
      return base::fail(error.is(base::Errc::unsupported) ? LogError::unsupported_message_format
                                                          : LogError::corrupt_message,
                        text);
    case DiskFailure::device_failed: return half_done(error);
  }
  return base::fail(LogError::storage_error, text);
}

std::unexpected<base::Error> PartitionLog::half_done(const base::Error& error) const {
  const DiskFailure failure = classify(error, DiskAccess::write);
  const bool was_usable = !is_abandoned_.exchange(true);
  if (was_usable) {
    LOG_ERROR("{} is out of use until the next start error=\"{}\"", topic_partition_,
              error.to_string());
  }
  const bool is_this_log_alone =
      failure == DiskFailure::bad_content || failure == DiskFailure::out_of_descriptors;
  // A failed sync is told whatever came before it: what it has dropped must be remembered.
  const bool is_told = was_usable || error.is(runtime::FileErrc::sync_failed);
  if (is_told && !is_this_log_alone) environment_.report_failure(log_dir_, error);
  return base::fail(LogError::storage_error, error.to_string());
}

base::Result<void> PartitionLog::or_write_failed(base::Result<void> result) const {
  if (result) return {};
  return write_failed(result.error());
}

}  // namespace storage
