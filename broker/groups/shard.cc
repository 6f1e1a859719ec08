#include "broker/groups/shard.h"

#include <algorithm>

#include "base/log.h"
#include "broker/groups/append_error.h"
#include "broker/groups/offset_records.h"

namespace groups {
namespace {

using protocol::ErrorCode;

constexpr std::int64_t kLoadRetryMs = 1000;
// Groups that become visible at a time, so that a large partition does not hold its loop.
constexpr std::size_t kInstalledPerTurn = 500;
constexpr std::int64_t kNsPerMs = 1'000'000;

JoinAnswer join_failure(const std::string& member_id, ErrorCode error) {
  JoinAnswer answer;
  answer.error = error;
  answer.member_id = member_id;
  return answer;
}

SyncAnswer sync_failure(ErrorCode error) {
  SyncAnswer answer;
  answer.error = error;
  return answer;
}

}  // namespace

Shard::Shard(std::int32_t index, const Settings& settings, runtime::TaskScope& scope,
             runtime::WorkerPool& disk)
    : index_(index), settings_(settings), scope_(scope), loop_(scope.loop()), disk_(disk) {}

Shard::~Shard() = default;

Time Shard::now() const { return {loop_.now_ms(), loop_.wall_ms()}; }

// --- leadership ---------------------------------------------------------------------------------

void Shard::on_leader(std::shared_ptr<replication::Partition> partition, base::LeaderEpoch epoch) {
  // A topic that was deleted and made again starts over with its epochs.
  if (epoch < epoch_ && partition_ == partition) return;
  epoch_ = epoch;
  if (state_ != State::none && partition_ == partition) return;  // still the leader
  unload(ErrorCode::kNotCoordinator);
  state_ = State::loading;
  partition_ = partition;
  stop_load_ = std::make_shared<std::atomic<bool>>(false);
  scope_.spawn(load(std::move(partition), ++load_id_, stop_load_));
}

void Shard::on_not_leader(base::LeaderEpoch epoch) {
  if (epoch < epoch_) return;
  epoch_ = epoch;
  unload(ErrorCode::kNotCoordinator);
}

void Shard::close() { unload(ErrorCode::kCoordinatorNotAvailable); }

void Shard::unload(ErrorCode why) {
  if (stop_load_ != nullptr) stop_load_->store(true);
  stop_load_.reset();
  ++load_id_;
  if (state_ == State::active && !entries_.empty()) {
    LOG_INFO("groups of partition {} unloaded leader_epoch={} groups={}", index_, epoch_,
             entries_.size());
  }
  state_ = State::none;
  partition_.reset();
  auto entries = std::exchange(entries_, {});
  for (auto& [id, entry] : entries) {
    entry->is_erased = true;
    loop_.timers().disarm(entry->timer);
    entry->group.close(why);
  }
}

runtime::Task<void> Shard::load(std::shared_ptr<replication::Partition> partition,
                                std::uint64_t load_id,
                                std::shared_ptr<const std::atomic<bool>> stop) {
  const std::int64_t began_ms = loop_.now_ms();
  for (;;) {
    auto loaded = co_await runtime::run_on(
        disk_, [partition, stop, buffer_bytes = settings_.load_buffer_bytes] {
          return load_partition(partition->log(), buffer_bytes, *stop);
        });
    if (load_id != load_id_) co_return;
    if (loaded) {
      const LoadCounts counts = loaded->counts;
      co_await install(std::move(*loaded), load_id);
      if (load_id != load_id_) co_return;
      state_ = State::active;
      log_loaded(counts, loop_.now_ms() - began_ms);
      co_return;
    }
    // Going on without would make consumers start over: clients wait until the log is readable.
    LOG_ERROR("groups of partition {} not loaded, trying again: {}", index_,
              loaded.error().to_string());
    const auto slept = co_await runtime::sleep_ms(loop_, kLoadRetryMs, scope_.token());
    if (!slept || load_id != load_id_) co_return;
  }
}

void Shard::log_loaded(const LoadCounts& counts, std::int64_t took_ms) const {
  if (counts.records == 0) return;  // fifty of them at the start of a new cluster
  LOG_INFO(
      "groups of partition {} loaded leader_epoch={} groups={} records={} bytes={} damaged={} "
      "ms={}",
      index_, epoch_, entries_.size(), counts.records, counts.bytes, counts.damaged, took_ms);
}

runtime::Task<void> Shard::install(LoadedPartition loaded, std::uint64_t load_id) {
  std::size_t count = 0;
  for (auto& [id, from] : loaded.groups) {
    auto entry = from.record ? std::make_shared<Entry>(*this, id, std::move(*from.record))
                             : std::make_shared<Entry>(*this, id);
    entry->offsets = std::move(from.offsets);
    Entry& installed = *entries_.insert_or_assign(id, std::move(entry)).first->second;
    arm(installed);
    if (++count % kInstalledPerTurn == 0) {
      co_await runtime::yield(loop_);
      if (load_id != load_id_) co_return;
    }
  }
}

// --- entries ------------------------------------------------------------------------------------

std::optional<ErrorCode> Shard::refusal() const {
  switch (state_) {
    case State::active:
      // Fenced, or its disk has failed: the order that says who leads has not come yet.
      if (partition_->role().role != replication::Role::leader) break;
      return std::nullopt;
    case State::loading: return ErrorCode::kCoordinatorLoadInProgress;
    case State::none: break;
  }
  return ErrorCode::kNotCoordinator;
}

Shard::Entry* Shard::find(const std::string& group_id) const {
  const auto place = entries_.find(group_id);
  return place == entries_.end() ? nullptr : place->second.get();
}

Shard::Entry& Shard::add(const std::string& group_id) {
  return *entries_.emplace(group_id, std::make_shared<Entry>(*this, group_id)).first->second;
}

// A deadline that moves away leaves the timer as it is: heartbeats then cost nothing here, and
// the timer, when it fires early, is armed anew.
void Shard::arm(Entry& entry) {
  if (entry.is_erased) return;
  const std::int64_t deadline_ms = entry.group.next_deadline_ms();
  if (deadline_ms >= entry.armed_ms) return;
  entry.armed_ms = deadline_ms;
  loop_.timers().arm(entry.timer, deadline_ms * kNsPerMs, &Shard::on_timer, &entry);
}

void Shard::on_timer(void* context) noexcept {
  Entry& entry = *static_cast<Entry*>(context);
  entry.armed_ms = Group::kNever;
  entry.group.on_time(entry.shard.now());
  entry.shard.arm(entry);
}

void Shard::erase(Entry& entry) {
  const auto place = entries_.find(entry.group.id());
  const EntryPointer keep = std::move(place->second);
  entries_.erase(place);
  entry.is_erased = true;
  loop_.timers().disarm(entry.timer);
  entry.group.close(ErrorCode::kUnknownMemberId);
}

// --- groups -------------------------------------------------------------------------------------

void Shard::join(const std::string& group_id, JoinRequest request, JoinReply reply) {
  const GroupSettings& limits = settings_.groups;
  ErrorCode error = ErrorCode::kNone;
  Entry* entry = find(group_id);
  if (const auto refused = refusal()) {
    error = *refused;
  } else if (request.session_timeout_ms < limits.min_session_timeout_ms ||
             request.session_timeout_ms > limits.max_session_timeout_ms) {
    error = ErrorCode::kInvalidSessionTimeout;
  } else if (entry == nullptr && !request.member_id.empty()) {
    error = ErrorCode::kUnknownMemberId;
  }
  if (error != ErrorCode::kNone) return reply(join_failure(request.member_id, error));
  if (entry == nullptr) entry = &add(group_id);
  entry->group.join(std::move(request), std::move(reply), now());
  arm(*entry);
}

void Shard::sync(const std::string& group_id, SyncRequest request, SyncReply reply) {
  if (const auto refused = refusal()) {
    // The rebalance is forgotten; older clients don't expect the code that says so.
    return reply(sync_failure(*refused == ErrorCode::kCoordinatorLoadInProgress
                                  ? ErrorCode::kRebalanceInProgress
                                  : *refused));
  }
  Entry* entry = find(group_id);
  if (entry == nullptr) return reply(sync_failure(ErrorCode::kUnknownMemberId));
  entry->group.sync(std::move(request), std::move(reply), now());
  arm(*entry);
}

ErrorCode Shard::heartbeat(const std::string& group_id, const HeartbeatRequest& request) {
  if (const auto refused = refusal()) {
    return *refused == ErrorCode::kCoordinatorLoadInProgress ? ErrorCode::kNone : *refused;
  }
  Entry* entry = find(group_id);
  if (entry == nullptr) return ErrorCode::kUnknownMemberId;
  const ErrorCode code =
      entry->group.heartbeat(request.member_id, request.instance_id, request.generation, now());
  arm(*entry);
  return code;
}

LeaveAnswer Shard::leave(const std::string& group_id, const std::vector<LeavingMember>& members) {
  if (const auto refused = refusal()) return {*refused, {}};
  Entry* entry = find(group_id);
  if (entry == nullptr) {
    return {ErrorCode::kNone, std::vector(members.size(), ErrorCode::kUnknownMemberId)};
  }
  LeaveAnswer answer{ErrorCode::kNone, entry->group.leave(members, now())};
  arm(*entry);
  return answer;
}

DescribeAnswer Shard::describe(const std::string& group_id, bool with_history) const {
  DescribeAnswer answer;
  if (const auto refused = refusal()) {
    answer.error = *refused;
    return answer;
  }
  const Entry* entry = find(group_id);
  if (entry == nullptr) return answer;  // Dead
  answer.group = entry->group.describe();
  if (with_history) answer.history = to_json(entry->group.history());
  return answer;
}

void Shard::list(std::vector<ListedGroup>& into) const {
  for (const auto& [id, entry] : entries_) {
    into.push_back({id, entry->group.protocol_type(), entry->group.state()});
  }
}

ErrorCode Shard::remove_group(const std::string& group_id) {
  if (const auto refused = refusal()) return *refused;
  Entry* entry = find(group_id);
  if (entry == nullptr) return ErrorCode::kGroupIdNotFound;
  if (entry->group.state() != GroupState::empty) return ErrorCode::kNonEmptyGroup;
  const auto removed = entry->offsets.remove_all();
  LOG_INFO("group {} deleted offsets={}", group_id, removed.size());
  after_removal(*entry, removed, true);
  return ErrorCode::kNone;
}

// --- durability ---------------------------------------------------------------------------------

base::Result<replication::AppendOutcome> Shard::append(base::Result<base::Buffer> batch,
                                                       std::int16_t acks) {
  if (!batch) return base::fail(batch.error());
  storage::AppendRequest request;
  request.records = batch->mutable_bytes();
  request.origin = storage::AppendOrigin::coordinator;
  request.now_ms = loop_.wall_ms();
  TRY_ASSIGN(const auto validated, partition_->log().validate(request));
  return partition_->append(validated, acks, request.now_ms);
}

bool Shard::is_stored(const base::Result<replication::AppendOutcome>& appended) const {
  return appended && !appended->must_wait(settings_.commit_acks);
}

runtime::Task<base::Result<void>> Shard::until_stored(
    std::shared_ptr<replication::Partition> partition,
    base::Result<replication::AppendOutcome> appended) {
  if (!appended) co_return base::fail(appended.error());
  if (!appended->must_wait(settings_.commit_acks)) co_return base::Result<void>();
  auto wait = partition->wait_stored(*appended, settings_.commit_acks, loop_);
  co_return co_await wait.wait(settings_.commit_timeout_ms, true, scope_.token());
}

void Shard::store(Group& group, GroupRecord record, Done done) {
  const auto place = entries_.find(group.id());
  if (place == entries_.end()) return;  // closing
  RecordsBuilder builder(RecordsBuilder::Kind::group, settings_.codec, settings_.ibp,
                         loop_.wall_ms());
  builder.add_group(group.id(), record);
  auto appended = append(builder.build(), settings_.commit_acks);
  if (!appended) {
    LOG_WARN_EVERY(1000, "record of group {} not stored: {}", group.id(),
                   appended.error().to_string());
  }
  scope_.spawn(finish_store(place->second, partition_, std::move(appended), std::move(done)));
}

runtime::Task<void> Shard::finish_store(EntryPointer entry,
                                        std::shared_ptr<replication::Partition> partition,
                                        base::Result<replication::AppendOutcome> appended,
                                        Done done) {
  const auto stored = co_await until_stored(std::move(partition), std::move(appended));
  if (entry->is_erased) co_return;
  done(stored ? ErrorCode::kNone : store_error(stored.error()), now());
  arm(*entry);
}

// "<prefix>-" and a random UUID in the form that Java prints.
std::string Shard::new_member_id(const std::string& prefix) {
  std::array<std::uint8_t, 16> random;
  loop_.random().fill({reinterpret_cast<std::byte*>(random.data()), random.size()});
  const base::Uuid id = base::Uuid::from_random(random);
  std::string text = prefix + "-";
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", id.bytes[i]);
  }
  return text;
}

}  // namespace groups
