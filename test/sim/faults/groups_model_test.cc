// Goal: the coordinator on failing disks keeps what it promises: an offset whose commit was
// answered with NONE is there after a kill, and after a power failure with flush.messages=1, as is
// a group whose assignment was given out; what cannot be stored is refused with a code that clients
// try again after; and everybody is answered. Method: random commits, joins, moves of the
// coordinator and failures beside a model of what each group may have committed. A failing run
// names its seed.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "broker/groups/shard.h"
#include "test/sim/faults/faulty_disks.h"

using protocol::ErrorCode;
using runtime::CrashKind;

namespace {

constexpr base::BrokerId kSelf(1);
constexpr base::BrokerId kOther(2);
constexpr std::int64_t kNothing = -1;  // committed

struct Attempt {
  std::int64_t offset = kNothing;
  bool is_answered_ok = false;
  bool was_found = false;  // in the log, by a coordinator that came later
};

struct ModelGroup {
  // What may have been stored, in its order; those before the last that is sure are forgotten.
  std::vector<std::shared_ptr<Attempt>> attempts{std::make_shared<Attempt>()};
  std::string member_id;
  std::int32_t generation = -1;
  bool is_joining = false;
  bool was_assigned = false;
};

// One partition of __consumer_offsets.
struct Coordinated {
  base::TopicPartition id;
  std::string log_dir;
  int epoch = 0;
  std::shared_ptr<replication::Partition> partition;  // null: its directory has failed
  std::unique_ptr<groups::Shard> shard;
  std::map<std::string, ModelGroup> groups;
};

bool may_be_tried_again(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone:
    case ErrorCode::kNotCoordinator:
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kRequestTimedOut: return true;
    default: return false;
  }
}

// What a member is told when it is no longer what it was.
bool makes_member_rejoin(ErrorCode code) {
  return code == ErrorCode::kUnknownMemberId || code == ErrorCode::kIllegalGeneration ||
         code == ErrorCode::kRebalanceInProgress;
}

class GroupsModel final : public faults_sim::FaultyDisks {
 public:
  explicit GroupsModel(std::uint64_t seed) : FaultyDisks(seed) {
    config_.flush_messages = one_in(2) ? 1 : INT64_MAX;
    has_follower_ = one_in(3);
    settings_.groups.initial_rebalance_delay_ms = 0;
    settings_.commit_timeout_ms = 500;
    settings_.load_buffer_bytes = 500;
    start();
    for (const std::int32_t index : {0, 1}) {
      Coordinated& one = shards_[static_cast<std::size_t>(index)];
      one.id = {"__consumer_offsets", index};
      const auto made = manager_->get_or_create(one.id, std::nullopt, now_ms());
      REQUIRE(made.has_value());
      one.log_dir = (*made)->log_dir();
      host(one);
    }
    // So that no power failure takes the names.
    for (const std::string& dir : options_.log_dirs) REQUIRE(files_.sync_directory(dir));
  }
  ~GroupsModel() override {
    on_stopping();
    (void)world_.run_until_idle(60'000);
    scope_.reset();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      step();
      settle();
      world_.run_for(static_cast<std::int64_t>(below(8)));
      settle();
      follow_all();
      check_all();
      if (manager_->live_directories().empty()) restart(some_end());
    }
    drain();
    restart(std::nullopt);
    drain();
    check_all();
  }
  std::int64_t commits() const { return commit_count_; }

 private:
  void step() {
    const std::uint64_t dice = below(100);
    if (dice < 3) return arm();
    if (dice < 6) return disarm();
    if (dice < 8) return restart(some_end());
    if (dice == 8) return drain();
    if (dice == 9) return worker(some_directory()).hold_ms(600);
    if (dice == 10) return world_.run_for(600);
    if (dice < 20) return do_upkeep();
    Coordinated& one = shards_[below(2)];
    if (one.partition == nullptr) return;
    const std::string id = "g" + std::to_string(below(3));
    if (dice < 24) return move(one);
    if (dice < 28) return remove(one, id);
    if (dice < 80) return commit(one, id);
    join(one, "member-" + id);
  }

  // --- the coordinator's life --------------------------------------------------------------------

