// Goal: partitions on failing disks keep what they promise: what was acknowledged, or read by a
// consumer, is there after a kill, and after a power failure with flush.messages=1; no offset is
// acknowledged for two records, nothing that a producer sent again is there twice, nobody waits for
// ever, and a directory goes offline exactly when its device has failed.
// Method: random produces, fetches of a follower and a consumer, changes of leader with truncation,
// some of them between a flush's beginning and its sync, beside a model that knows each record by
// its value. A failing run names its seed.
#include <doctest/doctest.h>

#include <algorithm>

#include "base/log.h"
#include "broker/replication/partition.h"
#include "protocol/record_batch_builder.h"
#include "test/sim/faults/faulty_disks.h"

using base::Offset;
using replication::Partition;
using replication::ReplicaError;
using runtime::CrashKind;
using storage::LogError;

namespace {

constexpr base::BrokerId kSelf(1);
constexpr base::BrokerId kOther(2);

enum class Promise { none, survives_kill, survives_power_loss };

struct Record {
  std::string value;
  std::set<Offset> places;  // where it may lie
  Promise promise = Promise::none;
  bool is_committed = false;
  bool is_cut = false;
};
using RecordPointer = std::shared_ptr<Record>;

// What a producer sends as one, as often as it takes.
struct Batch {
  std::vector<RecordPointer> records;
  std::int32_t sequence = -1;
  Offset base{-1};  // of its first successful append

  Offset at(const RecordPointer& record) const { return base + (&record - records.data()); }
};

struct Hosted {
  base::TopicPartition id;
  std::string log_dir;
  bool has_follower = false;
  int epoch = 0;
  std::shared_ptr<Partition> partition;  // null: its directory has failed
  std::map<Offset, RecordPointer> records;
  std::map<Offset, std::string> acknowledged;
  std::set<Offset> bases;  // of its batches
  Offset follower_end{0};
  std::int64_t producer_id = -1;
  std::int32_t next_sequence = 0;
  std::optional<Batch> unsettled;  // sent again before anything else
};

class PartitionModel final : public faults_sim::FaultyDisks {
 public:
  explicit PartitionModel(std::uint64_t seed) : FaultyDisks(seed) {
    constexpr std::int64_t kFlushMessages[] = {1, 1, 4, INT64_MAX};
    config_.flush_messages = kFlushMessages[below(4)];
    start();
  }
  ~PartitionModel() override {
    on_stopping();
    (void)world_.run_until_idle(60'000);
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      settle();
      world_.run_for(static_cast<std::int64_t>(below(8)));
      settle();
      if (manager_->live_directories().empty()) restart(some_end());
    }
    drain();
    restart(std::nullopt);
    for (auto& [id, hosted] : hosted_) consume(hosted);
  }
  std::int64_t acknowledgements() const { return acknowledgements_; }

 private:
  void step() {
    const std::uint64_t dice = below(100);
    if (dice < 5) return create();
    if (dice >= 90 && dice < 94) return arm();
    if (dice >= 94 && dice < 96) return disarm();
    if (dice == 96) return drain();
    if (dice > 96) return restart(some_end());
    Hosted* const hosted = some_partition();
    if (hosted == nullptr) return;
    if (dice < 55) return produce(*hosted);
    if (dice < 70) return follow(*hosted);
    if (dice < 78) return consume(*hosted);
    if (dice < 82) return change_leader(*hosted);
    do_upkeep();
  }

  Hosted* some_partition() {
    if (hosted_.empty()) return nullptr;
    auto& [id, hosted] =
        *std::next(hosted_.begin(), static_cast<std::ptrdiff_t>(below(hosted_.size())));
    return hosted.partition == nullptr ? nullptr : &hosted;
  }

  void create() {
    if (hosted_.size() >= 5) return;
    Hosted hosted;
    hosted.id = {"t" + std::to_string(++created_), 0};
    hosted.has_follower = one_in(2);
    const auto made = manager_->get_or_create(hosted.id, std::nullopt, now_ms());
    if (!made) return;
    hosted.log_dir = (*made)->log_dir();
    new_producer(hosted);
    host(hosted_[hosted.id] = std::move(hosted));
  }

  void host(Hosted& hosted) {
    auto log = manager_->find(hosted.id);
    REQUIRE(log != nullptr);
    hosted.partition = std::make_shared<Partition>(hosted.id, kSelf, std::move(log));
    lead(hosted);
  }
  void new_producer(Hosted& hosted) {
    hosted.producer_id = one_in(3) ? -1 : ++producers_;
    hosted.next_sequence = 0;
    hosted.unsettled.reset();
  }
  replication::LeaderState next_state(Hosted& hosted, base::BrokerId leader) const {
    replication::LeaderState state;
    state.leader = leader;
    state.leader_epoch = base::LeaderEpoch(hosted.epoch++);
    state.replicas = {kSelf};
    if (hosted.has_follower) state.replicas.push_back(kOther);
    state.isr = state.replicas;
    return state;
  }
  void lead(Hosted& hosted) {
    REQUIRE(hosted.partition->make_leader(next_state(hosted, kSelf), now_ms()));
  }

