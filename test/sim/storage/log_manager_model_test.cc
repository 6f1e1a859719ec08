// Goal: with several logs in two directories whose disks fail in every way a disk can, what was
// appended is there, what was called durable survives a power failure, and a directory goes offline
// exactly when its device has failed.
// Method: random operations on a real LogManager over the simulated disk, beside a model; faults by
// a plan drawn from the seed; appends and truncations fall between a flush's beginning and its
// sync. Kills keep the page cache, power failures forget what was not synced, and a failed sync
// drops it for good. A failing run names its seed.
// Long because every operation has its side in the model.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/log.h"
#include "protocol/record_batch_builder.h"
#include "runtime/sim/sim_fault_plan.h"
#include "runtime/sim/sim_world.h"
#include "storage/log_manager.h"
#include "test/sim/storage/sim_log.h"

using base::Offset;
using base::TopicPartition;
using runtime::CrashKind;
using storage::PartitionLog;

namespace {

constexpr char kClusterId[] = "qCqvWVu9Q6OJ_udtfKYegA";
constexpr auto kInline = [](const std::function<void()>& work) { work(); };

struct ModelLog {
  std::string log_dir;
  std::map<Offset, std::string> records;
  std::set<Offset> bases;  // of its batches
  Offset end{0};
  Offset durable{0};  // promised, since the last truncation
  Offset shared{0};   // below it the disk knows no other history
  // From here on a truncation that failed has left what it has left.
  Offset certain_below{INT64_MAX};
};

class ManagerModel {
 public:
  explicit ManagerModel(std::uint64_t seed) : random_(seed), files_(clock_, seed), ids_(seed) {
    options_.log_dirs = {"/a", "/b"};
    for (const std::string& dir : options_.log_dirs) {
      REQUIRE(files_.create_directories(dir).has_value());
    }
    REQUIRE(files_.sync_directory("/").has_value());
    options_.open_files_max = 3;
    options_.config_of = [this](const std::string&) {
      return std::make_shared<const storage::LogConfig>(config_);
    };
    options_.post_settling = [this](const std::string& log_dir) { to_settle_.insert(log_dir); };
    config_.segment_bytes = 600 + static_cast<std::int32_t>(below(2000));
    config_.index_interval_bytes = 50 + static_cast<std::int32_t>(below(300));
    config_.retention_ms = -1;
    config_.file_delete_delay_ms = 100;
    config_.background_flush_bytes = 300 + static_cast<std::int64_t>(below(2000));
    config_.background_flush_ms = 200;
    constexpr std::int64_t kFlushMessages[] = {1, 4, INT64_MAX};
    config_.flush_messages = kFlushMessages[below(3)];
    files_.set_pause_hook([this](runtime::SimFileOperation operation, const std::string& path) {
      if (operation == runtime::SimFileOperation::sync && path.ends_with(".log")) interlude();
    });
    start();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      clock_.now_ms += static_cast<std::int64_t>(below(60));
      step();
      settle();
      check_directories();
      check_promises();
      if (manager_->live_directories().empty()) restart(some_crash());
    }
    restart(std::nullopt);
  }

