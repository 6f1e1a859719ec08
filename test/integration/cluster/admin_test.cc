// Goal: the znodes of start-up, topics and configs are those Kafka writes; changes reach listeners.
#include "broker/cluster/config_store.h"
#include "broker/cluster/controller_node.h"
#include "broker/cluster/startup.h"
#include "broker/cluster/topic_admin.h"
#include "broker/cluster/znode_paths.h"
#include "protocol/gen/update_metadata.h"
#include "test/integration/cluster/cluster_fixture.h"

namespace cluster {
namespace {

using protocol::ErrorCode;
using zkclient::CreateMode;

runtime::Task<std::unique_ptr<TestBroker>> started(ZooKeeperFixture& zookeeper,
                                                   std::string directory) {
  auto broker = std::make_unique<TestBroker>(zookeeper, std::move(directory), 10'000);
  const auto connected = co_await broker->session.connect();
  REQUIRE(connected.has_value());
  co_return std::move(broker);
}

runtime::Task<std::string> text_of(zkclient::Client& client, std::string path) {
  const auto node = co_await client.get(std::move(path));
  co_return node ? node->data.value_or("(null)") : node.error().to_string();
}

ZOOKEEPER_TEST("start-up: paths, cluster id, broker ids, endpoints") {
  const TemporaryDirectory directory;
  auto broker = co_await started(zookeeper, directory.path());
  auto& client = *broker->session.client();
  auto& random = zookeeper.loop.random();
  config::IdentityConfig identity;
  const auto first = co_await prepare_cluster(client, random, identity, {});
  REQUIRE_MESSAGE(first.has_value(), (first ? "" : first.error().to_string()));
  CHECK(first->broker_id == 1001);
  for (const auto path : paths::kPersistent) {
    const auto node = co_await client.get(std::string(path));
    REQUIRE(node.has_value());
    CHECK(node->data.value_or("").empty());
  }
  CHECK(co_await text_of(client, "/brokers/ids") == "(null)");
  CHECK(co_await text_of(client, "/cluster/id") ==
        R"({"version":"1","id":")" + first->cluster_id + R"("})");

  co_await client.create("/config/brokers/<default>",
                         R"({"version":1,"config":{"log.retention.ms":"5"}})",
                         CreateMode::persistent, zkclient::open_acl_unsafe());
  const auto second =
      co_await prepare_cluster(client, random, identity, {first->cluster_id, std::nullopt});
  REQUIRE(second.has_value());
  CHECK(second->broker_id == 1002);
  CHECK(second->cluster_id == first->cluster_id);
  CHECK(second->dynamic_default == config::ConfigMap{{"log.retention.ms", "5"}});
  CHECK(second->dynamic_broker.empty());
  const auto other = co_await prepare_cluster(client, random, identity, {"other", 1});
  CHECK(!other.has_value());
  identity.broker_id = 2;
  const auto mismatch = co_await prepare_cluster(client, random, identity, {std::nullopt, 1});
  CHECK(!mismatch.has_value());

  co_await leave_registration(zookeeper, broker_at(7, "h7"), "");
  CHECK((co_await check_endpoints(client, broker_at(7, "h7"))).has_value());
  CHECK((co_await check_endpoints(client, broker_at(8, "h8"))).has_value());
  const auto clash = co_await check_endpoints(client, broker_at(8, "h7"));
  REQUIRE(!clash.has_value());
  CHECK(clash.error().to_string().find("broker 7") != std::string::npos);
  co_await broker->session.close();
}

// A cluster of brokers 1 to 3 with a controller, as far as administration sees it.
struct Cluster {
  explicit Cluster(TestBroker& broker)
      : config(std::make_shared<config::ServerConfig>()), admin(broker.session, metadata, config) {
    protocol::UpdateMetadataRequest request;
    for (const std::int32_t id : {1, 2, 3}) request.live_brokers.emplace_back().id = id;
    metadata.apply(request);
  }
  std::shared_ptr<config::ServerConfig> config;
  MetadataCache metadata;
  TopicAdmin admin;
};

runtime::Task<void> prepare(ZooKeeperFixture& zookeeper, TestBroker& broker) {
  auto& client = *broker.session.client();
  const auto prepared =
      co_await prepare_cluster(client, zookeeper.loop.random(), config::IdentityConfig(), {});
  REQUIRE(prepared.has_value());
  co_await client.create("/controller", encode_controller_info({1, 17, -1}), CreateMode::ephemeral,
                         zkclient::open_acl_unsafe());
}

ZOOKEEPER_TEST("topics are created, grown and marked for deletion") {
  const TemporaryDirectory directory;
  auto broker = co_await started(zookeeper, directory.path());
  co_await prepare(zookeeper, *broker);
  auto& client = *broker->session.client();
  Cluster cluster(*broker);
  TopicAdmin& admin = cluster.admin;
  NewTopic topic;
  topic.name = "a.b";
  topic.assignment = {{0, {1, 2}}, {1, {2, 3}}};
  topic.configs = {{"retention.ms", "1000"}};
  topic.validate_only = true;
  auto outcome = co_await admin.create_topic(topic);
  CHECK(outcome.ok());
  topic.validate_only = false;
  outcome = co_await admin.create_topic(topic);
  REQUIRE_MESSAGE(outcome.ok(), outcome.message);
  CHECK(outcome.partitions == 2);
  CHECK(outcome.replication_factor == 2);
  CHECK(co_await text_of(client, "/config/topics/a.b") ==
        R"({"version":1,"config":{"retention.ms":"1000"}})");
  CHECK(co_await text_of(client, "/brokers/topics/a.b") ==
        R"({"partitions":{"0":[1,2],"1":[2,3]},"topic_id":")" + outcome.topic_id.to_string() +
            R"(","adding_replicas":{},"removing_replicas":{},"version":3})");

