// Goal: whatever happens to connections, every call is answered once, and its answer tells the
// truth about the write: applied, not applied, or perhaps.
// Method: each write creates a sequential znode below a parent of its own, so that a write applied
// twice shows as two children. Servers freeze, drop and lose replies, sessions expire, by seed.
#include "test/sim/zkclient/sim_fixture.h"

namespace zkclient {
namespace {

constexpr int kWrites = 200;

std::string parent_of_write(int index) { return "/w" + std::to_string(index); }

struct Tally {
  int applied = 0, not_applied = 0, unknown = 0;
};

runtime::Task<void> write_one(Client& client, int index, std::vector<base::Result<void>>& answers,
                              runtime::TaskScope& scope) {
  (void)co_await runtime::sleep_ms(scope.loop(),
                                   static_cast<std::int64_t>(scope.loop().random().below(20'000)));
  auto read = client.get(parent_of_write(index));
  const auto made = co_await client.create(parent_of_write(index) + "/n", "",
                                           CreateMode::persistent_sequential, open_acl_unsafe());
  answers.push_back(made ? base::Result<void>() : base::fail(made.error()));
  (void)co_await read;
}

void disturb(SimFixture& zookeeper, Client& client) {
  auto& random = zookeeper.world.random();
  auto& server = zookeeper.server(random.below(zookeeper.servers.size()));
  switch (random.below(6)) {
    case 0: server.drop_connections(); break;
    case 1: server.freeze(); break;
    case 2:
      for (auto& one : zookeeper.servers) one->thaw();
      break;
    case 3: server.writes_until_lost_reply = static_cast<int>(random.below(3)) + 1; break;
    case 4: zookeeper.world.network().reset_host(SimFixture::kServerIp); break;
    case 5:
      if (random.below(20) == 0) zookeeper.ensemble.expire_session(client.session_id());
      break;
  }
}

Tally run_one(std::uint64_t seed) {
  SimFixture zookeeper(3, seed);
  auto& tree = zookeeper.ensemble.tree();
  for (int i = 0; i < kWrites; ++i) {
    tree.apply({Op::create(parent_of_write(i), "", CreateMode::persistent, open_acl_unsafe())}, {});
  }
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));

  std::vector<std::vector<base::Result<void>>> answers(kWrites);
  runtime::TaskScope writers(zookeeper.loop, "writers");
  for (int i = 0; i < kWrites; ++i) writers.spawn(write_one(*client, i, answers[i], writers));
  for (int i = 0; i < 100; ++i) {
    zookeeper.world.run_for(static_cast<std::int64_t>(zookeeper.world.random().below(400)));
    disturb(zookeeper, *client);
  }
  for (auto& server : zookeeper.servers) server->thaw();
  CHECK(zookeeper.world.run_until([&] { return writers.task_count() == 0; }, 120'000));

  Tally tally;
  for (int i = 0; i < kWrites; ++i) {
    CAPTURE(seed);
    CAPTURE(i);
    REQUIRE(answers[i].size() == 1);
    const std::size_t made = tree.find(parent_of_write(i))->children.size();
    if (answers[i][0]) {
      CHECK(made == 1);
      ++tally.applied;
    } else if (is_outcome_unknown(answers[i][0].error())) {
      CHECK(made <= 1);
      ++tally.unknown;
    } else {
      CHECK(made == 0);
      ++tally.not_applied;
    }
  }
  zookeeper.run(client->close());
  return tally;
}

TEST_CASE("answers are exact under faults") {
  Tally total;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const Tally tally = run_one(seed);
    total.applied += tally.applied;
    total.not_applied += tally.not_applied;
    total.unknown += tally.unknown;
  }
  // The faults must bite, or the test proves nothing.
  CHECK(total.applied > 1'000);
  CHECK(total.unknown > 50);
  CHECK(total.not_applied > 50);
}

TEST_CASE("the same seed gives the same run") {
  const Tally first = run_one(7);
  const Tally second = run_one(7);
  CHECK(first.applied == second.applied);
  CHECK(first.unknown == second.unknown);
}

}  // namespace
}  // namespace zkclient