  // --- producers ---------------------------------------------------------------------------------

  Batch new_batch(Hosted& hosted) {
    Batch batch;
    for (std::uint64_t i = 0; i <= below(3); ++i) {
      auto record = std::make_shared<Record>();
      record->value = std::to_string(++values_) + std::string(below(80), 'x');
      known_[record->value] = record;
      batch.records.push_back(std::move(record));
    }
    if (hosted.producer_id < 0) return batch;
    batch.sequence = hosted.next_sequence;
    hosted.next_sequence += static_cast<std::int32_t>(batch.records.size());
    return batch;
  }

  base::Result<replication::AppendOutcome> append(Hosted& hosted, const Batch& batch,
                                                  std::int16_t acks) {
    protocol::BatchOptions options;
    if (batch.sequence >= 0) {
      options.producer_id = hosted.producer_id;
      options.producer_epoch = 0;
      options.base_sequence = batch.sequence;
    }
    protocol::RecordBatchBuilder builder(options);
    for (const auto& record : batch.records) {
      builder.append(now_ms(), std::nullopt, base::as_bytes(record->value));
    }
    base::Buffer bytes = builder.build().value();
    storage::AppendRequest request;
    request.records = bytes.mutable_bytes();
    request.now_ms = now_ms();
    const auto validated = hosted.partition->log().validate(request);
    REQUIRE(validated.has_value());
    return hosted.partition->append(*validated, acks, now_ms());
  }

  void produce(Hosted& hosted) {
    constexpr std::int16_t kAcks[] = {0, 1, 1, -1, -1};
    const std::int16_t acks = kAcks[below(5)];
    Batch batch = hosted.unsettled ? *hosted.unsettled : new_batch(hosted);
    hosted.unsettled.reset();
    const Offset end = hosted.partition->log().log_end_offset();
    place(batch, end);
    const auto outcome = append(hosted, batch, acks);
    if (!outcome) {
      const bool is_offline = outcome.error().is(ReplicaError::not_leader) ||
                              outcome.error().is(LogError::storage_error);
      if (!is_offline) FAIL(outcome.error().to_string());
      if (batch.sequence >= 0) hosted.unsettled = std::move(batch);
      return;
    }
    const storage::AppendInfo& info = outcome->info;
    if (info.is_duplicate && batch.base >= Offset(0)) REQUIRE_EQ(info.base_offset, batch.base);
    if (!info.is_duplicate) REQUIRE_EQ(info.base_offset, end);
    batch.base = info.base_offset;
    place(batch, batch.base);
    hosted.bases.insert(batch.base);
    for (const auto& record : batch.records) {
      record->is_cut = false;
      hosted.records[batch.at(record)] = record;
    }
    if (acks == 0) return;
    if (!outcome->must_wait(acks)) return acknowledge(hosted, batch, *outcome, acks);
    // Nobody knows yet: a producer that is impatient sends it again.
    if (batch.sequence >= 0 && one_in(4)) hosted.unsettled = batch;
    ++waiting_[hosted.id];
    scope_.spawn(wait(this, hosted.id, hosted.partition, batch, *outcome, acks));
  }
  static void place(const Batch& batch, Offset at) {
    for (const auto& record : batch.records) {
      record->places.insert(at);
      at = at + 1;
    }
  }

  static runtime::Task<void> wait(PartitionModel* model, base::TopicPartition id,
                                  std::shared_ptr<Partition> partition, Batch batch,
                                  replication::AppendOutcome outcome, std::int16_t acks) {
    auto stored = partition->wait_stored(outcome, acks, model->loop_);
    partition.reset();
    const auto result = co_await stored.wait(runtime::kNoTimeout, true, {});
    --model->waiting_[id];
    const auto hosted = model->hosted_.find(id);
    if (result && hosted != model->hosted_.end()) {
      model->acknowledge(hosted->second, batch, outcome, acks);
    }
  }

  void acknowledge(Hosted& hosted, const Batch& batch, const replication::AppendOutcome& outcome,
                   std::int16_t acks) {
    ++acknowledgements_;
    for (const auto& record : batch.records) {
      CAPTURE(record->value);
      const Offset at = batch.at(record);
      // Cut off in the turn in which the wait for the own disk was over.
      if (record->is_cut && acks == 1) continue;
      REQUIRE_FALSE(record->is_cut);
      const auto [other, is_first] = hosted.acknowledged.emplace(at, record->value);
      if (!is_first) REQUIRE_EQ(other->second, record->value);
      const bool is_on_device = config_.flush_messages == 1 || outcome.info.must_flush;
      promise(*record, is_on_device, acks == -1);
    }
  }
  static void promise(Record& record, bool is_on_device, bool is_committed) {
    record.promise = std::max(record.promise,
                              is_on_device ? Promise::survives_power_loss : Promise::survives_kill);
    record.is_committed = record.is_committed || is_committed;
  }