  void host(Coordinated& one) {
    if (scope_ == nullptr) scope_ = std::make_unique<runtime::TaskScope>(loop_, "groups");
    auto log = manager_->find(one.id);
    REQUIRE(log != nullptr);
    one.partition = std::make_shared<replication::Partition>(one.id, kSelf, std::move(log));
    one.shard =
        std::make_unique<groups::Shard>(one.id.partition, settings_, *scope_, worker(one.log_dir));
    lead(one);
  }
  replication::LeaderState next_state(Coordinated& one, base::BrokerId leader) const {
    replication::LeaderState state;
    state.leader = leader;
    state.leader_epoch = base::LeaderEpoch(one.epoch++);
    state.replicas = {kSelf};
    if (has_follower_) state.replicas.push_back(kOther);
    state.isr = state.replicas;
    return state;
  }
  void lead(Coordinated& one) {
    const auto state = next_state(one, kSelf);
    REQUIRE(one.partition->make_leader(state, now_ms()));
    one.shard->on_leader(one.partition, state.leader_epoch);
  }
  // To another broker, which does nothing, and back.
  void move(Coordinated& one) {
    if (one_in(2)) return lead(one);
    const auto state = next_state(one, kOther);
    REQUIRE(one.partition->make_follower(state));
    one.shard->on_not_leader(state.leader_epoch);
    lead(one);
  }
  void on_directory_failed(const std::string& log_dir) override {
    for (Coordinated& one : shards_) {
      if (one.log_dir != log_dir || one.partition == nullptr) continue;
      one.partition->close(replication::ReplicaError::offline);
      one.shard->on_not_leader(base::LeaderEpoch(one.epoch));
      one.partition.reset();
    }
  }
  // What the members knew of their groups is of no use to them afterwards.
  void on_stopping() override {
    for (Coordinated& one : shards_) {
      if (one.shard != nullptr) one.shard->close();
      if (one.partition != nullptr) one.partition->close(replication::ReplicaError::not_leader);
      one.partition.reset();
      for (auto& [id, group] : one.groups) group.generation = -1;
    }
    if (scope_ != nullptr) scope_->cancel();
  }

  void restart(std::optional<CrashKind> how) {
    const auto crash = stop(how);
    REQUIRE_EQ(unanswered_, 0);
    REQUIRE_EQ(scope_->task_count(), 0);
    for (Coordinated& one : shards_) one.shard.reset();
    scope_.reset();
    start();
    const bool has_lost = crash && *crash != CrashKind::process_killed;
    for (Coordinated& one : shards_) {
      host(one);
      // It may not have been read since the last one.
      since_read_[&one] = std::max(since_read_[&one], has_lost ? Loss::power : Loss::none);
    }
  }

  void follow_all() {
    for (Coordinated& one : shards_) {
      if (!has_follower_ || one.partition == nullptr || one_in(3)) continue;
      replication::ReadParams params;
      params.fetch_offset = one.partition->log().log_end_offset();
      params.replica_id = kOther;
      params.now_ms = now_ms();
      (void)one.partition->read(params);
    }
  }

  // With disks that do no more harm everybody is answered, and every coordinator is at work.
  void drain() {
    disarm();
    for (int i = 0; i < 30; ++i) {
      follow_all();
      world_.run_for(100);
      settle();
    }
    REQUIRE_EQ(unanswered_, 0);
    for (const Coordinated& one : shards_) {
      if (one.partition != nullptr) REQUIRE_FALSE(one.shard->is_loading());
    }
  }

  // --- offsets -----------------------------------------------------------------------------------

  void commit(Coordinated& one, const std::string& id) {
    ModelGroup& group = one.groups[id];
    auto attempt = std::make_shared<Attempt>();
    attempt->offset = ++commit_count_;
    group.attempts.push_back(attempt);
    groups::CommitRequest request;
    request.offsets.push_back({"t", 0, {}});
    request.offsets.back().value.offset = attempt->offset;
    request.offsets.back().value.commit_timestamp_ms = now_ms();
    ++unanswered_;
    const bool was_loading = one.shard->is_loading();
    one.shard->commit(id, std::move(request),
                      [this, attempt, was_loading](std::vector<ErrorCode> codes) {
                        --unanswered_;
                        REQUIRE_EQ(codes.size(), 1);
                        const ErrorCode code = codes[0];
                        CAPTURE(protocol::name(code));
                        REQUIRE(may_be_tried_again(code));
                        if (code == ErrorCode::kCoordinatorLoadInProgress) REQUIRE(was_loading);
                        attempt->is_answered_ok = code == ErrorCode::kNone;
                      });
  }

  void remove(Coordinated& one, const std::string& id) {
    const auto answer = one.shard->delete_offsets(id, {{"t", 0}});
    if (answer.error != ErrorCode::kNone || answer.partitions[0] != ErrorCode::kNone) return;
    one.groups[id].attempts.push_back(std::make_shared<Attempt>());
  }

  // The oldest that may be what the group has: all before it were followed by one that is sure.
  std::size_t first_possible(const ModelGroup& group, bool has_lost) const {
    for (std::size_t i = group.attempts.size(); i-- > 0;) {
      const Attempt& attempt = *group.attempts[i];
      const bool is_durable = attempt.is_answered_ok && config_.flush_messages == 1;
      if (has_lost ? is_durable : attempt.is_answered_ok || attempt.was_found) return i;
    }
    return 0;
  }