  CHECK((co_await admin.create_topic(topic)).error == ErrorCode::kTopicAlreadyExists);
  const auto create = [&admin](NewTopic request) { return admin.create_topic(std::move(request)); };
  CHECK((co_await create({.name = "a_b"})).error == ErrorCode::kInvalidTopicException);
  CHECK((co_await create({.name = "a/b"})).error == ErrorCode::kInvalidTopicException);
  CHECK((co_await create({.name = "c", .replication_factor = 4})).error ==
        ErrorCode::kInvalidReplicationFactor);
  CHECK((co_await create({.name = "c", .partitions = 0})).error == ErrorCode::kInvalidPartitions);
  CHECK((co_await create({.name = "c", .configs = {{"nope", "1"}}})).error ==
        ErrorCode::kInvalidConfig);
  CHECK((co_await create({.name = "c", .configs = {{"retention.ms", std::nullopt}}})).error ==
        ErrorCode::kInvalidConfig);
  CHECK((co_await create({.name = "c", .partitions = 1, .assignment = {{0, {1}}}})).error ==
        ErrorCode::kInvalidRequest);
  const auto internal = co_await admin.create_topic(admin.auto_created("__consumer_offsets"));
  CHECK_MESSAGE(internal.ok(), internal.message);
  CHECK(internal.partitions == 50);

  // A config left over from a deletion that did not finish is replaced.
  co_await client.create("/config/topics/left", "old", CreateMode::persistent,
                         zkclient::open_acl_unsafe());
  CHECK((co_await create({.name = "left"})).ok());
  CHECK(co_await text_of(client, "/config/topics/left") == R"({"version":1,"config":{}})");

  auto grown = co_await admin.add_partitions({.name = "a.b", .count = 3});
  REQUIRE_MESSAGE(grown.ok(), grown.message);
  const auto node = co_await client.get("/brokers/topics/a.b");
  const auto assignment = decode_topic_assignment(*node->data);
  CHECK(assignment->partitions.size() == 3);
  CHECK(assignment->topic_id == outcome.topic_id);
  grown = co_await admin.add_partitions({.name = "none", .count = 3});
  CHECK(grown.error == ErrorCode::kUnknownTopicOrPartition);

