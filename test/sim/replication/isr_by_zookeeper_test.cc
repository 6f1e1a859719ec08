// Goal: below IBP 2.7-IV2 a leader writes its ISR into the state znode once, whatever happens to
// the connection, never over another's write, and tells the controller in time.
#include "broker/replication/isr_by_zookeeper.h"

#include "broker/cluster/znodes/notifications.h"
#include "broker/cluster/znodes/partition_state.h"
#include "test/sim/cluster/cluster_fixture.h"
#include "test/unit/broker/replication/isr_keeper.h"

namespace {

using replication::IsrChange;
using replication::IsrNotice;
using replication::IsrVerdict;
using replication_test::FakeOwner;
using Kind = IsrVerdict::Kind;

constexpr const char* kState = "/brokers/topics/t/partitions/0/state";

struct Fixture : cluster::ClusterFixture {
  Fixture() {
    for (const char* path : {"/isr_change_notification", "/brokers/topics/t",
                             "/brokers/topics/t/partitions", "/brokers/topics/t/partitions/0"}) {
      write(path, std::nullopt);
    }
    write(kState, cluster::encode_partition_state(
                      {.leader = 1, .leader_epoch = 5, .isr = {1}, .controller_epoch = 7}));
    session = started(recorder);
    route = std::make_unique<replication::IsrByZookeeper>(loop, *session);
    states = std::make_unique<replication::IsrStatesInZookeeper>(*session);
    change = owner->change("t");
    change.proposed.partition_epoch = base::ZkVersion(0);
    route->start();
  }
  ~Fixture() {
    run(session->close());
    run(route->close());
  }
  IsrVerdict write_once() { return run(route->write({change}))[0]; }
  // By somebody else, past all sessions.
  void overwrite(const cluster::PartitionState& state) {
    const auto results =
        ensemble.tree().apply({zkclient::Op::set(kState, cluster::encode_partition_state(state))},
                              {0, world.clock().wall_ms()});
    VERIFY(results[0].error == zkclient::ZkError::ok);
  }
  std::size_t notifications() {
    std::size_t count = 0;
    for (int i = 0; i < 10; ++i) {
      const auto path = fmt::format("/isr_change_notification/isr_change_{:010}", i);
      count += ensemble.tree().find(path) != nullptr ? 1 : 0;
    }
    return count;
  }

  cluster::Recorder recorder;
  std::unique_ptr<cluster::ZkSession> session;
  std::unique_ptr<replication::IsrByZookeeper> route;
  std::unique_ptr<replication::IsrStatesInZookeeper> states;
  std::shared_ptr<FakeOwner> owner = std::make_shared<FakeOwner>();
  IsrChange change;
};

std::vector<base::TopicPartition> one(const char* topic) { return {{topic, 0}}; }

}  // namespace

TEST_CASE("the state is written as Kafka writes it, and a notification follows") {
  Fixture fixture;
  const IsrVerdict verdict = fixture.write_once();
  CHECK_EQ(verdict.kind, Kind::confirmed);
  CHECK_EQ(verdict.state.partition_epoch.value(), 1);
  CHECK_EQ(verdict.state.isr.size(), 2);
  CHECK_EQ(fixture.data_of(kState),
           R"({"controller_epoch":7,"leader":1,"version":1,"leader_epoch":5,"isr":[1,2]})");
  fixture.world.run_for(4900);
  CHECK_EQ(fixture.notifications(), 0);
  fixture.world.run_for(2800);
  CHECK_EQ(fixture.notifications(), 1);
  CHECK_EQ(fixture.data_of("/isr_change_notification/isr_change_0000000000"),
           cluster::encode_isr_change(one("t")));
  fixture.world.run_for(70'000);
  CHECK_EQ(fixture.notifications(), 1);
}

TEST_CASE("another's write is not overwritten: LeaderAndIsr will tell") {
  Fixture fixture;
  fixture.overwrite({.leader = 2, .leader_epoch = 6, .isr = {2}, .controller_epoch = 8});
  const std::string before = fixture.data_of(kState);
  CHECK_EQ(fixture.write_once().kind, Kind::waits);
  CHECK_EQ(fixture.data_of(kState), before);
  // Of a topic that is gone.
  fixture.change.partition.topic = "gone";
  CHECK_EQ(fixture.write_once().kind, Kind::waits);
  fixture.world.run_for(10'000);
  CHECK_EQ(fixture.notifications(), 0);
}

TEST_CASE("a reply that is lost: the next try finds that the first one counted") {
  Fixture fixture;
  fixture.server(0).writes_until_lost_reply = 1;
  CHECK_EQ(fixture.write_once().kind, Kind::again);
  const IsrVerdict verdict = fixture.write_once();
  CHECK_EQ(verdict.kind, Kind::confirmed);
  CHECK_EQ(verdict.state.partition_epoch.value(), 1);
}

TEST_CASE("without a session it is tried again, and nothing is known") {
  Fixture fixture;
  fixture.run(fixture.session->close());
  CHECK_EQ(fixture.write_once().kind, Kind::again);
  CHECK(!fixture.run(fixture.states->read({fixture.change}))[0].has_value());
}

TEST_CASE("what ZooKeeper has is read as it is; what makes no sense is not known") {
  Fixture fixture;
  IsrChange gone = fixture.change;
  gone.partition.topic = "gone";
  auto states = fixture.run(fixture.states->read({fixture.change, gone}));
  REQUIRE(states[0].has_value());
  CHECK_EQ(states[0]->leader.value(), 1);
  CHECK_EQ(states[0]->leader_epoch.value(), 5);
  CHECK_EQ(states[0]->isr.size(), 1);
  CHECK_EQ(states[0]->partition_epoch.value(), 0);
  CHECK(!states[1].has_value());
  const auto results = fixture.ensemble.tree().apply({zkclient::Op::set(kState, "{")}, {0, 0});
  REQUIRE(results[0].error == zkclient::ZkError::ok);
  CHECK(!fixture.run(fixture.states->read({fixture.change}))[0].has_value());
}

TEST_CASE("a notification waits for 5 s of silence, but not longer than 60 s") {
  IsrNotice notice(0);
  CHECK(notice.take_due(100'000, 1000).empty());
  notice.add({"a", 0}, 100'000);
  // Nothing was told for long.
  CHECK_EQ(notice.take_due(100'001, 1000), one("a"));
  notice.add({"a", 0}, 101'000);
  notice.add({"a", 0}, 104'000);
  CHECK(notice.take_due(106'500, 1000).empty());
  CHECK(notice.take_due(109'000, 1000).empty());
  CHECK_EQ(notice.take_due(109'001, 1000), one("a"));
  for (std::int64_t ms = 110'000; ms <= 169'000; ms += 1000) {
    notice.add({"b", 0}, ms);
    CHECK(notice.take_due(ms, 1000).empty());
  }
  notice.add({"b", 0}, 169'002);
  CHECK_EQ(notice.take_due(169'002, 1000), one("b"));
}

TEST_CASE("a notification fits into a znode; what could not be told is told again") {
  IsrNotice notice(0);
  for (int i = 0; i < 10; ++i) notice.add({"topic", i}, 1000);
  const auto first = notice.take_due(10'000, 100);
  CHECK_EQ(first.size(), 3);
  notice.give_back(first);
  std::size_t told = 0;
  for (auto part = notice.take_due(10'000, 100); !part.empty();
       part = notice.take_due(10'000, 100)) {
    told += part.size();
  }
  CHECK_EQ(told, 10);
}
