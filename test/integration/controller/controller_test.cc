// Goal: the controller on real znodes: a topic's life, the writes of many partitions, failover.
// Method: one process with a session, a controller and a fake broker that answers it.
#include <chrono>
#include <functional>

#include "broker/cluster/startup.h"
#include "broker/cluster/znode_paths.h"
#include "broker/controller/controller.h"
#include "broker/controller/controller_error.h"
#include "test/integration/cluster/cluster_fixture.h"
#include "test/sim/controller/fake_broker.h"

namespace controller {
namespace {

using cluster::TestBroker;
using zkclient::Client;
using zkclient::Op;
using zkclient::ZkError;
using zkclient::ZooKeeperFixture;
namespace paths = cluster::paths;

zkclient::Op create_op(std::string path, zkclient::Data data) {
  return Op::create(std::move(path), std::move(data), zkclient::CreateMode::persistent,
                    zkclient::open_acl_unsafe());
}

struct ControllerBroker {
  ControllerBroker(ZooKeeperFixture& zookeeper, std::string directory)
      : broker(zookeeper, std::move(directory), 6'000),
        fake(zookeeper.loop, "127.0.0.1", 0),
        controller(zookeeper.loop, *zookeeper.resolver, settings()) {}

  static Settings settings() {
    Settings settings;
    settings.broker_id = 1;
    settings.inter_broker_listener = "PLAINTEXT";
    return settings;
  }
  runtime::Task<void> start(runtime::Random& random) {
    CHECK((co_await broker.session.connect()).has_value());
    config::IdentityConfig identity;
    identity.broker_id = 1;
    const auto prepared =
        co_await cluster::prepare_cluster(*broker.session.client(), random, identity, {});
    CHECK(prepared.has_value());
    cluster::BrokerInfo info = cluster::broker_at(1, "127.0.0.1");
    info.endpoints[0].port = fake.port();
    CHECK((co_await broker.session.register_broker(info)).has_value());
    broker.session.add_listener(controller);
    co_await broker.session.start_listeners();
  }
  runtime::Task<void> stop() {
    controller.stop();
    co_await broker.session.close();
    co_await controller.close();
    co_await fake.stop();
  }

  TestBroker broker;
  controller_sim::FakeBroker fake;
  Controller controller;
};

runtime::Task<bool> eventually(runtime::Loop& loop, std::function<bool()> done) {
  for (int i = 0; i < 6'000 && !done(); ++i) (void)co_await runtime::sleep_ms(loop, 10);
  co_return done();
}

std::string assignment_json(int partitions) {
  cluster::TopicAssignment assignment;
  for (int i = 0; i < partitions; ++i) assignment.partitions[i] = {{1}, {}, {}};
  return cluster::encode_topic_assignment(assignment);
}

ZOOKEEPER_TEST("a topic's life, and another term") {
  TemporaryDirectory directory;
  ControllerBroker one(zookeeper, directory.path());
  co_await one.start(zookeeper.loop.random());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.controller_epoch == 1; }));
  auto client = co_await connected(zookeeper);
  CHECK((co_await client->create(paths::topic("t"), assignment_json(3),
                                 zkclient::CreateMode::persistent, zkclient::open_acl_unsafe()))
            .has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.metadata.size() == 3; }));
  const auto node = co_await client->get(paths::partition_state("t", 2));
  CHECK(node.has_value());
  CHECK(node->data ==
        R"({"controller_epoch":1,"leader":1,"version":1,"leader_epoch":0,"isr":[1]})");
  const auto topic = co_await client->get(paths::topic("t"));
  CHECK(cluster::decode_topic_assignment(topic->data.value_or(""))->topic_id.has_value());

  CHECK((co_await client->remove(std::string(paths::kController))).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.controller_epoch == 2; }));

  CHECK((co_await client->create(paths::delete_topic("t"), std::nullopt,
                                 zkclient::CreateMode::persistent, zkclient::open_acl_unsafe()))
            .has_value());
  CHECK(co_await eventually(zookeeper.loop,
                            [&] { return one.fake.hosted.empty() && one.fake.metadata.empty(); }));
  for (int i = 0; i < 1'000; ++i) {
    const auto marker = co_await client->exists(paths::delete_topic("t"));
    if (marker && !*marker) break;
    (void)co_await runtime::sleep_ms(zookeeper.loop, 10);
  }
  CHECK(!(co_await client->exists(paths::topic("t")))->has_value());
  CHECK(one.fake.faults == 0);
  (void)co_await client->close();
  co_await one.stop();
}

