#include "storage/log_flusher.h"

#include <algorithm>

#include "storage/partition_log.h"
#include "storage/partition_metadata.h"

namespace storage {
namespace {

// A snapshot of the producers is due after so many bytes.
constexpr std::int64_t kSnapshotBytes = std::int64_t{16} << 20;

}  // namespace

// --- what the log tells ------------------------------------------------------------------------

void LogFlusher::on_loaded(const Loaded& loaded, std::int64_t now_ms) {
  recovery_point_.store(loaded.recovery_point.value());
  durable_.store(loaded.recovery_point.value());
  wanted_.store(loaded.recovery_point.value());
  if (loaded.recovery_point < loaded.log_end) {
    unflushed_since_ms_.store(now_ms);
    unflushed_bytes_.store(1);  // what was not synced before the stop is still to be
  }
  has_new_directory_.store(loaded.has_new_directory);
  has_new_files_.store(loaded.has_new_files);
}

void LogFlusher::on_written(std::int64_t bytes, std::int64_t now_ms) {
  if (unflushed_bytes_.fetch_add(bytes) == 0) unflushed_since_ms_.store(now_ms);
}

bool LogFlusher::must_flush(base::Offset end, std::int64_t flush_messages) {
  const std::int64_t covered =
      std::max(durable_.load(std::memory_order_relaxed), wanted_.load(std::memory_order_relaxed));
  // flush.messages=1: that somebody else has asked for it already does not put it on the device.
  const bool is_due = flush_messages <= 1 ? end > durable_offset()
                                          : end.value() - covered >= flush_messages;
  if (is_due) wanted_.store(std::max(wanted_.load(), end.value()));
  return is_due;
}

bool LogFlusher::must_flush_duplicate(base::Offset end, std::int64_t flush_messages) const {
  if (end <= durable_offset()) return false;
  return flush_messages <= 1 || end.value() <= wanted_.load();
}

void LogFlusher::on_truncated(base::Offset offset, base::Offset recovery_point) {
  durable_.store(std::min(durable_.load(), offset.value()));
  recovery_point_.store(std::min(recovery_point_.load(), recovery_point.value()));
  cut(offset);
}

void LogFlusher::on_started_over(base::Offset offset) {
  durable_.store(offset.value());  // there is nothing below it
  recovery_point_.store(std::min(recovery_point_.load(), offset.value()));
  cut(offset);
}

void LogFlusher::cut(base::Offset offset) {
  wanted_.store(std::min(wanted_.load(), offset.value()));
  base::LockGuard guard(waiters_mutex_);
  for (Done& done : waiters_.take_above(offset)) cut_waiters_.push_back(std::move(done));
  has_cut_waiters_.store(!cut_waiters_.empty());
}

void LogFlusher::deliver_cut() {
  if (!has_cut_waiters_.load(std::memory_order_relaxed)) return;
  std::vector<Done> done;
  {
    base::LockGuard guard(waiters_mutex_);
    done.swap(cut_waiters_);
    has_cut_waiters_.store(false);
  }
  for (Done& waiter : done) waiter(base::fail(base::Errc::cancelled, "truncated"));
}

// --- waiting ---------------------------------------------------------------------------------

void LogFlusher::set_listener(std::weak_ptr<DurableListener> listener) {
  base::LockGuard guard(waiters_mutex_);
  listener_ = std::move(listener);
}

std::optional<LogFlusher::Ticket> LogFlusher::when_durable(const std::shared_ptr<PartitionLog>& log,
                                                           base::Offset offset, Done done) {
  std::optional<Ticket> ticket;
  {
    base::LockGuard guard(waiters_mutex_);
    // Under the lock that notify() takes behind its look at the offset: no wait is missed.
    if (offset > durable_offset()) ticket = waiters_.add(offset, std::move(done));
  }
  if (!ticket) {
    done({});
    return ticket;
  }
  start(log, offset);
  return ticket;
}

void LogFlusher::start(const std::shared_ptr<PartitionLog>& log, base::Offset offset) {
  {
    base::LockGuard guard(waiters_mutex_);
    if (offset <= durable_offset() && waiters_.empty()) return;
    wanted_.store(std::max(wanted_.load(), offset.value()));
    if (std::exchange(is_submitted_, true)) return;
  }
  submit(log);
}

void LogFlusher::forget(const Ticket& ticket) {
  std::vector<Done> freed;  // not under the lock: it may own the last of something
  base::LockGuard guard(waiters_mutex_);
  waiters_.remove(ticket);
}

void LogFlusher::submit(std::shared_ptr<PartitionLog> log) {
  const auto& run_on_disk = log_.environment().run_on_disk;
  if (run_on_disk == nullptr) return run(log);
  run_on_disk(log_.log_dir(), [this, log = std::move(log)] { run(log); });
}

// One flush for all who asked before it began; another one if somebody has asked since.
void LogFlusher::run(const std::shared_ptr<PartitionLog>& log) {
  const auto flushed = flush(Extent::records, 0);
  std::vector<Done> failed;
  std::vector<Done> truncated;
  bool goes_on = false;
  {
    base::LockGuard guard(waiters_mutex_);
    if (!flushed) {
      failed = waiters_.take_all();
      wanted_.store(durable_.load());
    }
    // Truncated between the append and the wait for it.
    const base::Offset log_end = log_.log_end_offset();
    truncated = waiters_.take_above(log_end);
    wanted_.store(std::min(wanted_.load(), log_end.value()));
    goes_on = flushed.has_value() && (!waiters_.empty() || wanted_.load() > durable_.load());
    is_submitted_ = goes_on;
  }
  for (Done& done : failed) done(base::fail(flushed.error()));
  for (Done& done : truncated) done(base::fail(base::Errc::cancelled, "truncated"));
  if (goes_on) submit(log);
}

void LogFlusher::notify() {
  std::shared_ptr<DurableListener> listener;
  std::vector<Done> done;
  {
    base::LockGuard guard(waiters_mutex_);
    done = waiters_.take_up_to(durable_offset());
    if (log_.is_bounded_by_durable()) listener = listener_.lock();
  }
  // Readers first: whoever is told that a record is safe finds it there.
  if (listener != nullptr) listener->on_durable();
  for (Done& waiter : done) waiter({});
}

// --- flush -------------------------------------------------------------------------------------

bool LogFlusher::is_due(std::int64_t now_ms) const {
  if (has_new_files_.load()) return true;
  const std::int64_t bytes = unflushed_bytes_.load();
  if (bytes == 0 || !log_.is_usable()) return false;
  const auto config = log_.config();
  const std::int64_t waited_ms = now_ms - unflushed_since_ms_.load();
  return bytes >= config->background_flush_bytes || waited_ms >= config->background_flush_ms ||
         waited_ms >= config->flush_ms ||
         (log_.log_end_offset() - durable_offset()) >= config->flush_messages;
}

base::Result<void> LogFlusher::flush(Extent extent, std::int64_t now_ms) {
  {
    base::LockGuard one_at_a_time(flush_mutex_);
    TRY(flush_once(extent, now_ms));
  }
  notify();
  return {};
}

base::Result<void> LogFlusher::flush_once(Extent extent, std::int64_t now_ms) {
  TRY_ASSIGN(Work work, take(extent));
  if (const auto synced = sync(work); !synced) {
    give_back(std::move(work));
    return log_.write_failed(synced.error());
  }
  base::LockGuard append(log_.append_mutex_);
  if (log_.generation() != work.generation) return {};  // truncated meanwhile: next time
  durable_.store(std::max(durable_.load(), work.end.value()));
  if (!work.is_full) return {};
  recovery_point_.store(std::max(recovery_point_.load(), work.end.value()));
  unflushed_bytes_.fetch_sub(work.bytes);
  unflushed_since_ms_.store(now_ms);
  return {};
}

base::Result<LogFlusher::Work> LogFlusher::take(Extent extent) {
  base::LockGuard append(log_.append_mutex_);
  TRY(log_.check_usable());
  Work work;
  work.is_full = extent == Extent::everything;
  work.segments = log_.segments();
  work.end = log_.log_end_offset();
  work.generation = log_.generation();
  work.bytes = unflushed_bytes_.load();
  if (work.is_full && work.bytes >= kSnapshotBytes) TRY(take_snapshot(*work.segments));
  if (work.is_full) work.snapshots = log_.producers_.take_unsynced_snapshots();
  work.directory = log_.directory();
  work.has_new_directory = has_new_directory_.exchange(false);
  work.has_new_files = has_new_files_.exchange(false);
  work.has_topic_id = has_unsynced_topic_id_.exchange(false);
  return work;
}

// So that the next recovery need not look at what lies below the recovery point for the sake of its
// producers. Only the newest one inside a segment is kept.
base::Result<void> LogFlusher::take_snapshot(const SegmentList& segments) {
  ProducerState& producers = log_.producers_;
  const auto previous = producers.latest_snapshot();
  producers.set_map_end_offset(log_.log_end_offset());
  const auto taken = producers.take_snapshot();
  if (!taken) {
    return can_do_without(taken.error()) ? base::Result<void>() : log_.or_write_failed(taken);
  }
  has_new_files_.store(true);
  if (!previous || producers.latest_snapshot() == previous) return {};
  const bool is_at_segment =
      std::any_of(segments.begin(), segments.end(),
                  [&](const auto& segment) { return segment->base_offset() == *previous; });
  if (!is_at_segment) producers.remove_snapshot(*previous);
  return {};
}

// Segments keep their own marks in the same way.
base::Result<void> LogFlusher::sync(const Work& work) {
  for (const auto& segment : *work.segments) {
    if (segment->is_removed()) continue;
    const auto flushed = work.is_full ? segment->flush() : segment->flush_records();
    if (!flushed && !segment->is_removed()) return flushed;
  }
  for (const std::string& path : work.snapshots) {
    const auto synced = sync_file(path);
    // Gone if its segment was deleted meanwhile.
    if (!synced && !synced.error().is(std::errc::no_such_file_or_directory)) return synced;
  }
  if (work.has_topic_id) TRY(sync_file(work.directory + "/" + kPartitionMetadataFile));
  if (work.is_full) TRY(log_.epochs_.save_if_changed());
  runtime::FileSystem& files = log_.environment().files;
  if (work.has_new_files) TRY(files.sync_directory(work.directory));
  if (work.has_new_directory) TRY(files.sync_directory(log_.log_dir()));
  return {};
}

base::Result<void> LogFlusher::sync_file(const std::string& path) {
  TRY_ASSIGN(const auto file, log_.environment().files.open(path, runtime::OpenMode::read_write));
  return file->sync();
}

void LogFlusher::give_back(Work work) {
  base::LockGuard append(log_.append_mutex_);
  log_.producers_.give_back_unsynced_snapshots(std::move(work.snapshots));
  if (work.has_new_directory) has_new_directory_.store(true);
  if (work.has_new_files) has_new_files_.store(true);
  if (work.has_topic_id) has_unsynced_topic_id_.store(true);
}

// --- close -------------------------------------------------------------------------------------

base::Result<bool> LogFlusher::finish_files() {
  base::LockGuard append(log_.append_mutex_);
  TRY(log_.check_usable());
  TRY(log_.or_write_failed(log_.active_->finish()));
  ProducerState& producers = log_.producers_;
  const auto snapshot = producers.latest_snapshot();
  producers.set_map_end_offset(log_.log_end_offset());
  TRY(log_.or_write_failed(producers.take_snapshot()));
  if (producers.latest_snapshot() != snapshot) has_new_files_.store(true);
  const auto list = log_.segments();
  for (const auto& segment : *list) TRY(log_.or_write_failed(segment->write_out()));
  finished_end_.store(log_.log_end_offset().value());
  const bool is_dirty = log_.epochs_.has_changed() || unflushed_bytes_.load() > 0 ||
                        has_new_files_.load() || has_new_directory_.load() ||
                        has_unsynced_topic_id_.load() || recovery_point() < log_.log_end_offset();
  return is_dirty;
}

base::Result<void> LogFlusher::stage_files() {
  TRY(log_.check_usable());
  return log_.or_write_failed(log_.epochs_.stage_if_changed());
}

base::Result<void> LogFlusher::close_synced(std::int64_t now_ms) {
  {
    base::LockGuard append(log_.append_mutex_);
    TRY(log_.check_usable());
    if (finished_end_.load() == log_.log_end_offset().value()) {
      TRY(log_.or_write_failed(log_.epochs_.replace_by_staged()));
      recovery_point_.store(log_.log_end_offset().value());
      durable_.store(log_.log_end_offset().value());
      log_.is_abandoned_.store(true);
      return {};
    }
  }
  return close(now_ms);
}

base::Result<void> LogFlusher::close(std::int64_t now_ms) {
  TRY(finish_files());
  TRY(flush(now_ms));
  log_.abandon();
  return {};
}

}  // namespace storage
