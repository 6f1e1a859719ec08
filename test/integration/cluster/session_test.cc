// Goal: a broker registers, takes over from its killed predecessor, gives way to a live one, and
// comes back after an expiry.
#include <signal.h>

#include <cstdlib>

#include "broker/cluster/znode_paths.h"
#include "test/integration/cluster/cluster_fixture.h"

namespace cluster {
namespace {

struct Recorder final : SessionListener {
  explicit Recorder(runtime::Loop& loop) : changed(loop) {}
  runtime::Task<void> on_session(zkclient::Client& client, bool first) override {
    events += first ? "first " : "again ";
    co_await client.exists("/brokers/topics", true);
    changed.notify_all();
  }
  void on_expired() override { events += "expired "; }
  void on_watch(const zkclient::WatchEvent& event) override {
    watched = event.path;
    changed.notify_all();
  }
  runtime::Notify changed;
  std::string events;
  std::string watched;
};

runtime::Task<std::int64_t> register_at(TestBroker& broker, BrokerInfo info,
                                        base::Result<void>& result) {
  const auto connected = co_await broker.session.connect();
  REQUIRE_MESSAGE(connected.has_value(), (connected ? "" : connected.error().to_string()));
  auto& client = *broker.session.client();
  co_await zkclient::ensure_path(client, std::string(paths::kBrokerIds), zkclient::open_acl);
  runtime::Loop& loop = broker.session.scope().loop();
  const std::int64_t started_ms = loop.now_ms();
  result = co_await broker.session.register_broker(std::move(info));
  co_return loop.now_ms() - started_ms;
}

ZOOKEEPER_TEST("a missing chroot is made; the node stands as Kafka's; a clean stop removes it") {
  const TemporaryDirectory directory;
  zookeeper.chroot += "/made/below";
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  co_await register_at(broker, broker_at(1, "h1"), registered);
  REQUIRE(registered.has_value());

  auto witness = co_await connected(zookeeper);
  const auto node = co_await witness->get(paths::broker_id(1));
  REQUIRE(node.has_value());
  CHECK(node->stat.version == base::ZkVersion(1));
  CHECK(broker.session.broker_epoch() == base::BrokerEpoch(node->stat.czxid));
  CHECK(node->stat.ephemeral_owner == broker.session.client()->session_id());
  const auto info = decode_broker_info(1, *node->data);
  REQUIRE(info.has_value());
  CHECK(info->endpoints == broker_at(1, "h1").endpoints);
  CHECK(info->version == 5);
  const std::string file = directory.path() + "/" + std::string(kSessionFileName);
  CHECK(broker.files->exists(file));

  co_await broker.session.close();
  const auto gone = co_await witness->exists(paths::broker_id(1));
  CHECK((gone.has_value() && !gone->has_value()));
  CHECK(!broker.files->exists(file));
  CHECK(broker.session.client() == nullptr);
  CHECK(broker.session.broker_epoch() == std::nullopt);
  co_await witness->close();
}

ZOOKEEPER_TEST("the session of a killed predecessor is taken over at once") {
  const TemporaryDirectory directory;
  co_await leave_registration(zookeeper, broker_at(1, "h1"), directory.path());
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  const std::int64_t took_ms = co_await register_at(broker, broker_at(1, "h1"), registered);
  CHECK(registered.has_value());
  MESSAGE("taken over in ms: ", took_ms);
  CHECK(took_ms < 1'500);
  co_await broker.session.close();
}

ZOOKEEPER_TEST("without its secret a predecessor is waited for") {
  const TemporaryDirectory directory;
  co_await leave_registration(zookeeper, broker_at(1, "h1"), "");
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  const std::int64_t took_ms = co_await register_at(broker, broker_at(1, "h1"), registered);
  CHECK(registered.has_value());
  MESSAGE("waited ms: ", took_ms);
  CHECK(took_ms > 1'000);
  co_await broker.session.close();
}

ZOOKEEPER_TEST("an id of another broker ends the start at once, and says who has it") {
  const TemporaryDirectory directory;
  co_await leave_registration(zookeeper, broker_at(1, "other"), "");
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  const std::int64_t took_ms = co_await register_at(broker, broker_at(1, "h1"), registered);
  REQUIRE(!registered.has_value());
  CHECK(took_ms < 1'000);
  CHECK(registered.error().to_string().find("PLAINTEXT://other:9092") != std::string::npos);
  co_await broker.session.close();
}

ZOOKEEPER_TEST("an expired session is replaced, the broker registered again, listeners told") {
  const TemporaryDirectory directory;
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  co_await register_at(broker, broker_at(1, "h1"), registered);
  Recorder recorder(zookeeper.loop);
  broker.session.add_listener(recorder);
  co_await broker.session.start_listeners();
  CHECK(recorder.events == "first ");
  const auto first_epoch = broker.session.broker_epoch();

  co_await expire(zookeeper, broker.session.client()->credentials());
  while (recorder.events.find("again") == std::string::npos) {
    REQUIRE((co_await recorder.changed.wait(10'000)).has_value());
  }
  CHECK(recorder.events == "first expired again ");
  CHECK(broker.session.broker_epoch() > first_epoch);
  CHECK(broker.session.has_session());

  // Watches of the new session reach the listener.
  co_await broker.session.client()->create("/brokers/topics", std::nullopt,
                                           zkclient::CreateMode::persistent,
                                           zkclient::open_acl_unsafe());
  while (recorder.watched.empty()) {
    REQUIRE((co_await recorder.changed.wait(10'000)).has_value());
  }
  CHECK(recorder.watched == "/brokers/topics");
  co_await broker.session.close();
  CHECK(recorder.events == "first expired again ");
}

ZOOKEEPER_TEST("a session that expires during the start is replaced before registering") {
  const TemporaryDirectory directory;
  TestBroker broker(zookeeper, directory.path());
  REQUIRE((co_await broker.session.connect()).has_value());
  auto& client = *broker.session.client();
  co_await zkclient::ensure_path(client, std::string(paths::kBrokerIds), zkclient::open_acl);
  co_await expire(zookeeper, client.credentials());
  while (client.connected()) co_await runtime::sleep_ms(zookeeper.loop, 10);
  CHECK((co_await broker.session.register_broker(broker_at(1, "h1"))).has_value());
  CHECK(broker.session.broker_epoch().has_value());
  co_await broker.session.close();
}

ZOOKEEPER_TEST("a taken node is waited for at run time, and the stop does not wait for it") {
  const TemporaryDirectory directory;
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  co_await register_at(broker, broker_at(1, "h1"), registered);
  Recorder recorder(zookeeper.loop);
  broker.session.add_listener(recorder);
  co_await broker.session.start_listeners();

  // Another broker takes the id in the moment in which ours is gone.
  auto rival = co_await connected(zookeeper);
  co_await expire(zookeeper, broker.session.client()->credentials());
  const auto made =
      co_await rival->create(paths::broker_id(1), std::nullopt, zkclient::CreateMode::ephemeral,
                             zkclient::open_acl_unsafe());
  REQUIRE(made.has_value());
  co_await runtime::sleep_ms(zookeeper.loop, 300);
  CHECK(recorder.events == "first expired ");
  CHECK(broker.session.broker_epoch() == std::nullopt);
  const std::int64_t started_ms = zookeeper.loop.now_ms();
  co_await broker.session.close();
  CHECK(zookeeper.loop.now_ms() - started_ms < 4'000);
  const auto still = co_await rival->exists(paths::broker_id(1));
  CHECK((still.has_value() && still->has_value()));
  co_await rival->close();
}

// BARNABAS_TEST_ZOOKEEPER_PID: the process of a single server, which this test freezes for a while.
ZOOKEEPER_TEST("a frozen ZooKeeper does not hold the stop") {
  const char* pid = std::getenv("BARNABAS_TEST_ZOOKEEPER_PID");
  if (pid == nullptr) co_return;
  const TemporaryDirectory directory;
  TestBroker broker(zookeeper, directory.path());
  base::Result<void> registered;
  co_await register_at(broker, broker_at(1, "h1"), registered);
  Recorder recorder(zookeeper.loop);
  broker.session.add_listener(recorder);
  co_await broker.session.start_listeners();
  ::kill(std::atoi(pid), SIGSTOP);
  // Long enough for the client to have noticed and to look for another server.
  co_await runtime::sleep_ms(zookeeper.loop, 3'000);
  const std::int64_t started_ms = zookeeper.loop.now_ms();
  co_await broker.session.close();
  CHECK(zookeeper.loop.now_ms() - started_ms < 5'000);
  ::kill(std::atoi(pid), SIGCONT);
  // The session may live on, so what is needed to take it over must stay.
  CHECK(broker.files->exists(directory.path() + "/" + std::string(kSessionFileName)));
}

TEST_CASE("no ZooKeeper: one line, within the timeout") {
  ZooKeeperFixture zookeeper;
  const TemporaryDirectory directory;
  auto files = runtime::make_posix_file_system();
  auto disk = runtime::make_worker_pool("disk", 1, 16);
  ZkSessionOptions options;
  options.zookeeper.connect = "127.0.0.1:1";
  options.zookeeper.connection_timeout_ms = 500;
  options.log_directories = {directory.path()};
  ZkSession session(zookeeper.loop, *zookeeper.resolver, *disk, *files, options);
  const auto body = [](ZkSession& target) -> runtime::Task<void> {
    const auto connected = co_await target.connect();
    REQUIRE(!connected.has_value());
    CHECK(connected.error().to_string().find("cannot reach ZooKeeper") != std::string::npos);
    co_await target.close();
  };
  runtime::block_on(zookeeper.loop, body(session));
}

}  // namespace
}  // namespace cluster
