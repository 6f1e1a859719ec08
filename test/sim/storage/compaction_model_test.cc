// Goal: compaction loses no key's latest value, whatever is written and whenever the machine dies,
// and leaves nothing that is superfluous.
// Method: random keyed batches, tombstones, codecs and transactions in a real log over the
// simulated disk, beside a list of what was written. After each compaction the log is compared with
// the list; a compaction is also cut off at every single disk operation, by a kill and by a power
// failure, and the log recovered. A failing run names its seed.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "protocol/record_batch_builder.h"
#include "storage/compaction/compaction.h"
#include "test/sim/storage/sim_log.h"

using base::Offset;
using runtime::CrashKind;

namespace {

enum class Fate { committed, aborted, open };

struct Written {
  std::string key;
  std::optional<std::string> value;
  std::int64_t timestamp_ms = 0;
  std::int64_t transaction = -1;  // index in the model's list
};

struct Read {
  std::string key;
  std::optional<std::string> value;
  std::int64_t timestamp_ms = 0;
};

constexpr std::int64_t kDeleteRetentionMs = 500;

class CompactionModel final : private storage_sim::SimLog {
 public:
  explicit CompactionModel(std::uint64_t seed) : SimLog(seed) {
    config_.segment_bytes = 600 + static_cast<std::int32_t>(below(2500));
    config_.index_interval_bytes = 50 + static_cast<std::int32_t>(below(300));
    config_.cleanup_compact = true;
    config_.cleanup_delete = false;
    config_.delete_retention_ms = kDeleteRetentionMs;
    config_.min_cleanable_dirty_ratio = 0;
    key_count_ = 2 + below(20);
    open(true);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      clock_.now_ms += static_cast<std::int64_t>(below(30));
      const std::uint64_t dice = below(100);
      if (dice < 65) {
        append();
      } else if (dice < 78) {
        end_some_transaction();
      } else if (dice < 81) {
        REQUIRE(log_->roll(clock_.now_ms).has_value());
      } else if (dice < 90) {
        compact_and_check();
      } else if (dice < 93) {
        reopen_clean();
      } else if (dice < 96) {
        crash_at(1 + below(60), some_crash());
      } else {
        reopen_unclean();
      }
    }
    check();
  }

  void fill(int batches) {
    for (int i = 0; i < batches; ++i) {
      append();
      if (below(3) == 0) end_some_transaction();
      clock_.now_ms += 20;
    }
  }

  // False: the compaction needs fewer than `operation` disk operations.
  bool crash_at(std::uint64_t operation, CrashKind kind) {
    REQUIRE(log_->flusher().flush(clock_.now_ms).has_value());
    std::uint64_t left = operation;
    bool is_dead = false;
    files_.set_fault_hook([&](runtime::SimFileOperation, const std::string&) {
      runtime::SimFileFault fault;
      if (left > 0 && --left == 0) is_dead = true;
      if (is_dead) fault.errno_value = EIO;
      return fault;
    });
    may_fail_ = true;
    compact();
    files_.set_fault_hook({});
    if (is_dead) {
      files_.crash(kind);
      open(false);
    }
    may_fail_ = false;
    check_nothing_lost();
    return is_dead;
  }

  void compact_and_check() {
    const Offset bound = compact();
    check_nothing_lost();
    check_nothing_superfluous(bound);
  }

  void check() { check_nothing_lost(); }

 private:
  struct Transaction {
    std::int64_t producer_id = -1;
    Fate fate = Fate::open;
  };

  CrashKind some_crash() {
    constexpr CrashKind kKinds[] = {CrashKind::process_killed, CrashKind::power_loss,
                                    CrashKind::power_loss_torn};
    return kKinds[below(3)];
  }

  void open(bool clean) {
    storage::OpenLogOptions options;
    options.had_clean_shutdown = clean;
    options.recovery_point = recovery_point_;
    options.cleaned_up_to = cleaned_up_to_;
    open_log(options);
    recovery_point_ = log_->recovery_point();
  }

  void on_disk_failure(const base::Error& error) override {
    if (!may_fail_) SimLog::on_disk_failure(error);
  }
  void remove_later(const std::vector<std::string>& paths) override {
    if (below(2) != 0) SimLog::remove_later(paths);
  }

  void reopen_clean() {
    REQUIRE(log_->flusher().close(clock_.now_ms).has_value());
    open(true);
    check();
  }

  void reopen_unclean() {
    const auto before = producers();
    files_.crash(CrashKind::process_killed);
    if (below(2) == 0) recovery_point_ = Offset(0);
    open(false);
    check();
    REQUIRE(before == producers());
  }

