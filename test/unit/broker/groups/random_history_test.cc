// Goal: whatever members, time and the store do, in whatever order, a group keeps its promises, and
// comes to rest once they behave. Method: for many seeds a random history over a manual clock with
// the promises checked after every step, then a calm in which all stores succeed and the living
// clients do what a Java consumer does.
#include <map>
#include <random>
#include <set>

#include "base/log.h"
#include "test/unit/broker/groups/group_bench.h"

using namespace groups;
using protocol::ErrorCode;

namespace {

struct Client {
  std::string name;
  std::optional<std::string> instance_id;
  bool requires_known_member_id = false;
  bool supports_skip_assignment = false;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;
  std::vector<MemberProtocol> protocols;

  bool lives = false;
  std::string id;
  std::int32_t generation = -1;
  bool must_join = true;
  bool is_synced = false;
  std::string assignment;
  std::vector<SyncRequest::Assignment> plan;  // as the leader
  Joined joining;
  Synced syncing;
};

class World {
 public:
  explicit World(std::uint64_t seed)
      : random_(seed), deaths_in_ten_(below(3) * 5), stores_in_ten_(1 + below(2) * 9) {
    bench_.settings.initial_rebalance_delay_ms = static_cast<std::int32_t>(below(3000));
    bench_.settings.new_member_join_timeout_ms = 30'000;
    for (int i = 0; i < 6; ++i) {
      Client client;
      client.name = "c" + std::to_string(i);
      if (below(2) == 0) client.instance_id = "i" + std::to_string(i);
      client.requires_known_member_id = below(2) == 0;
      client.supports_skip_assignment = below(2) == 0;
      client.session_timeout_ms = 6000 + static_cast<std::int32_t>(below(8000));
      client.rebalance_timeout_ms = 4000 + static_cast<std::int32_t>(below(20'000));
      client.protocols = {{"range", "0"}};
      if (below(3) == 0) client.protocols.insert(client.protocols.begin(), {"sticky", ""});
      clients_.push_back(std::move(client));
    }
  }

  void chaos(int steps) {
    for (int i = 0; i < steps; ++i) {
      chaotic_step(clients_[below(clients_.size())]);
      check();
    }
  }

  // Everybody behaves for long enough: whoever lives is in, whoever does not is out.
  void calm() {
    for (int second = 0; second < 150; ++second) calm_second();
    std::size_t living = 0;
    for (const Client& each : clients_) {
      if (!each.lives) continue;
      ++living;
      CHECK_EQ(each.generation, bench_.group->generation());
      CHECK(each.is_synced);
    }
    CHECK_EQ(bench_.group->member_count(), living);
    CHECK_EQ(bench_.group->state(), living == 0 ? GroupState::empty : GroupState::stable);
    const std::int32_t generation = bench_.group->generation();
    for (int second = 0; second < 30; ++second) calm_second();
    CHECK_EQ(bench_.group->generation(), generation);
  }

  void end() {
    bench_.group->close(ErrorCode::kNotCoordinator);
    for (const Joined& each : joins_) CHECK_EQ(each->calls, 1);
    for (const Synced& each : syncs_) CHECK_EQ(each->calls, 1);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  // --- what clients do
  // ----------------------------------------------------------------------------
  void send_join(Client& client) {
    JoinRequest request;
    request.member_id = client.id;
    request.instance_id = client.instance_id;
    request.client_id = client.name;
    request.client_host = "/h";
    request.protocol_type = "connect";
    request.protocols = client.protocols;
    request.session_timeout_ms = client.session_timeout_ms;
    request.rebalance_timeout_ms = client.rebalance_timeout_ms;
    request.requires_known_member_id = client.requires_known_member_id;
    request.supports_skip_assignment = client.supports_skip_assignment;
    std::string predecessor;
    if (client.id.empty() && client.instance_id) predecessor = holder_of(*client.instance_id);
    client.must_join = false;
    client.is_synced = false;
    client.joining = bench_.join(std::move(request));
    joins_.push_back(client.joining);
    if (!predecessor.empty()) {
      const std::string successor = holder_of(*client.instance_id);
      if (successor != predecessor) predecessors_[successor] = predecessor;
    }
  }

  void send_sync(Client& client) {
    // Which plan the group takes as this generation's is decided by who leads it.
    if (!client.plan.empty() && bench_.group->generation() == client.generation &&
        bench_.group->state() == GroupState::completing_rebalance) {
      auto& plan = plans_[client.generation];
      for (const auto& each : client.plan) plan[each.member_id] = each.bytes;
    }
    client.syncing = bench_.sync({.member_id = client.id,
                                  .instance_id = client.instance_id,
                                  .generation = client.generation,
                                  .assignments = client.plan});
    syncs_.push_back(client.syncing);
  }

  void take_answers(Client& client) {
    if (client.joining && !client.joining->waits()) {
      const JoinAnswer answer = client.joining->get();
      client.joining.reset();
      take(client, answer);
    }
    if (client.syncing && !client.syncing->waits()) {
      const SyncAnswer answer = client.syncing->get();
      client.syncing.reset();
      take(client, answer);
    }
  }

  void take(Client& client, const JoinAnswer& answer) {
    if (answer.error == ErrorCode::kMemberIdRequired) {
      client.id = answer.member_id;
      client.must_join = true;
      return;
    }
    if (answer.error != ErrorCode::kNone) return start_over(client, answer.error);
    client.id = answer.member_id;
    client.generation = answer.generation;
    client.plan.clear();
    const auto leads = leaders_.emplace(answer.generation, origin_of(answer.leader)).first;
    CHECK_EQ(leads->second, origin_of(answer.leader));  // one leader per generation
    CHECK_EQ(answer.protocol_type, "connect");
    CHECK(answer.protocol.has_value());
    if (answer.members.empty()) return;
    CHECK_EQ(answer.leader, answer.member_id);
    if (answer.skip_assignment) return;
    for (const JoinedMember& each : answer.members) {
      client.plan.push_back({each.member_id, "generation " + std::to_string(answer.generation) +
                                                 " part " + std::to_string(client.plan.size())});
    }
  }

  void take(Client& client, const SyncAnswer& answer) {
    if (answer.error != ErrorCode::kNone) return start_over(client, answer.error);
    client.is_synced = true;
    client.assignment = answer.assignment;
    const std::string* part = part_of(client.generation, client.id);
    REQUIRE(part != nullptr);
    CHECK_EQ(answer.assignment, *part);
  }

  void start_over(Client& client, ErrorCode error) {
    client.must_join = true;
    client.is_synced = false;
    if (error != ErrorCode::kRebalanceInProgress && error != ErrorCode::kIllegalGeneration) {
      client.id.clear();
      client.generation = -1;
    }
  }

  void behave(Client& client) {
    take_answers(client);
    if (client.joining || client.syncing) return;
    if (client.must_join) return send_join(client);
    if (!client.is_synced) return send_sync(client);
    const ErrorCode error =
        bench_.group->heartbeat(client.id, client.instance_id, client.generation, bench_.now);
    if (error != ErrorCode::kNone) start_over(client, error);
  }

  // The process is gone; its requests may still be answered, to nobody.
  void die(Client& client) {
    client.lives = false;
    client.joining.reset();
    client.syncing.reset();
    client.id.clear();
    client.generation = -1;
    client.must_join = true;
    client.is_synced = false;
  }

  void leave(Client& client) {
    if (client.instance_id && below(2) == 0) {
      bench_.leave({"", client.instance_id, "scaled down"});
    } else if (!client.id.empty()) {
      bench_.leave({client.id, client.instance_id, {}});
    }
    die(client);
  }

  void chaotic_step(Client& client) {
    switch (below(16)) {
      case 0:
        if (below(10) < deaths_in_ten_) die(client);
        break;
      case 1:
        if (below(10) < deaths_in_ten_) leave(client);
        break;
      case 2:
        client.protocols.back().metadata = std::to_string(below(100));
        client.must_join = client.lives;
        break;
      case 3:  // it lost patience, or its connection
        if (client.joining && !client.id.empty()) send_join(client);
        break;
      case 4:
        if (client.syncing && client.syncing->waits()) send_sync(client);
        break;
      case 5:
        static_cast<void>(bench_.group->heartbeat(client.id, client.instance_id,
                                                  client.generation - 1, bench_.now));
        static_cast<void>(bench_.group->check_commit(client.id, client.instance_id,
                                                     client.generation, below(2) == 0, bench_.now));
        break;
      case 6:
      case 7:
        if (!bench_.store.waiting.empty() && below(10) < stores_in_ten_) {
          bench_.finish_store(below(6) == 0 ? ErrorCode::kNotCoordinator : ErrorCode::kNone);
        }
        break;
      case 8: pass(static_cast<std::int64_t>(below(5000))); break;
      case 9: pass(static_cast<std::int64_t>(below(300))); break;
      default: client.lives = true; behave(client);
    }
  }

  void calm_second() {
    for (Client& each : clients_) {
      if (each.lives) behave(each);
      while (!bench_.store.waiting.empty()) bench_.finish_store();
      check();
    }
    pass(1000);
    check();
  }

  void pass(std::int64_t ms) {
    bench_.pass(ms);
    if (below(4) == 0) bench_.group->on_time(bench_.now);  // early is allowed
    promise(bench_.group->next_deadline_ms() > bench_.now.now_ms, "what was due is done");
  }

  // --- the promises
  // -------------------------------------------------------------------------------
  // (doctest's own assertions are too slow for millions of them.)
  static void promise(bool kept, const char* what) {
    if (!kept) FAIL(what);
  }

  void check() {
    const Group& group = *bench_.group;
    const GroupState state = group.state();
    promise(group.generation() == generation_ || group.generation() == generation_ + 1,
            "generations come one by one");
    generation_ = group.generation();

    const GroupRecord record = group.record();
    std::set<std::string> ids, parts;
    for (const auto& each : record.members) {
      promise(ids.insert(each.member_id).second, "an id is one member's");
    }
    promise(ids.size() == group.member_count(), "members are counted");
    promise(record.leader.has_value() == !ids.empty(), "members have a leader");
    promise(!record.leader || ids.contains(*record.leader), "the leader is a member");
    promise(state != GroupState::empty || ids.empty(), "an empty group has no members");
    if (state == GroupState::stable || state == GroupState::completing_rebalance) {
      promise(!ids.empty() && record.protocol.has_value(), "a generation has members");
    }
    if (state == GroupState::stable) {
      for (const auto& each : record.members) {
        const std::string* part = part_of(generation_, each.member_id);
        promise(part != nullptr && each.assignment == *part,
                "everybody has what the leader of this generation gave");
        promise(parts.insert(each.assignment).second, "nobody shares a partition");
      }
    }
    // There is a next moment, or the store will speak.
    promise(
        ids.empty() || !bench_.store.waiting.empty() || group.next_deadline_ms() != Group::kNever,
        "no member is forgotten");
    for (const Joined& each : joins_) promise(each->calls <= 1, "a join has one answer");
    for (const Synced& each : syncs_) promise(each->calls <= 1, "a sync has one answer");
    forget_answered();
  }

  // So that a step does not look at all that ever was; end() needs only what still waits.
  void forget_answered() {
    std::erase_if(joins_,
                  [](const Joined& each) { return each->calls == 1 && each.use_count() == 1; });
    std::erase_if(syncs_,
                  [](const Synced& each) { return each->calls == 1 && each.use_count() == 1; });
  }

  std::string holder_of(const std::string& instance_id) const {
    for (const auto& each : bench_.group->record().members) {
      if (each.instance_id == instance_id) return each.member_id;
    }
    return {};
  }
  // The first of the line whose place a static member has taken.
  std::string origin_of(std::string member_id) const {
    for (auto each = predecessors_.find(member_id); each != predecessors_.end();
         each = predecessors_.find(member_id)) {
      member_id = each->second;
    }
    return member_id;
  }
  // What the leader of a generation gave to a member, or to the one whose place it has taken.
  const std::string* part_of(std::int32_t generation, std::string member_id) const {
    const auto plan = plans_.find(generation);
    if (plan == plans_.end()) return nullptr;
    while (true) {
      const auto part = plan->second.find(member_id);
      if (part != plan->second.end()) return &part->second;
      const auto predecessor = predecessors_.find(member_id);
      if (predecessor == predecessors_.end()) return nullptr;
      member_id = predecessor->second;
    }
  }

  std::mt19937_64 random_;
  // No two worlds are alike: how often clients go, how slow the store is.
  const std::uint64_t deaths_in_ten_;
  const std::uint64_t stores_in_ten_;
  Bench bench_;
  std::vector<Client> clients_;
  std::vector<Joined> joins_;
  std::vector<Synced> syncs_;
  std::int32_t generation_ = 0;
  std::map<std::int32_t, std::string> leaders_;
  std::map<std::int32_t, std::map<std::string, std::string>> plans_;  // generation: member: part
  std::map<std::string, std::string> predecessors_;                   // static members' ids
};

}  // namespace

TEST_CASE("random histories") {
  base::set_log_level(base::LogLevel::error);
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    World world(seed);
    for (int round = 0; round < 2; ++round) {
      world.chaos(300);
      world.calm();
    }
    world.end();
  }
  base::set_log_level(base::LogLevel::info);
}
