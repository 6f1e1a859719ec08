// Purpose: a group on a bench: a manual clock, a store whose writes end when the test says so, and
// answers that can be looked at.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/groups/group.h"

namespace groups {

class MemoryStore : public GroupStore {
 public:
  struct Write {
    GroupRecord record;
    Done done;
  };
  void store(Group&, GroupRecord record, Done done) override {
    waiting.push_back({std::move(record), std::move(done)});
  }
  std::string new_member_id(const std::string& prefix) override {
    return prefix + "-" + std::to_string(++ids_);
  }
  // The oldest write ends.
  void finish(Time now, protocol::ErrorCode error = protocol::ErrorCode::kNone) {
    REQUIRE(!waiting.empty());
    Write write = std::move(waiting.front());
    waiting.pop_front();
    if (error == protocol::ErrorCode::kNone) stored.push_back(std::move(write.record));
    write.done(error, now);
  }

  std::deque<Write> waiting;
  std::vector<GroupRecord> stored;

 private:
  int ids_ = 0;
};

// What came back: nothing yet, or an answer; never two.
template <class Answer>
struct Answered {
  std::optional<Answer> answer;
  int calls = 0;

  bool waits() const { return calls == 0; }
  const Answer& get() const {
    REQUIRE_EQ(calls, 1);
    return *answer;
  }
  protocol::ErrorCode error() const { return get().error; }
};
using Joined = std::shared_ptr<Answered<JoinAnswer>>;
using Synced = std::shared_ptr<Answered<SyncAnswer>>;

template <class Answer>
auto reply_into(std::shared_ptr<Answered<Answer>> into) {
  return [into](Answer answer) {
    ++into->calls;
    into->answer = std::move(answer);
  };
}

// A v0 subscription of the embedded consumer protocol.
inline std::string subscription_to(const std::vector<std::string>& topics) {
  const auto big_endian = [](std::size_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    return out;
  };
  std::string bytes = big_endian(0, 2) + big_endian(topics.size(), 4);
  for (const std::string& each : topics) bytes += big_endian(each.size(), 2) + each;
  return bytes + std::string(4, '\xff');  // no user data
}

inline JoinRequest a_join(std::string member_id = {}) {
  JoinRequest request;
  request.member_id = std::move(member_id);
  request.client_id = "c";
  request.client_host = "/10.0.0.1";
  request.protocol_type = "consumer";
  request.protocols = {{"range", subscription_to({"t"})}};
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  return request;
}

inline JoinRequest a_static_join(std::string instance_id, std::string member_id = {}) {
  JoinRequest request = a_join(std::move(member_id));
  request.instance_id = std::move(instance_id);
  return request;
}

class Bench {
 public:
  Bench() : Bench(GroupSettings{}) {}
  explicit Bench(GroupSettings with)
      : settings(with), group(std::make_unique<Group>("g", settings, store, now)) {}
  ~Bench() { group->close(protocol::ErrorCode::kNotCoordinator); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  Joined join(JoinRequest request) {
    auto joined = std::make_shared<Answered<JoinAnswer>>();
    group->join(std::move(request), reply_into<JoinAnswer>(joined), now);
    return joined;
  }
  Synced sync(SyncRequest request) {
    auto synced = std::make_shared<Answered<SyncAnswer>>();
    group->sync(std::move(request), reply_into<SyncAnswer>(synced), now);
    return synced;
  }
  Synced sync(const std::string& member_id, std::vector<SyncRequest::Assignment> assignments = {}) {
    return sync({.member_id = member_id,
                 .generation = group->generation(),
                 .assignments = std::move(assignments)});
  }
  protocol::ErrorCode beat(const std::string& member_id) {
    return group->heartbeat(member_id, std::nullopt, group->generation(), now);
  }
  protocol::ErrorCode leave(LeavingMember member) {
    return group->leave({std::move(member)}, now).front();
  }
  void finish_store(protocol::ErrorCode error = protocol::ErrorCode::kNone) {
    store.finish(now, error);
  }
  void pass(std::int64_t ms) {
    const std::int64_t until_ms = now.now_ms + ms;
    while (group->next_deadline_ms() <= until_ms) {
      go_to(std::max(now.now_ms, group->next_deadline_ms()));
      group->on_time(now);
    }
    go_to(until_ms);
  }

  // A stable group of dynamic members, then static ones named by their instance ids; the ids, the
  // leader's first. Assignments are "of <id>".
  std::vector<std::string> stable(std::size_t dynamic, std::vector<std::string> statics = {}) {
    std::vector<Joined> joins;
    for (std::size_t i = 0; i < dynamic; ++i) joins.push_back(join(a_join()));
    for (std::string& each : statics) joins.push_back(join(a_static_join(std::move(each))));
    const std::int32_t before = group->generation();
    for (int i = 0; i < 100 && group->generation() == before; ++i) pass(1000);
    std::vector<std::string> ids;
    for (const Joined& each : joins) ids.push_back(each->get().member_id);
    settle(ids);
    return ids;
  }
  // SyncGroup from all, the leader first.
  void settle(const std::vector<std::string>& ids) {
    std::vector<SyncRequest::Assignment> assignments;
    for (const std::string& each : ids) assignments.push_back({each, "of " + each});
    for (const std::string& each : ids) sync(each, assignments);
    finish_store();
    REQUIRE_EQ(group->state(), GroupState::stable);
  }

  GroupSettings settings;
  MemoryStore store;
  Time now{.now_ms = 5000, .wall_ms = 1'700'000'000'000};
  std::unique_ptr<Group> group;

 private:
  void go_to(std::int64_t ms) {
    now.wall_ms += ms - now.now_ms;
    now.now_ms = ms;
  }
};

}  // namespace groups