  // Last sequence and epoch of each: what fencing and duplicate detection go by.
  std::map<std::int64_t, std::pair<std::int32_t, std::int16_t>> producers() {
    std::map<std::int64_t, std::pair<std::int32_t, std::int16_t>> all;
    for (const auto& entry : log_->active_producers()) {
      all[entry.producer_id] = {entry.last_sequence(), entry.epoch};
    }
    return all;
  }

  void append() {
    protocol::BatchOptions options;
    options.codec = static_cast<protocol::Codec>(below(5));
    options.producer_id = below(2) == 0 ? -1 : static_cast<std::int64_t>(below(6));
    std::int64_t transaction = -1;
    if (options.producer_id >= 0) {
      options.producer_epoch = 0;
      options.base_sequence = sequences_[options.producer_id];
      if (options.producer_id < 4) {
        options.is_transactional = true;
        transaction = open_transaction_of(options.producer_id);
      }
    }
    protocol::RecordBatchBuilder builder(options);
    const int count = 1 + static_cast<int>(below(4));
    std::vector<Written> records;
    for (int i = 0; i < count; ++i) {
      Written record;
      record.key = "key" + std::to_string(below(key_count_));
      if (below(5) != 0)
        record.value = std::to_string(++value_count_) + std::string(below(50), 'v');
      record.timestamp_ms = clock_.now_ms + i;
      record.transaction = transaction;
      std::optional<base::Bytes> value;
      if (record.value) value = base::as_bytes(*record.value);
      builder.append(record.timestamp_ms, base::as_bytes(record.key), value);
      records.push_back(record);
    }
    const Offset base = put(builder.build().value(), storage::AppendOrigin::client);
    for (int i = 0; i < count; ++i) written_[base + i] = records[static_cast<std::size_t>(i)];
    if (options.producer_id >= 0) sequences_[options.producer_id] += count;
  }

  Offset put(base::Buffer batch, storage::AppendOrigin origin) {
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    request.leader_epoch = base::LeaderEpoch(3);
    request.origin = origin;
    request.now_ms = clock_.now_ms;
    const auto appended = log_->append(request);
    if (!appended) FAIL(appended.error().to_string());
    log_->set_high_watermark(log_->log_end_offset());
    return appended->base_offset;
  }

  std::int64_t open_transaction_of(std::int64_t producer_id) {
    for (std::size_t i = 0; i < transactions_.size(); ++i) {
      if (transactions_[i].producer_id == producer_id && transactions_[i].fate == Fate::open) {
        return static_cast<std::int64_t>(i);
      }
    }
    transactions_.push_back({producer_id, Fate::open});
    return static_cast<std::int64_t>(transactions_.size()) - 1;
  }

  void end_some_transaction() {
    const auto producer_id = static_cast<std::int64_t>(below(4));
    const bool is_commit = below(2) == 0;
    put(protocol::build_end_transaction_marker({is_commit, 1}, producer_id, 0, clock_.now_ms),
        storage::AppendOrigin::coordinator);
    for (Transaction& transaction : transactions_) {
      if (transaction.producer_id != producer_id || transaction.fate != Fate::open) continue;
      transaction.fate = is_commit ? Fate::committed : Fate::aborted;
    }
  }

  Fate fate_of(const Written& record) const {
    return record.transaction < 0
               ? Fate::committed
               : transactions_[static_cast<std::size_t>(record.transaction)].fate;
  }

  // Up to where all of it was cleaned.
  Offset compact() {
    const auto plan = storage::plan_compaction(*log_, clock_.now_ms);
    if (!plan && may_fail_) return Offset(0);
    if (!plan) FAIL(plan.error().to_string());
    touched_ = std::max(touched_, plan->first_uncleanable);
    storage::CompactionOptions options;
    // Small maps too: one key at a time gets ahead as well.
    if (below(3) == 0) options.map_bytes_max = 24 * 8;
    const auto compacted = storage::compact(*log_, *plan, options, clock_.now_ms);
    if (!compacted && may_fail_) return Offset(0);
    if (!compacted) FAIL(compacted.error().to_string());
    CHECK(compacted->cleaned_up_to <= std::max(plan->first_dirty, plan->first_uncleanable));
    log_->set_cleaned_up_to(compacted->cleaned_up_to, plan->generation);
    if (below(2) == 0) cleaned_up_to_ = compacted->cleaned_up_to;
    return compacted->cleaned_up_to;
  }

