// Goal: whatever happens to a log, in whatever order, it holds what a plain vector says it holds.
// Method: random operations on a real log over the simulated disk, beside a model; kills keep the
// page cache, power failures lose (and tear) what was not synced, the disk may be full. After each
// crash the log is recovered and must hold a prefix of the model that reaches at least as far as
// the last flush. A failing run names its seed.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "protocol/record_batch_builder.h"
#include "test/sim/storage/sim_log.h"

using base::Offset;

namespace {

// Sequential numbering per producer of idempotent batches.
struct ModelProducer {
  std::int32_t next_sequence = 0;
};

class LogModel final : private storage_sim::SimLog {
 public:
  explicit LogModel(std::uint64_t seed) : SimLog(seed) {
    config_.segment_bytes = 700 + static_cast<std::int32_t>(below(2000));
    config_.index_interval_bytes = 50 + static_cast<std::int32_t>(below(300));
    config_.retention_ms = -1;
    open(true);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      clock_.now_ms += static_cast<std::int64_t>(below(50));
      step();
      check_ends();
    }
    check_all();
    close_and_open();
    check_all();
  }

 private:
  void step() {
    const std::uint64_t dice = below(100);
    if (dice < 50) {
      append();
    } else if (dice < 60) {
      append_as_follower();
    } else if (dice < 76) {
      read_some();
    } else if (dice < 80) {
      flush();
    } else if (dice < 83) {
      truncate();
    } else if (dice < 85) {
      REQUIRE(log_->roll(clock_.now_ms).has_value());
    } else if (dice < 87) {
      advance_log_start();
    } else if (dice < 89) {
      REQUIRE(log_->delete_old_segments(clock_.now_ms).has_value());
    } else if (dice < 90) {
      start_over();
    } else if (dice < 92) {
      look_up_time();
    } else if (dice < 94) {
      run_out_of_space();
    } else if (dice < 96) {
      close_and_open();
    } else if (dice < 98) {
      crash(runtime::CrashKind::process_killed);
    } else {
      crash(below(2) == 0 ? runtime::CrashKind::power_loss : runtime::CrashKind::power_loss_torn);
    }
  }

  void open(bool clean) {
    storage::OpenLogOptions options;
    options.had_clean_shutdown = clean;
    options.recovery_point = checkpointed_recovery_point_;
    options.log_start_offset = log_start_;
    open_log(options);
    checkpoint();
  }

  base::Buffer make_batch(int records, Offset base_offset, std::vector<std::string>& values,
                          std::int64_t producer_id, std::int32_t sequence) {
    protocol::BatchOptions options;
    options.base_offset = base_offset;
    options.leader_epoch = base::LeaderEpoch(epoch_);
    options.codec = static_cast<protocol::Codec>(below(5));
    options.producer_id = producer_id;
    options.producer_epoch = producer_id >= 0 ? 0 : -1;
    options.base_sequence = sequence;
    protocol::RecordBatchBuilder builder(options);
    for (int i = 0; i < records; ++i) {
      values.push_back(std::to_string(++value_count_) + std::string(below(60), 'x'));
      builder.append(clock_.now_ms, std::nullopt, base::as_bytes(values.back()));
    }
    return builder.build().value();
  }

  void append() {
    if (below(10) == 0) ++epoch_;
    const std::int64_t producer_id = below(3) == 0 ? static_cast<std::int64_t>(below(4)) : -1;
    const storage::ProducerEntry* known = nullptr;
    const auto entries = log_->active_producers();
    for (const auto& entry : entries) {
      if (entry.producer_id == producer_id) known = &entry;
    }
    const std::int32_t sequence =
        producer_id < 0
            ? -1
            : (known == nullptr ? 0 : protocol::sequence_plus(known->last_sequence(), 1));
    std::vector<std::string> values;
    base::Buffer batch =
        make_batch(1 + static_cast<int>(below(4)), Offset(0), values, producer_id, sequence);
    storage::AppendRequest request;
    base::Buffer again = base::Buffer::copy_of(batch.bytes());
    request.records = batch.mutable_bytes();
    request.leader_epoch = base::LeaderEpoch(epoch_);
    request.now_ms = clock_.now_ms;
    const auto appended = log_->append(request);
    if (!appended) FAIL(appended.error().to_string());
    CHECK_EQ(appended->base_offset, log_end_);
    for (const auto& value : values) {
      records_[log_end_] = {value, clock_.now_ms};
      ++log_end_;
    }
    if (producer_id >= 0 && below(2) == 0) {
      request.records = again.mutable_bytes();
      const auto duplicate = log_->append(request);
      if (!duplicate) FAIL(duplicate.error().to_string());
      CHECK(duplicate->is_duplicate);
      CHECK_EQ(duplicate->base_offset, appended->base_offset);
    }
  }