ZOOKEEPER_TEST("topics that are closed to the controller cost nothing but themselves") {
  if (zookeeper.is_model()) co_return;  // enforces no ACLs
  const zkclient::AclList closed{{zkclient::kPermAdmin, "world", "anyone"}};
  const auto open = zkclient::open_acl_unsafe();
  TemporaryDirectory directory;
  ControllerBroker one(zookeeper, directory.path());
  co_await one.start(zookeeper.loop.random());
  auto client = co_await connected(zookeeper);
  const auto make = [&client](std::string name, zkclient::AclList acl) {
    return client->create(paths::topic(name), assignment_json(1), zkclient::CreateMode::persistent,
                          std::move(acl));
  };
  const auto is_served = [&](const char* name) { return one.fake.metadata.contains({name, 0}); };
  const auto mark = [&client](std::string name) {
    return client->create(paths::delete_topic(name), std::nullopt, zkclient::CreateMode::persistent,
                          zkclient::open_acl_unsafe());
  };
  // Not to be read; to be read but not written, where an id has to be written; not to be listed.
  CHECK((co_await make("unread", closed)).has_value());
  CHECK((co_await make("unwritten", {{zkclient::kPermRead, "world", "anyone"}})).has_value());
  CHECK((co_await make("stuck", open)).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return is_served("stuck"); }));
  CHECK((co_await client->set_acl(paths::partitions("stuck"), closed)).has_value());
  CHECK((co_await mark("stuck")).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.hosted.empty(); }));
  CHECK((co_await make("open", open)).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return is_served("open"); }));
  CHECK(!is_served("unread"));
  CHECK(!is_served("unwritten"));
  CHECK(*(co_await client->exists(paths::delete_topic("stuck"))));
  // Another term meets all of it at its start.
  CHECK((co_await client->remove(std::string(paths::kController))).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.controller_epoch == 2; }));
  CHECK((co_await make("after", open)).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return is_served("after"); }));
  // Mended and written: looked at again at once, not only with the others once a minute. (Of the
  // ACL alone nothing tells.)
  const auto mended = std::chrono::steady_clock::now();
  CHECK((co_await client->set_acl(paths::topic("unread"), open)).has_value());
  CHECK((co_await client->set(paths::topic("unread"), assignment_json(1))).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return is_served("unread"); }));
  CHECK(std::chrono::steady_clock::now() - mended < std::chrono::seconds(30));
  CHECK(one.fake.controller_epoch == 2);
  CHECK(one.controller.is_active());
  CHECK(one.fake.faults == 0);
  // So that the chroot can be removed.
  CHECK((co_await client->set_acl(paths::partitions("stuck"), open)).has_value());
  (void)co_await client->close();
  co_await one.stop();
}

ZOOKEEPER_TEST("fenced writes: each has its own outcome, and none after another election") {
  SessionSlot slot;
  auto client = co_await connected(zookeeper);
  slot.attach(*client);
  FencedWriter writer(slot);
  std::vector<Op> ops;
  ops.push_back(create_op(std::string(paths::kControllerEpoch), "1"));
  ops.push_back(create_op("/a", "old"));
  CHECK((co_await client->multi(ops))->ok());
  ops.clear();
  // More than one multi; the middle one fails as a whole first.
  for (int i = 0; i < 1'200; ++i) ops.push_back(create_op("/n" + std::to_string(i), "x"));
  ops[700] = create_op("/a", "new");
  ops.push_back(Op::set("/a", "newer", base::ZkVersion(0)));
  ops.push_back(Op::set("/a", "lost", base::ZkVersion(7)));
  ops.push_back(Op::remove("/nowhere"));
  const auto outcomes = co_await writer.write(ops);
  CHECK(outcomes.has_value());
  CHECK((*outcomes)[0].error == ZkError::ok);
  CHECK((*outcomes)[699].error == ZkError::ok);
  CHECK((*outcomes)[700].error == ZkError::node_exists);
  CHECK((*outcomes)[701].error == ZkError::ok);
  CHECK((*outcomes)[1'200].error == ZkError::ok);
  CHECK((*outcomes)[1'200].stat.version == base::ZkVersion(1));
  CHECK((*outcomes)[1'201].error == ZkError::bad_version);
  CHECK((*outcomes)[1'202].error == ZkError::no_node);

  CHECK((co_await client->set(std::string(paths::kControllerEpoch), "2")).has_value());
  std::vector<Op> late;
  late.push_back(create_op("/late", "x"));
  const auto fenced = co_await writer.write(late);
  CHECK(!fenced.has_value());
  CHECK(fenced.error().is(ControllerErrc::moved));
  CHECK(!(co_await client->exists("/late"))->has_value());
  slot.detach();
  (void)co_await client->close();
}

ZOOKEEPER_TEST("ten thousand partitions") {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto ms_since = [&](auto begin) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(now() - begin).count();
  };
  TemporaryDirectory directory;
  ControllerBroker one(zookeeper, directory.path());
  co_await one.start(zookeeper.loop.random());
  auto client = co_await connected(zookeeper);
  auto begin = now();
  std::vector<Op> ops;
  for (int i = 0; i < 100; ++i) {
    ops.push_back(create_op(paths::topic("topic-" + std::to_string(i)), assignment_json(100)));
  }
  CHECK((co_await client->multi(ops))->ok());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.metadata.size() == 10'000; }));
  MESSAGE("created in ms: " << ms_since(begin));
  begin = now();
  CHECK((co_await client->remove(std::string(paths::kController))).has_value());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.controller_epoch == 2; }));
  MESSAGE("failover in ms: " << ms_since(begin));
  begin = now();
  ops.clear();
  for (int i = 0; i < 100; ++i) {
    ops.push_back(create_op(paths::delete_topic("topic-" + std::to_string(i)), std::nullopt));
  }
  CHECK((co_await client->multi(ops))->ok());
  CHECK(co_await eventually(zookeeper.loop, [&] { return one.fake.hosted.empty(); }));
  for (int i = 0; i < 6'000; ++i) {
    const auto markers = co_await client->children(std::string(paths::kDeleteTopics));
    if (markers && markers->empty()) break;
    (void)co_await runtime::sleep_ms(zookeeper.loop, 10);
  }
  MESSAGE("deleted in ms: " << ms_since(begin));
  CHECK((co_await client->children(std::string(paths::kTopics)))->empty());
  CHECK(one.fake.faults == 0);
  (void)co_await client->close();
  co_await one.stop();
}

}  // namespace
}  // namespace controller