  std::int64_t faults() const { return fault_count_; }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }
  void for_each_directory(auto act) { std::ranges::for_each(options_.log_dirs, act); }

  void step() {
    const std::uint64_t dice = below(100);
    if (dice < 6) {
      create();
    } else if (dice < 50) {
      append_to(some_log());
    } else if (dice < 64) {
      flush(some_log());
    } else if (dice < 72) {
      truncate(some_log());
    } else if (dice < 76) {
      for_each_directory([&](auto& dir) { manager_->flush_due_logs(dir, clock_.now_ms); });
    } else if (dice < 80) {
      for_each_directory([&](auto& dir) { (void)manager_->checkpoint_recovery_points(dir); });
    } else if (dice < 82) {
      for_each_directory([&](auto& dir) { (void)manager_->checkpoint_high_watermarks(dir); });
    } else if (dice < 84) {
      remove(some_log());
    } else if (dice < 86) {
      for_each_directory([&](auto& dir) { manager_->remove_due_files(dir, clock_.now_ms); });
    } else if (dice < 88) {
      check_content(some_log());
    } else if (dice < 93) {
      arm();
    } else if (dice < 96) {
      disarm();
    } else if (dice < 98) {
      restart(some_crash());
    } else {
      restart(std::nullopt);
    }
  }

  // --- faults ---------------------------------------------------------------------------------

  void arm() {
    disarm();
    runtime::SimFaultOdds odds;
    switch (below(6)) {
      case 0: odds.write_fails = 100; break;
      case 1: odds.no_room = 400; break;
      case 2: odds.sync_fails = 150; break;
      case 3: odds.no_descriptors = 400; break;
      case 4: odds.rename_fails = 200; break;
      default: odds.no_room = odds.no_descriptors = 150; break;
    }
    odds.delays = 100;
    odds.delay_ms = 5;
    hit_ = options_.log_dirs[below(2)];
    plan_.emplace(random_.next(), odds, hit_ + "/");
    plan_->on_delay = [this](std::int64_t ms) { clock_.now_ms += ms; };
    files_.set_fault_hook([this](runtime::SimFileOperation operation,
                                 const std::string& path) -> runtime::SimFileFault {
      // What becomes of a file that was deleted meanwhile is nobody's trouble.
      if (std::exchange(is_cut_, false) || path.ends_with(".deleted")) return {};
      return plan_->draw(operation, path);
    });
  }

  void disarm() {
    note_failure();
    if (plan_) fault_count_ += plan_->fault_count();
    plan_.reset();
    files_.set_fault_hook({});
  }

  void note_failure() {
    if (plan_ && plan_->has_device_failed()) failed_.emplace(hit_, plan_->device_failure());
  }

  void settle() {
    while (!to_settle_.empty()) {
      manager_->settle_failure(to_settle_.extract(to_settle_.begin()).value());
    }
  }

  void check_directories() {
    note_failure();
    for (const std::string& dir : manager_->offline_directories()) {
      if (!failed_.contains(dir)) FAIL(dir << " is offline, and no device has failed");
    }
    for (const auto& [dir, why] : failed_) {
      const auto live = manager_->live_directories();
      if (std::find(live.begin(), live.end(), dir) != live.end()) {
        FAIL(dir << " is in use after " << why);
      }
    }
  }

  bool is_failed(const std::string& log_dir) {
    note_failure();
    return failed_.contains(log_dir);
  }

  // --- operations -----------------------------------------------------------------------------

  std::optional<TopicPartition> some_log() {
    if (logs_.empty()) return std::nullopt;
    return std::next(logs_.begin(), static_cast<std::ptrdiff_t>(below(logs_.size())))->first;
  }

  // Null: its directory has failed.
  std::shared_ptr<PartitionLog> log_of(const TopicPartition& id) {
    settle();
    auto log = manager_->find(id);
    if (log == nullptr) REQUIRE(is_failed(logs_.at(id).log_dir));
    return log;
  }

  void create() {
    if (logs_.size() >= 6) return;
    const TopicPartition id{"t" + std::to_string(++created_), 0};
    const auto made = manager_->get_or_create(id, std::nullopt, clock_.now_ms);
    if (made) logs_[id].log_dir = (*made)->log_dir();
  }

  base::Buffer make_batch(std::vector<std::string>& values) {
    protocol::RecordBatchBuilder builder({});
    for (std::uint64_t i = 0; i <= below(3); ++i) {
      values.push_back(std::to_string(++value_count_) + std::string(below(80), 'x'));
      builder.append(clock_.now_ms, std::nullopt, base::as_bytes(values.back()));
    }
    return builder.build().value();
  }

  // What the log answers is what the model has from then on.
  std::optional<storage::AppendInfo> append(PartitionLog& log, ModelLog& model) {
    std::vector<std::string> values;
    base::Buffer batch = make_batch(values);
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    request.leader_epoch = base::LeaderEpoch(0);
    request.now_ms = clock_.now_ms;
    const auto appended = log.append(request);
    if (!appended) {
      if (!appended.error().is(storage::LogError::storage_error))
        FAIL(appended.error().to_string());
      REQUIRE_EQ(log.log_end_offset(), model.end);
      return std::nullopt;
    }
    REQUIRE_EQ(appended->base_offset, model.end);
    model.bases.insert(model.end);
    for (const std::string& value : values) {
      model.records[model.end] = value;
      ++model.end;
    }
    return *appended;
  }

  void append_to(std::optional<TopicPartition> id) {
    if (!id) return;
    const auto log = log_of(*id);
    if (log == nullptr) return;
    const auto appended = append(*log, logs_.at(*id));
    if (!appended || !appended->must_flush) return;
    std::optional<base::Result<void>> outcome;
    log->flusher().when_durable(log, appended->last_offset + 1,
                                [&](base::Result<void> result) { outcome = std::move(result); });
    // Without workers of its own a flush is over when it has been asked for.
    REQUIRE(outcome.has_value());
    if (*outcome) CHECK(log->durable_offset() > appended->last_offset);
  }

  void flush(std::optional<TopicPartition> id) {
    if (!id) return;
    const auto log = log_of(*id);
    if (log == nullptr) return;
    ModelLog& model = logs_.at(*id);
    const Offset end = model.end;
    during_flush_ = below(2) == 0 ? id : std::nullopt;
    const bool may_be_cut = during_flush_.has_value();
    const auto flushed = log->flusher().flush(clock_.now_ms);
    during_flush_.reset();
    if (flushed && !may_be_cut) {
      CHECK(log->durable_offset() >= recorded_end(model, end));
      model.shared = std::max(model.shared, recorded_end(model, end));
    }
  }

  // Between what a flush took for itself and its sync.
  void interlude() {
    if (!during_flush_) return;
    const TopicPartition id = *std::exchange(during_flush_, std::nullopt);
    const auto log = manager_->find(id);
    if (log == nullptr) return;
    ModelLog& model = logs_.at(id);
    if (below(2) == 0) cut(*log, model);
    is_cut_ = true;
    (void)append(*log, model);
  }

  void cut(PartitionLog& log, ModelLog& model) {
    const Offset offset = some_offset(model);
    const auto cut = log.truncate_to(offset, clock_.now_ms);
    if (!cut) return doubt(log, model, offset);
    if (*cut) forget_from(log, model, offset);
    // As LogManager::truncate does before anybody appends again.
    if (!manager_->checkpoint_recovery_points(log.log_dir())) doubt(log, model, offset);
  }

  void truncate(std::optional<TopicPartition> id) {
    if (!id) return;
    const auto log = log_of(*id);
    if (log == nullptr) return;
    ModelLog& model = logs_.at(*id);
    const Offset offset = some_offset(model);
    const bool cuts = offset < model.end;
    const auto done = manager_->truncate({{log, offset}}, clock_.now_ms);
    if (done[0] && cuts) forget_from(*log, model, offset);
    if (!done[0]) doubt(*log, model, offset);
  }

  // Cut into, a batch is gone as a whole.
  static Offset start_of_batch(const ModelLog& model, Offset offset) {
    const auto above = model.bases.upper_bound(offset);
    const bool is_inside = model.records.contains(offset) && above != model.bases.begin();
    return is_inside ? *std::prev(above) : offset;
  }

  static void doubt(const PartitionLog& log, ModelLog& model, Offset offset) {
    offset = start_of_batch(model, offset);
    model.end = log.log_end_offset();
    model.certain_below = std::min(model.certain_below, offset);
    model.durable = std::min(model.durable, offset);
    model.shared = std::min(model.shared, offset);
  }

  Offset some_offset(const ModelLog& model) {
    if (model.records.empty()) return model.end;
    const auto number = static_cast<std::ptrdiff_t>(below(model.records.size()));
    return std::next(model.records.begin(), number)->first;
  }

  static void forget_from(const PartitionLog& log, ModelLog& model, Offset offset) {
    REQUIRE_EQ(log.log_end_offset(), offset);
    model.end = offset;
    offset = start_of_batch(model, offset);
    model.records.erase(model.records.lower_bound(offset), model.records.end());
    model.bases.erase(model.bases.lower_bound(offset), model.bases.end());
    model.shared = std::min(model.shared, recorded_end(model, offset));
    model.durable = std::min(model.durable, model.shared);
  }

  void remove(std::optional<TopicPartition> id) {
    if (!id || below(2) == 0) return;
    (void)manager_->remove({*id});  // it may be back after a crash
    logs_.erase(*id);
  }

  // --- restarts -------------------------------------------------------------------------------

  CrashKind some_crash() {
    constexpr CrashKind kKinds[] = {CrashKind::process_killed, CrashKind::power_loss,
                                    CrashKind::power_loss_torn};
    return kKinds[below(3)];
  }

  void start() {
    auto opened = storage::LogManager::open(files_, ids_, options_);
    if (!opened) FAIL(opened.error().to_string());
    manager_ = std::move(*opened);
    REQUIRE(manager_->check_identity(base::BrokerId(1), kClusterId, clock_.now_ms).has_value());
    const auto loaded = manager_->load(kInline, [this] { return clock_.now_ms; });
    if (!loaded) FAIL(loaded.error().to_string());
  }

  // Without a crash: a clean stop, with the faults still there.
  void restart(std::optional<CrashKind> crash) {
    // What a failed sync has dropped still reads as if it were there, and no later sync brings it
    // to the device: the next start has to write it anew.
    note_failure();
    if (crash) {
      disarm();
      files_.crash(*crash);
    } else {
      manager_->close(kInline, clock_.now_ms);
      disarm();
      if (!failed_.empty()) files_.crash(*(crash = some_crash()));
    }
    manager_.reset();
    to_settle_.clear();
    const auto failed = std::exchange(failed_, {});
    start();
    const bool has_lost = crash && *crash != CrashKind::process_killed;
    for (auto at = logs_.begin(); at != logs_.end();) {
      const auto log = manager_->find(at->first);
      CAPTURE(at->first.topic);
      CAPTURE(has_lost);
      // A directory that was never synced may be gone with the power.
      if (log == nullptr) REQUIRE((has_lost && at->second.durable == Offset(0)));
      if (log != nullptr) compare(*log, at->second, has_lost);
      at = log == nullptr ? logs_.erase(at) : std::next(at);
    }
  }

  static Offset recorded_end(const ModelLog& model, Offset below_end) {
    const auto place = model.records.lower_bound(below_end);
    return place == model.records.begin() ? Offset(0) : std::prev(place)->first + 1;
  }

  void compare(PartitionLog& log, ModelLog& model, bool has_lost) {
    const auto found = read_all(log);
    REQUIRE(found.has_value());
    for (const auto& [offset, value] : model.records) {
      if (offset >= model.certain_below || (has_lost && offset >= model.durable)) break;
      CAPTURE(offset.value());
      REQUIRE(found->contains(offset));
    }
    for (const auto& [offset, value] : *found) {
      // Behind a truncation that no flush followed the older history may be back.
      if (offset >= model.certain_below || (has_lost && offset >= model.shared)) break;
      REQUIRE(model.records.contains(offset));
      REQUIRE_EQ(value, model.records.at(offset));
    }
    model.records = *found;
    model.bases = bases_read_;
    model.certain_below = Offset(INT64_MAX);
    model.end = log.log_end_offset();
    model.durable = std::min(model.durable, model.end);
    model.shared = std::min(model.shared, model.end);
  }

  // --- reading --------------------------------------------------------------------------------

  // Nullopt: the disk did not let it.
  std::optional<std::map<Offset, std::string>> read_all(PartitionLog& log) {
    std::map<Offset, std::string> found;
    bases_read_.clear();
    for (Offset at(0); at < log.log_end_offset();) {
      const auto bytes = log.read({at, log.log_end_offset(), 1 << 20, true});
      if (!bytes) return std::nullopt;
      if (bytes->empty()) break;
      for (base::Bytes rest = bytes->bytes(); !rest.empty();) {
        const auto batch = protocol::frame_batch(rest);
        REQUIRE(batch.has_value());
        REQUIRE(batch->is_checksum_right());
        protocol::RecordReader reader(*batch, batch->records());
        for (;;) {
          const auto record = reader.next().value();
          if (!record) break;
          found[record->offset] = std::string(base::as_text(*record->value));
        }
        bases_read_.insert(batch->base_offset());
        at = batch->next_offset();
        rest = rest.subspan(batch->bytes().size());
      }
    }
    return found;
  }

  void check_content(std::optional<TopicPartition> id) {
    if (!id) return;
    const auto log = log_of(*id);
    if (log == nullptr) return;
    const auto found = read_all(*log);
    const ModelLog& model = logs_.at(*id);
    if (!found) return;
    for (const auto& [offset, value] : model.records) {
      CAPTURE(id->topic);
      CAPTURE(offset.value());
      if (offset >= model.certain_below) return;
      REQUIRE(found->contains(offset));
      REQUIRE_EQ(found->at(offset), value);
    }
    CHECK_EQ(found->size(), model.records.size());
  }

  void check_promises() {
    for (auto& [id, model] : logs_) {
      const auto log = manager_->find(id);
      if (log == nullptr) continue;
      CAPTURE(id.topic);
      REQUIRE_EQ(log->log_end_offset(), model.end);
      REQUIRE(log->durable_offset() <= log->log_end_offset());
      REQUIRE(log->recovery_point() <= log->durable_offset());
      model.durable = std::max(model.durable, recorded_end(model, log->durable_offset()));
      model.shared = std::max(model.shared, model.durable);
    }
  }

  runtime::Xoshiro random_;
  storage_sim::FixedClock clock_;
  runtime::SimFileSystem files_;
  runtime::SimRandom ids_;
  storage::LogConfig config_;
  storage::LogManagerOptions options_;
  std::unique_ptr<storage::LogManager> manager_;
  std::map<TopicPartition, ModelLog> logs_;
  std::optional<runtime::SimFaultPlan> plan_;
  std::string hit_;
  std::map<std::string, std::string> failed_;  // directory: what its device did
  std::set<std::string> to_settle_;
  std::optional<TopicPartition> during_flush_;
  bool is_cut_ = false;          // what is synced next may be gone by now
  std::set<Offset> bases_read_;  // by read_all
  std::int64_t created_ = 0;
  std::int64_t value_count_ = 0;
  std::int64_t fault_count_ = 0;
};

}  // namespace

TEST_CASE("several logs on failing disks, beside a model") {
  if (storage_sim::first_seed() == 1) base::set_log_level(base::LogLevel::off);
  std::int64_t faults = 0;
  for (auto seed = storage_sim::first_seed(); seed <= storage_sim::seeds_wanted(); ++seed) {
    CAPTURE(seed);
    ManagerModel model(seed);
    model.run(200);
    faults += model.faults();
  }
  if (storage_sim::first_seed() == 1) CHECK(faults > 100);
  base::set_log_level(base::LogLevel::info);
}