  CHECK((co_await admin.delete_topic("none")).error == ErrorCode::kUnknownTopicOrPartition);
  CHECK((co_await admin.delete_topic("a.b")).ok());
  CHECK((co_await admin.delete_topic("a.b")).ok());
  CHECK(co_await text_of(client, "/admin/delete_topics/a.b") == "(null)");
  CHECK((co_await admin.create_topic(topic)).error == ErrorCode::kTopicAlreadyExists);
  grown = co_await admin.add_partitions({.name = "a.b", .count = 9});
  CHECK(grown.error == ErrorCode::kInvalidTopicException);

  co_await client.remove("/controller");
  CHECK((co_await create({.name = "late"})).error == ErrorCode::kStaleControllerEpoch);
  co_await broker->session.close();
  CHECK((co_await create({.name = "later"})).error == ErrorCode::kRequestTimedOut);
}

struct ConfigRecorder final : ConfigListener {
  explicit ConfigRecorder(runtime::Loop& loop) : changed(loop) {}
  void on_topic_config(const std::string& topic, ConfigPointer overrides) override {
    events += topic + "=" + encode_config(*overrides) + ";";
    changed.notify_all();
  }
  void on_broker_config(ConfigPointer default_config, ConfigPointer own_config) override {
    events += encode_config(*default_config) + encode_config(*own_config) + ";";
    changed.notify_all();
  }
  runtime::Task<std::string> next() {
    while (events.empty()) REQUIRE((co_await changed.wait(10'000)).has_value());
    co_return std::exchange(events, {});
  }
  runtime::Notify changed;
  std::string events;
};

ZOOKEEPER_TEST("config changes reach every broker's store, also after an expiry") {
  const TemporaryDirectory directory;
  auto broker = co_await started(zookeeper, directory.path());
  co_await prepare(zookeeper, *broker);
  REQUIRE((co_await broker->session.register_broker(broker_at(1, "h1"))).has_value());
  Cluster cluster(*broker);
  REQUIRE((co_await cluster.admin.create_topic({.name = "t", .configs = {{"retention.ms", "1"}}}))
              .ok());

  ConfigStore store(zookeeper.loop, 1);
  ConfigRecorder recorder(zookeeper.loop);
  store.add_listener(recorder);
  REQUIRE((co_await store.load(*broker->session.client())).has_value());
  CHECK(co_await recorder.next() == R"(t={"version":1,"config":{"retention.ms":"1"}};)");
  broker->session.add_listener(store);
  co_await broker->session.start_listeners();

  REQUIRE((co_await cluster.admin.set_topic_config("t", {{"retention.ms", "2"}}, false)).ok());
  CHECK(co_await recorder.next() == R"(t={"version":1,"config":{"retention.ms":"2"}};)");
  CHECK(store.topic("t")->at("retention.ms") == "2");
  CHECK((co_await cluster.admin.read_config("topics/t"))->at("retention.ms") == "2");
  CHECK((co_await cluster.admin.set_topic_config("t", {{"retention.ms", "x"}}, false)).error ==
        ErrorCode::kInvalidConfig);
  CHECK((co_await cluster.admin.set_topic_config("none", {}, false)).error ==
        ErrorCode::kUnknownTopicOrPartition);
  REQUIRE((co_await cluster.admin.set_broker_config(1, {{"log.cleaner.threads", "2"}})).ok());
  CHECK(co_await recorder.next() ==
        R"({"version":1,"config":{}}{"version":1,"config":{"log.cleaner.threads":"2"}};)");

  // A change of which no notification is left, while the session is away.
  co_await broker->session.client()->set("/config/topics/t", R"({"version":1,"config":{}})");
  co_await expire(zookeeper, broker->session.client()->credentials());
  CHECK(co_await recorder.next() == R"(t={"version":1,"config":{}};)");
  CHECK(store.topic("t")->empty());
  CHECK(co_await store.refresh_topics({"none"}));
  CHECK(store.topic("none")->empty());

  co_await broker->session.close();
  co_await store.close();
}

}  // namespace
}  // namespace cluster