  void append_as_follower() {
    base::Buffer fetched;
    const int batches = 1 + static_cast<int>(below(8));
    Offset at = log_end_;
    for (int i = 0; i < batches; ++i) {
      at += static_cast<std::int64_t>(below(4) == 0 ? below(5) : 0);  // compacted away
      std::vector<std::string> values;
      fetched.append(make_batch(1 + static_cast<int>(below(3)), at, values, -1, -1).bytes());
      for (const auto& value : values) {
        records_[at] = {value, clock_.now_ms};
        ++at;
      }
    }
    const auto appended = log_->append_as_follower(fetched.bytes(), clock_.now_ms);
    if (!appended) FAIL(appended.error().to_string());
    log_end_ = at;
  }

  struct Record {
    std::string value;
    std::int64_t timestamp_ms = 0;
  };

  // What lies in the log from `from` on, read in pieces.
  std::map<Offset, Record> read_from(Offset from, std::int64_t max_bytes) {
    std::map<Offset, Record> found;
    Offset at = from;
    while (at < log_->log_end_offset()) {
      const auto bytes = log_->read({at, log_->log_end_offset(), max_bytes, true});
      if (!bytes) FAIL(bytes.error().to_string());
      if (bytes->empty()) break;  // the end may be a gap
      for (base::Bytes rest = bytes->bytes(); !rest.empty();) {
        const auto batch = protocol::frame_batch(rest);
        REQUIRE(batch.has_value());
        REQUIRE(batch->is_checksum_right());
        const auto plain = protocol::decompress(*batch->codec(), batch->records(), 1 << 24).value();
        protocol::RecordReader reader(*batch, plain.bytes());
        for (;;) {
          const auto record = reader.next().value();
          if (!record) break;
          if (record->offset < from) continue;
          found[record->offset] = {std::string(base::as_text(*record->value)),
                                   record->timestamp_ms};
        }
        at = batch->next_offset();
        rest = rest.subspan(batch->bytes().size());
      }
    }
    return found;
  }

  void check_from(Offset from, std::int64_t max_bytes) {
    const auto found = read_from(from, max_bytes);
    auto expected = records_.lower_bound(from);
    for (const auto& [offset, record] : found) {
      REQUIRE(expected != records_.end());
      REQUIRE_EQ(offset, expected->first);
      REQUIRE_EQ(record.value, expected->second.value);
      ++expected;
    }
    REQUIRE(expected == records_.end());
  }

  Offset some_offset() {
    const auto span = static_cast<std::uint64_t>(log_end_ - log_start_);
    return log_start_ + static_cast<std::int64_t>(below(span + 1));
  }

  void read_some() { check_from(some_offset(), 1 + static_cast<std::int64_t>(below(3000))); }
  void check_all() { check_from(log_start_, 1 << 20); }

  void check_ends() {
    REQUIRE_EQ(log_->log_end_offset(), log_end_);
    REQUIRE_EQ(log_->log_start_offset(), log_start_);
  }

  void checkpoint() { checkpointed_recovery_point_ = log_->recovery_point(); }

  void flush() {
    REQUIRE(log_->flusher().flush(clock_.now_ms).has_value());
    CHECK_EQ(log_->recovery_point(), log_end_);
    durable_end_ = shared_end_ = recorded_end();
    if (below(2) == 0) checkpoint();
  }

  void forget_from(Offset offset) {
    records_.erase(records_.lower_bound(offset), records_.end());
    log_end_ = offset;
    durable_end_ = std::min(durable_end_, offset);
    shared_end_ = std::min(shared_end_, offset);
  }

  // Cutting into a batch loses all of it, but the log end is where it was asked for.
  void drop_cut_batch() {
    const auto kept = read_from(log_start_, 1 << 20);
    for (auto at = records_.begin(); at != records_.end();) {
      at = kept.contains(at->first) ? std::next(at) : records_.erase(at);
    }
    for (const auto& [offset, record] : kept) REQUIRE(records_.contains(offset));
    shared_end_ = std::min(shared_end_, recorded_end());
    durable_end_ = std::min(durable_end_, shared_end_);
  }

  void truncate() {
    log_->set_high_watermark(log_end_);
    const Offset offset = some_offset();
    const auto truncated = log_->truncate_to(offset, clock_.now_ms);
    if (!truncated) FAIL(truncated.error().to_string());
    if (!*truncated) return;
    checkpoint();
    forget_from(offset);
    ++epoch_;
    drop_cut_batch();
  }

  void start_over() {
    const Offset offset(static_cast<std::int64_t>(below(5000)));
    REQUIRE(log_->truncate_fully_and_start_at(offset, clock_.now_ms).has_value());
    records_.clear();
    log_start_ = log_end_ = durable_end_ = shared_end_ = offset;
    checkpoint();
    ++epoch_;
  }

