// Goal: the broker's registration survives whatever the session goes through. Virtual time and a
// model server, so that faults come exactly where they hurt.
#include "test/sim/cluster/cluster_fixture.h"

namespace cluster {
namespace {

constexpr const char* kBootIdPath = "/proc/sys/kernel/random/boot_id";

void boot(ClusterFixture& fixture, std::string_view id) {
  VERIFY(fixture.files.create_directories("/proc/sys/kernel/random").has_value());
  VERIFY(fixture.files.write_file_atomically(kBootIdPath, base::as_bytes(id)).has_value());
}

// What is left of a broker after kill -9: its session, its node, its files.
std::int64_t kill_broker(ClusterFixture& fixture) {
  auto session = fixture.make_session();
  REQUIRE(fixture.run(session->connect()).has_value());
  REQUIRE(fixture.run(session->register_broker(broker_at(1, "h1"))).has_value());
  const std::int64_t id = session->client()->session_id();
  // The goodbye is not heard.
  auto& network = fixture.world.network();
  network.cut_both_ways(fixture.loop.ip(), fixture.server_loop.ip());
  fixture.run(session->close());
  network.reset_host(fixture.loop.ip());
  network.heal_all();
  REQUIRE(fixture.ensemble.has_session(id));
  return id;
}

std::int64_t restart_takes_ms(ClusterFixture& fixture, const std::string& host,
                              base::Result<void>& result) {
  auto session = fixture.make_session();
  REQUIRE(fixture.run(session->connect()).has_value());
  const std::int64_t started_ms = fixture.loop.now_ms();
  result = fixture.run(session->register_broker(broker_at(1, host)));
  const std::int64_t took_ms = fixture.loop.now_ms() - started_ms;
  if (result) CHECK(session->broker_epoch().has_value());
  fixture.run(session->close());
  return took_ms;
}

TEST_CASE("the reply to the registration is lost: it is found, not repeated") {
  ClusterFixture fixture;
  auto session = fixture.make_session();
  REQUIRE(fixture.run(session->connect()).has_value());
  fixture.server(0).writes_until_lost_reply = 1;
  REQUIRE(fixture.run(session->register_broker(broker_at(1, "h1"))).has_value());
  const auto* znode = fixture.ensemble.tree().find("/brokers/ids/1");
  REQUIRE(znode != nullptr);
  CHECK(session->broker_epoch() == base::BrokerEpoch(znode->czxid));
  CHECK(znode->version == 1);
  fixture.run(session->close());
  CHECK(fixture.ensemble.tree().find("/brokers/ids/1") == nullptr);
  CHECK(fixture.ensemble.session_count() == 0);
}

TEST_CASE("after kill -9 on the same boot the session is taken over at once") {
  ClusterFixture fixture;
  boot(fixture, "boot-1\n");
  const std::int64_t old_session = kill_broker(fixture);
  base::Result<void> result;
  CHECK(restart_takes_ms(fixture, "h1", result) < 100);
  CHECK(result.has_value());
  CHECK(!fixture.ensemble.has_session(old_session));
}

TEST_CASE("after a reboot the old session has to expire") {
  ClusterFixture fixture;
  boot(fixture, "boot-1\n");
  const std::int64_t old_session = kill_broker(fixture);
  boot(fixture, "boot-2\n");
  base::Result<void> result;
  const std::int64_t took_ms = restart_takes_ms(fixture, "h1", result);
  CHECK(result.has_value());
  CHECK(took_ms > 2'000);
  CHECK(took_ms < 10'000);
  CHECK(!fixture.ensemble.has_session(old_session));
}

TEST_CASE("a copied data directory does not touch the session of the original") {
  ClusterFixture fixture;
  boot(fixture, "boot-1\n");
  kill_broker(fixture);
  const std::string name = "/" + std::string(kSessionFileName);
  const auto text = fixture.files.read_file("/data/a" + name, 1 << 16);
  REQUIRE(text.has_value());
  REQUIRE(fixture.files.remove_file("/data/a" + name).has_value());
  REQUIRE(fixture.files.create_directory("/data/copy").has_value());
  REQUIRE(fixture.files.rename("/data/a", "/data/original").has_value());
  REQUIRE(fixture.files.rename("/data/copy", "/data/a").has_value());
  REQUIRE(fixture.files.write_file_atomically("/data/a" + name, base::as_bytes(*text)).has_value());
  base::Result<void> result;
  CHECK(restart_takes_ms(fixture, "h2", result) < 100);
  REQUIRE(!result.has_value());
  CHECK(result.error().is(base::Errc::already_exists));
}

TEST_CASE("a predecessor that never goes ends the start") {
  ClusterFixture fixture;
  Recorder recorder;
  auto live = fixture.started(recorder);  // and another broker of the same endpoints on its disk
  REQUIRE(fixture.files.remove_file("/data/a/" + std::string(kSessionFileName)).has_value());
  base::Result<void> result;
  const std::int64_t took_ms = restart_takes_ms(fixture, "h1", result);
  REQUIRE(!result.has_value());
  CHECK(result.error().is(base::Errc::timed_out));
  CHECK(took_ms >= 16'000);
  CHECK(took_ms < 17'000);
  fixture.run(live->close());
}

TEST_CASE("a session that expires again and again is replaced each time") {
  ClusterFixture fixture;
  Recorder recorder;
  auto session = fixture.started(recorder);
  for (int i = 0; i < 20; ++i) {
    const auto epoch = session->broker_epoch();
    fixture.ensemble.expire_session(session->client()->session_id());
    const auto registered_again = [&] { return session->broker_epoch() > epoch; };
    REQUIRE(fixture.world.run_until(registered_again, 60'000));
    fixture.world.run_for(fixture.loop.random().below(5));
  }
  fixture.world.run_for(1'000);
  CHECK(session->has_session());
  CHECK(fixture.ensemble.session_count() == 1);
  CHECK(recorder.events.ends_with("again "));
  fixture.run(session->close());
  CHECK(fixture.ensemble.session_count() == 0);
}

TEST_CASE("expired behind a frozen server, then thawed") {
  ClusterFixture fixture;
  Recorder recorder;
  auto session = fixture.started(recorder);
  fixture.server(0).freeze();
  fixture.world.run_for(20'000);
  CHECK(recorder.events == "first ");
  CHECK(session->has_session());  // nobody has told us otherwise
  const std::int64_t silent_ms = fixture.loop.now_ms() - session->last_contact_ms();
  CHECK(silent_ms > 18'000);
  fixture.server(0).thaw();
  REQUIRE(fixture.world.run_until([&] { return recorder.events == "first expired again "; }));
  const auto* znode = fixture.ensemble.tree().find("/brokers/ids/1");
  CHECK(session->broker_epoch() == base::BrokerEpoch(znode->czxid));
  fixture.run(session->close());
}

TEST_CASE("the stop ends within seconds, whatever state the session is in") {
  for (const bool frozen : {true, false}) {
    for (const std::int64_t after_ms : {0, 100, 3'000, 30'000}) {
      ClusterFixture fixture;
      Recorder recorder;
      auto session = fixture.started(recorder);
      if (frozen) fixture.server(0).freeze();
      if (!frozen) fixture.ensemble.expire_session(session->client()->session_id());
      fixture.world.run_for(after_ms);
      const std::int64_t started_ms = fixture.loop.now_ms();
      fixture.run(session->close());
      CHECK(fixture.loop.now_ms() - started_ms <= 5'000);
      CHECK(session->client() == nullptr);
    }
  }
}

TEST_CASE("a stop during the start") {
  ClusterFixture fixture;
  fixture.server(0).freeze();
  auto session = fixture.make_session();
  runtime::TaskScope scope(fixture.loop, "start");
  base::Result<void> connected;
  const auto start = [](ZkSession* target, base::Result<void>* result) -> runtime::Task<void> {
    *result = co_await target->connect();
  };
  scope.spawn(start(session.get(), &connected));
  fixture.world.run_for(500);
  fixture.run(session->close());
  fixture.world.run_for(1'000);
  CHECK(scope.task_count() == 0);
  CHECK(!connected.has_value());
}

TEST_CASE("a stop while the start reads the session file") {
  ClusterFixture fixture;
  auto session = fixture.make_session();
  runtime::TaskScope scope(fixture.loop, "start");
  std::optional<base::Result<void>> connected;
  const auto start = [](ZkSession* target,
                        std::optional<base::Result<void>>* result) -> runtime::Task<void> {
    result->emplace(co_await target->connect());
  };
  scope.spawn(start(session.get(), &connected));
  fixture.run(session->close());
  REQUIRE(fixture.world.run_until([&] { return connected.has_value(); }, 1'000));
  CHECK(!connected->has_value());
  fixture.run(session->close());
  CHECK(fixture.ensemble.session_count() == 0);
}

}  // namespace
}  // namespace cluster
