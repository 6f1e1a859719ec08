// What the tests of ISR changes share: a keeper that writes down what it is told, an owner without
// a log.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "broker/replication/isr_change.h"

namespace replication_test {

class NotedKeeper final : public replication::IsrKeeper {
 public:
  bool is_live(base::BrokerId id) const override { return !dead.contains(id); }
  std::int64_t lag_max_ms() const override { return lag_ms; }
  void propose(replication::IsrChange change) override { proposed.push_back(std::move(change)); }
  void look_again(std::shared_ptr<replication::IsrOwner>) override { ++looks_again; }

  std::set<base::BrokerId> dead;
  std::vector<replication::IsrChange> proposed;
  std::int64_t lag_ms = 30'000;
  int looks_again = 0;
};

class FakeOwner final : public replication::IsrOwner,
                        public std::enable_shared_from_this<FakeOwner> {
 public:
  explicit FakeOwner(std::string dir = "/data/a") : log_dir(std::move(dir)) {}
  std::uint64_t pending_isr_change() const override { return pending; }
  const std::string& isr_log_dir() const override { return log_dir; }
  void on_isr_confirmed(std::uint64_t change, const replication::IsrState& state,
                        std::int64_t) override {
    if (change != pending) return;
    pending = 0;
    confirmed = state;
  }
  void on_isr_not_attempted(std::uint64_t change, std::int64_t) override {
    if (change != pending) return;
    pending = 0;
    ++refusals;
  }
  void look_at_isr(std::int64_t) override { ++looks; }

  // A change that is pending now.
  replication::IsrChange change(const std::string& topic, std::int32_t index = 0) {
    replication::IsrChange change;
    change.owner = shared_from_this();
    change.id = pending = ++last;
    change.partition = {topic, index};
    change.controller_epoch = base::ControllerEpoch(7);
    change.proposed.leader = base::BrokerId(1);
    change.proposed.leader_epoch = base::LeaderEpoch(5);
    change.proposed.partition_epoch = base::ZkVersion(3);
    change.proposed.isr = {base::BrokerId(1), base::BrokerId(2)};
    return change;
  }

  std::string log_dir;
  std::uint64_t pending = 0;
  std::uint64_t last = 0;
  std::optional<replication::IsrState> confirmed;
  int refusals = 0;
  int looks = 0;
};

inline replication::IsrState state_with(const replication::IsrChange& change, int version) {
  replication::IsrState state = change.proposed;
  state.partition_epoch = base::ZkVersion(version);
  return state;
}

}  // namespace replication_test