  void advance_log_start() {
    log_->set_high_watermark(log_end_);
    const Offset offset = some_offset();
    REQUIRE(log_->advance_log_start_offset(offset).has_value());
    log_start_ = std::max(log_start_, offset);
    records_.erase(records_.begin(), records_.lower_bound(log_start_));
    durable_end_ = std::max(durable_end_, log_start_);
    shared_end_ = std::max(shared_end_, log_start_);
  }

  void look_up_time() {
    const std::int64_t target = clock_.now_ms - static_cast<std::int64_t>(below(3000));
    const auto found = log_->offset_for_timestamp(target);
    if (!found) FAIL(found.error().to_string());
    const auto expected = std::find_if(records_.begin(), records_.end(), [&](const auto& item) {
      return item.second.timestamp_ms >= target;
    });
    REQUIRE_EQ(found->has_value(), expected != records_.end());
    if (*found) REQUIRE_EQ((*found)->offset, expected->first);
  }

  void run_out_of_space() {
    files_.set_fault_hook([this](runtime::SimFileOperation operation, const std::string&) {
      runtime::SimFileFault fault;
      if (operation == runtime::SimFileOperation::write) {
        fault.errno_value = ENOSPC;
        fault.partial_bytes = below(40);
      }
      return fault;
    });
    for (int i = 0; i < 3; ++i) {
      std::vector<std::string> values;
      base::Buffer batch = make_batch(1 + static_cast<int>(below(9)), Offset(0), values, -1, -1);
      storage::AppendRequest request;
      request.records = batch.mutable_bytes();
      request.leader_epoch = base::LeaderEpoch(epoch_);
      const auto appended = log_->append(request);
      REQUIRE(!appended.has_value());
      CHECK(appended.error().is(storage::LogError::storage_error));
    }
    files_.set_fault_hook({});
    CHECK(log_->is_usable());
  }

  void close_and_open() {
    const auto closed = log_->flusher().close(clock_.now_ms);
    if (!closed) FAIL(closed.error().to_string());
    checkpoint();
    CHECK_EQ(checkpointed_recovery_point_, log_end_);
    const Offset closed_end = log_end_;
    const auto producers = log_->active_producers().size();
    open(true);
    check_log_end_after_open();
    durable_end_ = shared_end_ = recorded_end();
    // A snapshot at the log start, or above a log end that fell back, counts for nothing.
    if (log_start_ < log_end_ && log_end_ == closed_end)
      CHECK_EQ(log_->active_producers().size(), producers);
  }

  // A log end inside a gap is not written down anywhere: it falls back behind the last record.
  Offset recorded_end() const {
    return records_.empty() ? log_start_ : records_.rbegin()->first + 1;
  }

  void check_log_end_after_open() {
    const Offset end = log_->log_end_offset();
    REQUIRE(end <= log_end_);
    REQUIRE(end >= recorded_end());
    log_end_ = end;
  }

  void crash(runtime::CrashKind kind) {
    files_.crash(kind);
    open(false);
    if (kind == runtime::CrashKind::process_killed) {
      check_log_end_after_open();
      check_all();
      durable_end_ = std::min(durable_end_, log_end_);
      shared_end_ = std::min(shared_end_, log_end_);
      return;
    }
    // Behind a truncation that was not flushed the older history may be back.
    const Offset end = log_->log_end_offset();
    REQUIRE(end >= durable_end_);
    const auto found = read_from(log_start_, 1 << 20);
    for (const auto& [offset, record] : found) {
      if (offset >= shared_end_) break;
      REQUIRE(records_.contains(offset));
      REQUIRE_EQ(records_[offset].value, record.value);
    }
    for (const auto& [offset, record] : records_) {
      if (offset < durable_end_) REQUIRE(found.contains(offset));
    }
    records_ = found;
    log_end_ = end;
    durable_end_ = std::min(durable_end_, end);
    shared_end_ = std::min(shared_end_, end);
  }

  std::map<Offset, Record> records_;
  Offset log_start_{0};
  Offset log_end_{0};
  Offset durable_end_{0};  // what a power failure may not take
  Offset shared_end_{0};   // below it the disk knows no other history
  Offset checkpointed_recovery_point_{0};
  std::int32_t epoch_ = 0;
  std::int64_t value_count_ = 0;
};

}  // namespace

TEST_CASE("random operations and crashes, beside a model") {
  for (std::uint64_t seed = storage_sim::first_seed(); seed <= storage_sim::seeds_wanted();
       ++seed) {
    CAPTURE(seed);
    LogModel(seed).run(150);
  }
}