  void check(Coordinated& one, const std::string& id, ModelGroup& group) {
    CAPTURE(id);
    CAPTURE(one.id.partition);
    const auto answer =
        one.shard->fetch_offsets(id, {.partitions = std::vector<base::TopicPartition>{{"t", 0}}});
    if (answer.error != ErrorCode::kNone) {
      CAPTURE(protocol::name(answer.error));
      REQUIRE(may_be_tried_again(answer.error));
      return;
    }
    const std::int64_t found = answer.offsets.at(0).offset;
    const Loss loss = since_read_[&one];
    const std::size_t first = first_possible(group, loss == Loss::power);
    CAPTURE(found);
    CAPTURE(static_cast<int>(loss));
    CAPTURE(group.attempts[first]->offset);
    const auto at = std::find_if(group.attempts.begin() + static_cast<std::ptrdiff_t>(first),
                                 group.attempts.end(),
                                 [&](const auto& attempt) { return attempt->offset == found; });
    REQUIRE(at != group.attempts.end());
    if (loss == Loss::read) return;
    // What came behind it is not in the log.
    (*at)->was_found = true;
    group.attempts.erase(std::next(at), group.attempts.end());
    if (group.was_assigned && !(loss == Loss::power && config_.flush_messages != 1)) {
      REQUIRE(one.shard->describe(id, false).group.state != groups::GroupState::dead);
    } else {
      group.was_assigned = false;
    }
  }

  void check_all() {
    for (Coordinated& one : shards_) {
      if (one.partition == nullptr || one.shard->is_loading()) continue;
      if (one.partition->role().role != replication::Role::leader) continue;
      for (auto& [id, group] : one.groups) check(one, id, group);
      since_read_[&one] = Loss::read;
    }
  }

  // --- members -----------------------------------------------------------------------------------

  void join(Coordinated& one, const std::string& id) {
    ModelGroup& group = one.groups[id];
    if (group.is_joining) return;
    if (group.generation >= 0 && !one_in(4)) return commit_as_member(one, id);
    group.is_joining = true;
    groups::JoinRequest request;
    request.member_id = group.member_id;
    request.client_host = "/127.0.0.1";
    request.protocol_type = "consumer";
    request.protocols = {{"range", "m"}};
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 1'000;
    ++unanswered_;
    one.shard->join(id, std::move(request), [this, &one, id](groups::JoinAnswer answer) {
      --unanswered_;
      ModelGroup& joined = one.groups[id];
      CAPTURE(protocol::name(answer.error));
      REQUIRE((may_be_tried_again(answer.error) || makes_member_rejoin(answer.error)));
      if (answer.error != ErrorCode::kNone) return forget_member(joined);
      joined.member_id = answer.member_id;
      loop_.post([this, &one, id, answer = std::move(answer)] { sync(one, id, answer); });
    });
  }
  static void forget_member(ModelGroup& group) {
    group.is_joining = false;
    group.member_id.clear();
    group.generation = -1;
  }
  void sync(Coordinated& one, const std::string& id, const groups::JoinAnswer& joined) {
    ModelGroup& group = one.groups[id];
    if (one.partition == nullptr) return forget_member(group);
    groups::SyncRequest request;
    request.member_id = joined.member_id;
    request.generation = joined.generation;
    request.assignments = {{joined.member_id, "all"}};
    ++unanswered_;
    one.shard->sync(
        id, std::move(request),
        [this, &group, generation = joined.generation](groups::SyncAnswer answer) {
          --unanswered_;
          CAPTURE(protocol::name(answer.error));
          REQUIRE((may_be_tried_again(answer.error) || makes_member_rejoin(answer.error)));
          if (answer.error != ErrorCode::kNone) return forget_member(group);
          REQUIRE_EQ(answer.assignment, "all");
          group.is_joining = false;
          group.generation = generation;
          group.was_assigned = true;
        });
  }
  void commit_as_member(Coordinated& one, const std::string& id) {
    ModelGroup& group = one.groups[id];
    auto attempt = std::make_shared<Attempt>();
    attempt->offset = ++commit_count_;
    group.attempts.push_back(attempt);
    groups::CommitRequest request;
    request.member_id = group.member_id;
    request.generation = group.generation;
    request.offsets.push_back({"t", 0, {}});
    request.offsets.back().value.offset = attempt->offset;
    ++unanswered_;
    one.shard->commit(id, std::move(request),
                      [this, attempt, &group](std::vector<ErrorCode> codes) {
                        --unanswered_;
                        CAPTURE(protocol::name(codes.at(0)));
                        REQUIRE((may_be_tried_again(codes[0]) || makes_member_rejoin(codes[0])));
                        attempt->is_answered_ok = codes[0] == ErrorCode::kNone;
                        if (makes_member_rejoin(codes[0])) forget_member(group);
                      });
  }

  groups::Settings settings_;
  bool has_follower_ = false;
  std::unique_ptr<runtime::TaskScope> scope_;
  std::array<Coordinated, 2> shards_;
  // What has become of the log since it was looked at.
  enum class Loss { read, none, power };
  std::map<const Coordinated*, Loss> since_read_;
  std::int64_t unanswered_ = 0;
  std::int64_t commit_count_ = 0;
};

}  // namespace

TEST_CASE("the group coordinator on failing disks, beside a model") {
  faults_sim::run_seeds<GroupsModel>(&GroupsModel::commits);
}
