// Goal: every pending ISR change is sent until somebody decides, looked up when nobody does, and
// forgotten when it is void; one batch is on its way at a time.
#include "broker/replication/isr_queue.h"

#include <doctest/doctest.h>

#include "test/unit/broker/replication/isr_keeper.h"

using base::BrokerId;
using replication::IsrChange;
using replication::IsrQueue;
using replication::IsrState;
using replication::IsrVerdict;
using replication_test::FakeOwner;
using replication_test::state_with;
using Kind = IsrVerdict::Kind;

namespace {

std::shared_ptr<FakeOwner> owner() { return std::make_shared<FakeOwner>(); }

std::vector<IsrVerdict> all(std::size_t count, Kind kind) {
  std::vector<IsrVerdict> verdicts(count);
  for (IsrVerdict& verdict : verdicts) verdict.kind = kind;
  return verdicts;
}

std::vector<std::optional<IsrState>> known(std::optional<IsrState> state) { return {state}; }

}  // namespace

TEST_CASE("changes go together, in order, once") {
  IsrQueue queue;
  const auto a = owner(), b = owner();
  queue.add(a->change("t", 1), 0);
  queue.add(b->change("t", 0), 0);
  const auto batch = queue.take_batch();
  REQUIRE_EQ(batch.size(), 2);
  CHECK_EQ(batch[0].partition.partition, 1);
  CHECK(queue.take_batch().empty());
  std::vector<IsrVerdict> verdicts = all(2, Kind::confirmed);
  verdicts[0].state = state_with(batch[0], 4);
  verdicts[1].kind = Kind::not_attempted;
  const auto settled = queue.settle(batch, verdicts);
  REQUIRE_EQ(settled.size(), 2);
  CHECK_EQ(settled[0].kind, Kind::confirmed);
  CHECK_EQ(settled[0].state.partition_epoch.value(), 4);
  CHECK_EQ(settled[1].kind, Kind::not_attempted);
  CHECK(queue.take_batch().empty());
}

TEST_CASE("what nobody decided is sent again, what was refused is not") {
  IsrQueue queue;
  const auto a = owner(), b = owner();
  queue.add(a->change("a"), 0);
  queue.add(b->change("b"), 0);
  auto batch = queue.take_batch();
  std::vector<IsrVerdict> verdicts = all(2, Kind::again);
  verdicts[1].kind = Kind::waits;
  CHECK(queue.settle(batch, verdicts).empty());
  batch = queue.take_batch();
  REQUIRE_EQ(batch.size(), 1);
  CHECK_EQ(batch[0].partition.topic, "a");
  CHECK_EQ(queue.size(), 2);
}

TEST_CASE("a change that is void is neither sent, nor sent again, nor looked up, nor answered") {
  IsrQueue queue;
  const auto a = owner();
  queue.add(a->change("a"), 0);
  a->pending = 0;
  CHECK(queue.take_batch().empty());
  queue.add(a->change("a"), 0);
  const auto batch = queue.take_batch();
  REQUIRE_EQ(batch.size(), 1);
  a->pending = 0;
  CHECK(queue.settle(batch, all(1, Kind::again)).empty());
  CHECK(queue.take_batch().empty());
  CHECK(queue.take_unknown(100'000).empty());
  CHECK_EQ(queue.size(), 0);
}

TEST_CASE("a new change of the partition takes the place of one on its way") {
  IsrQueue queue;
  const auto a = owner();
  queue.add(a->change("a"), 0);
  const auto old = queue.take_batch();
  queue.add(a->change("a"), 100);
  CHECK(queue.settle(old, all(1, Kind::confirmed)).empty());
  const auto batch = queue.take_batch();
  REQUIRE_EQ(batch.size(), 1);
  CHECK_EQ(batch[0].id, 2);
  CHECK_EQ(queue.size(), 1);
}

TEST_CASE("nor is the old one sent when it was not on its way yet") {
  IsrQueue queue;
  const auto a = owner();
  queue.add(a->change("a"), 0);
  queue.add(a->change("a"), 100);
  const auto batch = queue.take_batch();
  REQUIRE_EQ(batch.size(), 1);
  CHECK_EQ(batch[0].id, 2);
}

TEST_CASE("what was answered is not sent again, though the partition has not heard of it yet") {
  IsrQueue queue;
  const auto a = owner(), b = owner();
  const IsrChange confirmed = a->change("a"), refused = b->change("b");
  queue.add(confirmed, 0);
  queue.add(refused, 0);
  std::vector<IsrVerdict> verdicts = all(2, Kind::confirmed);
  verdicts[1].kind = Kind::not_attempted;
  CHECK_EQ(queue.settle(queue.take_batch(), verdicts).size(), 2);
  const auto unknown = queue.take_unknown(5000);
  REQUIRE_EQ(unknown.size(), 1);
  CHECK_EQ(unknown[0].partition.topic, "a");
  CHECK(queue.look_up(unknown, known(state_with(confirmed, 3))).empty());
  CHECK(queue.take_batch().empty());
}

TEST_CASE("a batch has a limit") {
  IsrQueue queue;
  std::vector<std::shared_ptr<FakeOwner>> owners;
  for (std::size_t i = 0; i < IsrQueue::kBatchMax + 1; ++i) {
    queue.add(owners.emplace_back(owner())->change("t", static_cast<int>(i)), 0);
  }
  const auto batch = queue.take_batch();
  CHECK_EQ(batch.size(), IsrQueue::kBatchMax);
  (void)queue.settle(batch, all(batch.size(), Kind::waits));
  CHECK_EQ(queue.take_batch().size(), 1);
}

TEST_CASE("after 5 s without an outcome the state is looked up, and what is newer is taken") {
  IsrQueue queue;
  const auto a = owner();
  const IsrChange change = a->change("a");
  queue.add(change, 1000);
  (void)queue.take_batch();
  CHECK(queue.take_unknown(5999).empty());
  const auto unknown = queue.take_unknown(6000);
  REQUIRE_EQ(unknown.size(), 1);
  CHECK(queue.take_unknown(6000).empty());

  CHECK(queue.look_up(unknown, known(std::nullopt)).empty());
  CHECK(queue.look_up(unknown, known(state_with(change, 3))).empty());
  IsrState other = state_with(change, 9);
  other.leader_epoch = base::LeaderEpoch(6);
  CHECK(queue.look_up(unknown, known(other)).empty());
  other = state_with(change, 9);
  other.leader = BrokerId(2);
  CHECK(queue.look_up(unknown, known(other)).empty());
  // In flight: an answer may come.
  CHECK(queue.take_batch().empty());

  // ZooKeeper was away: again after as long.
  CHECK_EQ(queue.take_unknown(11'000).size(), 1);
  const auto settled = queue.look_up(unknown, known(state_with(change, 4)));
  REQUIRE_EQ(settled.size(), 1);
  CHECK_EQ(settled[0].kind, Kind::confirmed);
  CHECK_EQ(settled[0].state.partition_epoch.value(), 4);
}

TEST_CASE("refused, and not written after all: it is sent again, not taken back") {
  IsrQueue queue;
  const auto a = owner();
  const IsrChange change = a->change("a");
  queue.add(change, 0);
  (void)queue.settle(queue.take_batch(), all(1, Kind::waits));
  const auto unknown = queue.take_unknown(5000);
  REQUIRE_EQ(unknown.size(), 1);
  CHECK(queue.look_up(unknown, known(state_with(change, 3))).empty());
  CHECK(change.is_pending());
  CHECK_EQ(queue.take_batch().size(), 1);
}