  // --- the other replica, and consumers ----------------------------------------------------------

  void follow(Hosted& hosted) {
    if (!hosted.has_follower) return;
    const Offset end = hosted.partition->log().log_end_offset();
    const auto next = hosted.bases.upper_bound(hosted.follower_end);
    const bool goes_on = next != hosted.bases.end() && *next < end && !is_draining_ && one_in(2);
    hosted.follower_end = goes_on ? *next : std::max(hosted.follower_end, end);
    replication::ReadParams params;
    params.fetch_offset = hosted.follower_end;
    params.replica_id = kOther;
    params.max_bytes = 1 << 20;
    params.now_ms = now_ms();
    (void)hosted.partition->read(params);
    check_offsets(hosted);
  }

  void check_offsets(const Hosted& hosted) const {
    const auto offsets = hosted.partition->log().offsets();
    REQUIRE(offsets.high_watermark <= offsets.log_end);
    REQUIRE(hosted.partition->log().durable_offset() <= offsets.log_end);
    if (hosted.has_follower) REQUIRE(offsets.high_watermark <= hosted.follower_end);
  }

  // What a consumer has seen is not to go away.
  void consume(Hosted& hosted) {
    if (hosted.partition == nullptr) return;
    replication::ReadParams params;
    for (;;) {
      params.max_bytes = 500;
      params.at_least_one_batch = true;
      const auto read = hosted.partition->read(params);
      if (!read || read->plan.slices.empty()) return;
      const auto& slice = read->plan.slices.front();
      std::vector<std::byte> bytes(slice.size_bytes);
      const auto size_bytes = slice.file->pread(bytes, slice.position);
      if (!size_bytes) return;
      REQUIRE_EQ(*size_bytes, bytes.size());
      params.fetch_offset =
          for_each_record(bytes, [&](Offset at, const std::string& value, Offset) {
            CAPTURE(at.value());
            REQUIRE(at < read->offsets.high_watermark);
            REQUIRE(hosted.records.contains(at));
            REQUIRE_EQ(hosted.records.at(at)->value, value);
            promise(*hosted.records.at(at), config_.flush_messages == 1, true);
          });
    }
  }

  // The offset behind them.
  template <class Visit>
  static Offset for_each_record(base::Bytes bytes, Visit visit) {
    Offset next;
    for (base::Bytes rest = bytes; !rest.empty();) {
      const auto batch = protocol::frame_batch(rest);
      REQUIRE(batch.has_value());
      REQUIRE(batch->is_checksum_right());
      protocol::RecordReader records(*batch, batch->records());
      for (auto record = records.next().value(); record; record = records.next().value()) {
        visit(record->offset, std::string(base::as_text(*record->value)), batch->base_offset());
      }
      next = batch->next_offset();
      rest = rest.subspan(batch->bytes().size());
    }
    return next;
  }

  // --- leadership --------------------------------------------------------------------------------

  // The other replica leads for a moment: what it does not have is cut off here.
  void change_leader(Hosted& hosted) {
    if (!hosted.has_follower || one_in(3)) return lead(hosted);
    REQUIRE(hosted.partition->make_follower(next_state(hosted, kOther)));
    storage::PartitionLog& log = hosted.partition->log();
    Offset least = log.high_watermark();
    for (const auto& [at, record] : hosted.records) {
      if (record->is_committed) least = std::max(least, at + 1);
    }
    std::vector<Offset> ends{log.log_end_offset()};
    for (const Offset base : hosted.bases) {
      if (base >= least && base < log.log_end_offset()) ends.push_back(base);
    }
    cut(hosted, ends[below(ends.size())]);
    if (hosted.partition != nullptr) lead(hosted);
  }

  void cut(Hosted& hosted, Offset offset) {
    storage::PartitionLog& log = hosted.partition->log();
    const auto done = manager_->truncate({{hosted.partition->log_ptr(), offset}}, now_ms());
    const Offset end = log.log_end_offset();
    if (done[0]) REQUIRE_EQ(end, offset);
    // One that failed has cut what it has cut.
    for (auto at = hosted.records.lower_bound(offset); at != hosted.records.end();) {
      at->second->promise = Promise::none;
      at->second->is_cut = at->first >= end;
      at = at->second->is_cut ? hosted.records.erase(at) : std::next(at);
    }
    hosted.bases.erase(hosted.bases.lower_bound(end), hosted.bases.end());
    hosted.acknowledged.erase(hosted.acknowledged.lower_bound(offset), hosted.acknowledged.end());
    hosted.follower_end = std::min(hosted.follower_end, end);
    new_producer(hosted);
  }

