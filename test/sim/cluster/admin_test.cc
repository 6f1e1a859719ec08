// Goal: administrative writes are done once, or not at all, however the connection breaks; config
// notifications are heard and swept.
#include "broker/cluster/config_store.h"
#include "broker/cluster/startup.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "broker/cluster/znodes/topic_assignment.h"
#include "test/sim/cluster/cluster_fixture.h"

namespace cluster {
namespace {

using protocol::ErrorCode;

struct AdminFixture : ClusterFixture {
  explicit AdminFixture(std::uint64_t seed = 1) : ClusterFixture(seed) {
    session = started(recorder);
    admin = std::make_unique<TopicAdmin>(*session, metadata,
                                         std::make_shared<const config::ServerConfig>());
  }
  ~AdminFixture() { run(session->close()); }

  Recorder recorder;
  std::unique_ptr<ZkSession> session;
  std::unique_ptr<TopicAdmin> admin;
};

TEST_CASE("the reply to a write is lost: the outcome is still the right one") {
  AdminFixture fixture;
  TopicAdmin& admin = *fixture.admin;
  auto& lost = fixture.server(0).writes_until_lost_reply;

  lost = 1;
  const auto created = fixture.run(admin.create_topic({.name = "t", .partitions = 2}));
  REQUIRE(created.ok());
  const auto node = decode_topic_assignment(fixture.data_of("/brokers/topics/t"));
  REQUIRE(node.has_value());
  CHECK(node->topic_id == created.topic_id);
  CHECK(fixture.run(admin.create_topic({.name = "t"})).error == ErrorCode::kTopicAlreadyExists);

  lost = 1;
  CHECK(fixture.run(admin.add_partitions({.name = "t", .count = 5})).ok());
  CHECK(decode_topic_assignment(fixture.data_of("/brokers/topics/t"))->partitions.size() == 5);

  lost = 1;
  CHECK(fixture.run(admin.set_topic_config("t", {{"retention.ms", "7"}}, false)).ok());
  CHECK(fixture.data_of("/config/topics/t") == encode_config({{"retention.ms", "7"}}));

  lost = 1;
  CHECK(fixture.run(admin.delete_topic("t")).ok());
  CHECK(fixture.data_of("/admin/delete_topics/t") == "(null)");
}

TEST_CASE("a change of controller between check and write is no error") {
  AdminFixture fixture;
  runtime::TaskScope scope(fixture.loop, "create");
  TopicOutcome outcome;
  const auto create = [](TopicAdmin* admin, TopicOutcome* result) -> runtime::Task<void> {
    *result = co_await admin->create_topic({.name = "t"});
  };
  scope.spawn(create(fixture.admin.get(), &outcome));
  // At whatever step the creation is, the node changes under it.
  while (scope.task_count() > 0 && fixture.data_of("/brokers/topics/t") == "(none)") {
    fixture.ensemble.tree().apply(
        {zkclient::Op::set("/controller", encode_controller_info({2, 18, -1}))},
        {0, fixture.world.clock().wall_ms()});
    fixture.world.run_for(2);
  }
  CHECK(fixture.world.run_until([&] { return scope.task_count() == 0; }));
  // Ten changes in a row are more than anybody waits for; then the request may be tried again.
  CHECK((outcome.ok() || fixture.data_of("/brokers/topics/t") == "(none)"));
}

TEST_CASE("a KRaft controller owns the configs, so nothing is written") {
  AdminFixture fixture;
  fixture.ensemble.tree().apply(
      {zkclient::Op::set("/controller", encode_controller_info({3000, 18, 4}))},
      {0, fixture.world.clock().wall_ms()});
  CHECK(fixture.run(fixture.admin->create_topic({.name = "t"})).error ==
        ErrorCode::kStaleControllerEpoch);
  CHECK(fixture.data_of("/config/topics/t") == "(none)");
}

// Safety: what was answered with success is there, whole; what was refused is not. Liveness: with
// the faults gone the broker is registered and can create again.
TEST_CASE("random faults while topics are created") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    AdminFixture fixture(seed);
    runtime::SimRandom random(seed * 7919);
    for (int i = 0; i < 30; ++i) {
      switch (random.below(6)) {
        case 0:
          fixture.server(0).writes_until_lost_reply = static_cast<int>(1 + random.below(2));
          break;
        case 1: fixture.server(0).drop_connections(); break;
        case 2: {
          zookeeper_model::Server& server = fixture.server(0);
          server.freeze();
          fixture.world.schedule(static_cast<std::int64_t>(random.below(9'000)) * 1'000'000,
                                 [&server] { server.thaw(); });
          break;
        }
        case 3:
          if (auto* client = fixture.session->client()) {
            fixture.ensemble.expire_session(client->session_id());
          }
          break;
        default: break;
      }
      const std::string name = "t" + std::to_string(i);
      const auto outcome =
          fixture.run(fixture.admin->create_topic({.name = name, .partitions = 3}));
      const auto topic = decode_topic_assignment(fixture.data_of(paths::topic(name)));
      if (outcome.ok()) {
        REQUIRE(topic.has_value());
        CHECK(topic->topic_id == outcome.topic_id);
        CHECK(topic->partitions.size() == 3);
        CHECK(fixture.data_of(paths::topic_config(name)) == encode_config({}));
      } else {
        CHECK(outcome.error == ErrorCode::kRequestTimedOut);
        // Never half of it.
        CHECK(topic.has_value() == (fixture.data_of(paths::topic_config(name)) != "(none)"));
      }
    }
    const auto registered = [&] {
      const auto* znode = fixture.ensemble.tree().find("/brokers/ids/1");
      return znode != nullptr && fixture.session->broker_epoch() == base::BrokerEpoch(znode->czxid);
    };
    CHECK(fixture.world.run_until(registered, 120'000));
    fixture.server(0).writes_until_lost_reply.reset();
    CHECK(fixture.run(fixture.admin->create_topic({.name = "last"})).ok());
  }
}

struct TopicRecorder final : ConfigListener {
  void on_topic_config(const std::string& topic, ConfigPointer overrides) override {
    events += topic + "=" + std::to_string(overrides->size()) + " ";
  }
  void on_broker_config(ConfigPointer, ConfigPointer) override { events += "broker "; }
  std::string events;
};

TEST_CASE("notifications are handled once, in order, and deleted after 15 minutes") {
  AdminFixture fixture;
  ConfigStore store(fixture.loop, 1);
  TopicRecorder topics;
  store.add_listener(topics);
  for (const char* name : {"a", "b"}) {
    REQUIRE(fixture.run(fixture.admin->create_topic({.name = name})).ok());
  }
  REQUIRE(fixture.run(fixture.admin->set_topic_config("a", {{"retention.ms", "1"}}, false)).ok());
  REQUIRE(fixture.run(store.load(*fixture.session->client())).has_value());
  CHECK(topics.events == "a=1 ");
  fixture.run(store.on_session(*fixture.session->client(), true));
  fixture.world.run_for(100);
  CHECK(topics.events == "a=1 ");  // the notification is part of what was loaded

  // The session passes watches to its listeners; here the store is fed by hand.
  const auto changed = [&] {
    store.on_watch(
        {zkclient::WatchEvent::Type::children_changed, std::string(paths::kConfigChanges)});
    fixture.world.run_for(100);
  };
  REQUIRE(fixture.run(fixture.admin->set_topic_config("b", {{"retention.ms", "1"}}, false)).ok());
  REQUIRE(fixture.run(fixture.admin->set_topic_config("a", {}, false)).ok());
  REQUIRE(fixture.run(fixture.admin->set_broker_config(1, {{"x", "1"}})).ok());
  REQUIRE(fixture.run(fixture.admin->set_broker_config(2, {{"x", "1"}})).ok());
  fixture.write("/config/changes/config_change_9999999998", "garbage");
  fixture.write("/config/changes/unrelated", "x");
  changed();
  CHECK(topics.events == "a=1 b=1 a=0 broker ");
  changed();
  CHECK(topics.events == "a=1 b=1 a=0 broker ");
  const auto& changes = *fixture.ensemble.tree().find("/config/changes");
  CHECK(changes.children.size() == 7);

  fixture.world.run_for(15 * 60 * 1000 + 1000);
  CHECK(changes.children.size() == 7);  // only an event makes anybody look
  changed();
  CHECK(changes.children == std::set<std::string>{"unrelated"});
  fixture.run(store.close());
}

// More of them than a write is tried for other reasons: each may lose against all others.
TEST_CASE("of many changes of one config at once all survive") {
  constexpr std::size_t kWriters = 15;
  for (const bool is_new : {false, true}) {
    AdminFixture fixture;
    if (!is_new) REQUIRE(fixture.run(fixture.admin->set_broker_config(1, {{"a", "1"}})).ok());
    runtime::TaskScope scope(fixture.loop, "changes");
    std::vector<TopicOutcome> outcomes(kWriters);
    const auto change = [](TopicAdmin* admin, std::string key,
                           TopicOutcome* outcome) -> runtime::Task<void> {
      const ConfigEdit edit = [key](config::ConfigMap stored) {
        stored[key] = "2";
        return stored;
      };
      *outcome = co_await admin->edit_broker_config(1, edit, false);
    };
    config::ConfigMap wanted;
    if (!is_new) wanted["a"] = "1";
    for (std::size_t i = 0; i < kWriters; ++i) {
      const std::string key = "k" + std::to_string(i);
      wanted[key] = "2";
      scope.spawn(change(fixture.admin.get(), key, &outcomes[i]));
    }
    fixture.run(scope.join());
    for (const TopicOutcome& outcome : outcomes) CHECK(outcome.ok());
    CHECK(fixture.data_of("/config/brokers/1") == encode_config(wanted));
  }
}

TEST_CASE("one bad node or notification stops nothing else, and drops nothing that was known") {
  AdminFixture fixture;
  ConfigStore store(fixture.loop, 1);
  TopicRecorder topics;
  store.add_listener(topics);
  for (const char* name : {"a", "b"}) {
    REQUIRE(fixture.run(fixture.admin->create_topic({.name = name})).ok());
  }
  REQUIRE(fixture
              .run(fixture.admin->set_topic_config(
                  "a", {{"retention.ms", "1"}, {"segment.ms", "1"}}, false))
              .ok());
  REQUIRE(fixture.run(store.load(*fixture.session->client())).has_value());
  fixture.run(store.on_session(*fixture.session->client(), true));
  fixture.world.run_for(100);
  topics.events.clear();

  const auto put = [&](const std::string& path, const std::string& json) {
    const auto results = fixture.ensemble.tree().apply({zkclient::Op::set(path, json)}, {});
    REQUIRE(results[0].error == zkclient::ZkError::ok);
  };
  int number = 100;
  const auto notify = [&](const std::string& json) {
    fixture.write("/config/changes/config_change_" + std::to_string(++number), json);
  };
  const auto changed = [&] {
    store.on_watch(
        {zkclient::WatchEvent::Type::children_changed, std::string(paths::kConfigChanges)});
    fixture.world.run_for(100);
  };
  for (const char* path : {"topics/../x", "topics/.", "topics/a\\u0001b", "brokers/..", "topics/x/",
                           "topics//x", "/topics/x"}) {
    notify(std::string(R"({"version":2,"entity_path":")") + path + R"("})");
  }
  put("/config/topics/a", R"({"version":1,"config":{"retention.ms":5,"segment.ms":"2"}})");
  notify(R"({"version":2,"entity_path":"topics/a"})");
  changed();
  CHECK(topics.events == "a=2 ");
  CHECK(*store.topic("a") == config::ConfigMap{{"retention.ms", "1"}, {"segment.ms", "2"}});

  put("/config/topics/a", "junk");
  notify(R"({"version":2,"entity_path":"topics/a"})");
  changed();
  CHECK(store.topic("a")->size() == 2);

  // A start that finds them.
  fixture.write("/config/brokers/1", "junk");
  fixture.write("/config/brokers/<default>", R"({"version":1,"config":{"a":1,"b":"2"}})");
  const auto identity = fixture.run(
      prepare_cluster(*fixture.session->client(), fixture.loop.random(), {.broker_id = 1}, {}));
  REQUIRE(identity.has_value());
  CHECK(identity->dynamic_broker.empty());
  CHECK(identity->dynamic_default == config::ConfigMap{{"b", "2"}});
  ConfigStore again(fixture.loop, 1);
  REQUIRE(fixture.run(again.load(*fixture.session->client())).has_value());
  CHECK(again.topic("a")->empty());
  CHECK(*again.default_broker() == config::ConfigMap{{"b", "2"}});
  fixture.run(again.close());

  // And an alter writes it anew.
  REQUIRE(fixture.run(fixture.admin->set_topic_config("a", {{"segment.ms", "9"}}, false)).ok());
  notify(R"({"version":2,"entity_path":"topics/a"})");
  changed();
  CHECK(*store.topic("a") == config::ConfigMap{{"segment.ms", "9"}});
  fixture.run(store.close());
}

TEST_CASE("ACLs are found wherever Kafka keeps them") {
  AdminFixture fixture;
  const auto found = [&] { return fixture.run(find_acl(*fixture.session->client())).value(); };
  CHECK(!found());
  for (const char* path :
       {"/kafka-acl", "/kafka-acl/Topic", "/kafka-acl/Group", "/kafka-acl-extended",
        "/kafka-acl-extended/prefixed", "/kafka-acl-extended/prefixed/TOPIC"}) {
    fixture.write(path, "");
  }
  CHECK(!found());
  fixture.write("/kafka-acl-extended/prefixed/TOPIC/p", "{}");
  CHECK(found() == "/kafka-acl-extended/prefixed/TOPIC/p");
}

}  // namespace
}  // namespace cluster