  // All records but those of control batches. Aborted ones, by the index that consumers use, apart.
  std::map<Offset, Read> read_all(std::set<Offset>& aborted_offsets) {
    std::map<Offset, Read> found;
    const Offset log_end = log_->log_end_offset();
    const auto aborted = log_->aborted_transactions(Offset(0), log_end);
    if (!aborted) FAIL(aborted.error().to_string());
    Offset previous(-1);
    for (Offset at = log_->log_start_offset(); at < log_end;) {
      const auto bytes = log_->read({at, log_end, 1 << 20, true});
      if (!bytes) FAIL(bytes.error().to_string());
      if (bytes->empty()) break;
      for (base::Bytes rest = bytes->bytes(); !rest.empty();) {
        const auto batch = protocol::frame_batch(rest);
        REQUIRE(batch.has_value());
        REQUIRE(batch->is_checksum_right());
        REQUIRE(batch->base_offset() > previous);
        CHECK_EQ(batch->leader_epoch(), base::LeaderEpoch(3));
        previous = batch->last_offset();
        const auto plain = protocol::decompress(*batch->codec(), batch->records(), 1 << 24).value();
        protocol::RecordReader reader(*batch, plain.bytes());
        for (;;) {
          const auto record = reader.next().value();
          if (!record || batch->is_control()) break;
          REQUIRE(record->key.has_value());
          Read read{std::string(base::as_text(*record->key)), {}, record->timestamp_ms};
          if (record->value) read.value = std::string(base::as_text(*record->value));
          found[record->offset] = read;
          for (const auto& transaction : *aborted) {
            if (batch->is_transactional() && transaction.producer_id == batch->producer_id() &&
                transaction.first_offset <= record->offset &&
                record->offset < transaction.last_offset) {
              aborted_offsets.insert(record->offset);
            }
          }
        }
        at = batch->next_offset();
        rest = rest.subspan(batch->bytes().size());
      }
    }
    return found;
  }

  void check_nothing_lost() {
    std::set<Offset> aborted;
    const auto found = read_all(aborted);
    for (const auto& [offset, read] : found) {
      const auto original = written_.find(offset);
      REQUIRE(original != written_.end());
      REQUIRE_EQ(read.key, original->second.key);
      REQUIRE(read.value == original->second.value);
      REQUIRE_EQ(read.timestamp_ms, original->second.timestamp_ms);
      REQUIRE_EQ(aborted.contains(offset), fate_of(original->second) == Fate::aborted);
    }
    std::map<std::string, Offset> latest;
    for (const auto& [offset, record] : written_) {
      if (fate_of(record) == Fate::committed) latest[record.key] = offset;
      const bool is_untouched = offset >= touched_ && fate_of(record) == Fate::committed;
      if (fate_of(record) == Fate::open || is_untouched) {
        REQUIRE(found.contains(offset));
      }
    }
    for (const auto& [key, offset] : latest) {
      if (written_[offset].value) REQUIRE(found.contains(offset));
    }
  }

  void check_nothing_superfluous(Offset bound) {
    std::set<Offset> aborted;
    const auto found = read_all(aborted);
    std::map<std::string, Offset> latest;
    for (const auto& [offset, record] : written_) {
      if (offset < bound && fate_of(record) == Fate::committed) latest[record.key] = offset;
    }
    for (const auto& [offset, read] : found) {
      if (offset >= bound) break;
      REQUIRE(fate_of(written_[offset]) == Fate::committed);
      REQUIRE_EQ(latest[read.key], offset);
    }
  }

  bool may_fail_ = false;
  std::map<Offset, Written> written_;
  std::vector<Transaction> transactions_;
  std::map<std::int64_t, std::int32_t> sequences_;
  Offset recovery_point_{0};
  std::optional<Offset> cleaned_up_to_;
  Offset touched_{0};  // nothing at or above it was ever planned to be compacted
  std::uint64_t key_count_ = 0;
  std::int64_t value_count_ = 0;
};

}  // namespace

TEST_CASE("random writes, compactions and crashes, beside a list of what was written") {
  for (std::uint64_t seed = storage_sim::first_seed(); seed <= storage_sim::seeds_wanted();
       ++seed) {
    CAPTURE(seed);
    CompactionModel(seed).run(150);
  }
}

TEST_CASE("a compaction that is cut off at any disk operation loses nothing") {
  for (const CrashKind kind :
       {CrashKind::process_killed, CrashKind::power_loss, CrashKind::power_loss_torn}) {
    bool is_cut_off = true;
    for (std::uint64_t operation = 1; is_cut_off; ++operation) {
      CAPTURE(operation);
      CompactionModel model(7);
      model.fill(40);
      is_cut_off = model.crash_at(operation, kind);
      if (!is_cut_off) CHECK(operation > 30);
      model.compact_and_check();
    }
  }
}