  // In the middle of a flush.
  void during_flush() override {
    Hosted* const hosted = some_partition();
    if (hosted == nullptr) return;
    if (one_in(3)) change_leader(*hosted);
    if (hosted->partition != nullptr) produce(*hosted);
  }

  // --- failures ----------------------------------------------------------------------------------

  void on_directory_failed(const std::string& log_dir) override {
    for (auto& [id, hosted] : hosted_) {
      if (hosted.log_dir == log_dir) let_go(hosted, ReplicaError::offline);
    }
  }
  static void let_go(Hosted& hosted, ReplicaError why) {
    if (hosted.partition != nullptr) hosted.partition->close(why);
    hosted.partition.reset();
  }
  void on_stopping() override {
    for (auto& [id, hosted] : hosted_) let_go(hosted, ReplicaError::not_leader);
  }

  // With disks that do no more harm, and a replica that fetches, nobody waits for long.
  void drain() {
    disarm();
    is_draining_ = true;
    for (int i = 0; i < 20; ++i) {
      for (auto& [id, hosted] : hosted_) {
        if (hosted.partition != nullptr) follow(hosted);
      }
      world_.run_for(200);
      settle();
    }
    is_draining_ = false;
    for (const auto& [id, count] : waiting_) {
      CAPTURE(id.topic);
      REQUIRE_EQ(count, 0);
    }
  }

  void restart(std::optional<CrashKind> how) {
    const auto crash = stop(how);
    for (const auto& [id, count] : waiting_) REQUIRE_EQ(count, 0);
    start();
    const bool has_lost = crash && *crash != CrashKind::process_killed;
    for (auto at = hosted_.begin(); at != hosted_.end();) {
      Hosted& hosted = at->second;
      const auto log = manager_->find(at->first);
      if (log != nullptr) {
        compare(*log, hosted, has_lost);
        // A checkpoint from before a loss may say more than the other replica has.
        hosted.follower_end =
            std::clamp(hosted.follower_end, log->high_watermark(), log->log_end_offset());
        // Else it goes on with what it does not know the fate of.
        if (has_lost) new_producer(hosted);
        host(hosted);
        at = std::next(at);
        continue;
      }
      // A directory that was never synced may be gone with the power.
      REQUIRE(has_lost);
      for (const auto& [offset, record] : hosted.records) {
        REQUIRE(record->promise != Promise::survives_power_loss);
      }
      at = hosted_.erase(at);
    }
  }

  void compare(storage::PartitionLog& log, Hosted& hosted, bool has_lost) {
    CAPTURE(hosted.id.topic);
    CAPTURE(has_lost);
    const auto before = std::exchange(hosted.records, {});
    hosted.bases.clear();
    std::set<std::string> seen;
    for (Offset next(0); next < log.log_end_offset();) {
      const auto bytes = log.read({next, log.log_end_offset(), 500, true});
      REQUIRE(bytes.has_value());
      if (bytes->empty()) break;
      next = for_each_record(bytes->bytes(), [&](Offset at, const std::string& value, Offset base) {
        CAPTURE(value);
        hosted.bases.insert(base);
        REQUIRE(known_.contains(value));
        REQUIRE(known_.at(value)->places.contains(at));
        REQUIRE(seen.insert(value).second);
        hosted.records[at] = known_.at(value);
      });
    }
    const Promise needed = has_lost ? Promise::survives_power_loss : Promise::survives_kill;
    for (const auto& [at, record] : before) {
      CAPTURE(at.value());
      CAPTURE(record->value);
      if (record->promise < needed) continue;
      REQUIRE(hosted.records.contains(at));
      REQUIRE_EQ(hosted.records.at(at)->value, record->value);
    }
    std::erase_if(hosted.acknowledged,
                  [&](const auto& known) { return !hosted.records.contains(known.first); });
  }

  std::map<base::TopicPartition, Hosted> hosted_;
  std::map<std::string, RecordPointer> known_;  // by value
  std::map<base::TopicPartition, int> waiting_;
  runtime::TaskScope scope_{loop_, "producers"};
  std::int64_t created_ = 0;
  std::int64_t producers_ = 0;
  std::int64_t values_ = 0;
  std::int64_t acknowledgements_ = 0;
  bool is_draining_ = false;
};

}  // namespace

TEST_CASE("partitions on failing disks, beside a model") {
  faults_sim::run_seeds<PartitionModel>(&PartitionModel::acknowledgements);
}
