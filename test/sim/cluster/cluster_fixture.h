// Purpose: a broker's ZooKeeper side in a simulated world: session, disk, model server.
#pragma once

#include <memory>
#include <string>

#include "broker/cluster/topic_admin.h"
#include "broker/cluster/zk_session.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/controller_info.h"
#include "protocol/gen/update_metadata.h"
#include "runtime/sim/sim_file_system.h"
#include "test/sim/zkclient/sim_fixture.h"

namespace cluster {

// What a session tells, in order.
struct Recorder final : SessionListener {
  runtime::Task<void> on_session(zkclient::Client& client, bool first) override {
    events += first ? "first " : "again ";
    // As a real listener: reads, which fail if the session ends meanwhile.
    co_await client.children(std::string(paths::kTopics), true);
  }
  void on_expired() override { events += "expired "; }
  void on_watch(const zkclient::WatchEvent& event) override { watched = event.path; }
  std::string events;
  std::string watched;
};

inline BrokerInfo broker_at(std::int32_t id, const std::string& host) {
  BrokerInfo broker;
  broker.id = id;
  broker.endpoints = {{"PLAINTEXT", config::SecurityProtocol::plaintext, host, 9092}};
  return broker;
}

struct ClusterFixture : zkclient::SimFixture {
  explicit ClusterFixture(std::uint64_t seed = 1) : SimFixture(1, seed) {
    VERIFY(files.create_directories("/data/a").has_value());
    for (const char* path :
         {"/brokers", "/brokers/ids", "/brokers/topics", "/config", "/config/topics",
          "/config/brokers", "/config/changes", "/admin", "/admin/delete_topics"}) {
      write(path, std::nullopt);
    }
    write("/controller", encode_controller_info({1, 17, -1}));
    protocol::UpdateMetadataRequest request;
    for (const std::int32_t id : {1, 2, 3}) request.live_brokers.emplace_back().id = id;
    metadata.apply(request);
  }

  // Into the tree, past all sessions.
  void write(const std::string& path, zkclient::Data data) {
    const auto results = ensemble.tree().apply(
        {zkclient::Op::create(path, std::move(data), zkclient::CreateMode::persistent,
                              zkclient::open_acl_unsafe())},
        {0, world.clock().wall_ms()});
    VERIFY(results[0].error == zkclient::ZkError::ok);
  }
  std::string data_of(const std::string& path) {
    const auto* znode = ensemble.tree().find(path);
    return znode == nullptr ? "(none)" : znode->data.value_or("(null)");
  }
  std::unique_ptr<ZkSession> make_session() {
    ZkSessionOptions session;
    session.zookeeper.connect = options().connect_string;
    session.zookeeper.session_timeout_ms = 6'000;
    session.log_directories = {"/data/a"};
    return std::make_unique<ZkSession>(loop, resolver, disk, files, std::move(session));
  }
  // Connected and registered as broker 1, with its listeners running.
  std::unique_ptr<ZkSession> started(SessionListener& listener) {
    auto session = make_session();
    REQUIRE(run(session->connect()).has_value());
    REQUIRE(run(session->register_broker(broker_at(1, "h1"))).has_value());
    session->add_listener(listener);
    run(session->start_listeners());
    return session;
  }

  runtime::SimFileSystem files{world.clock()};
  runtime::SimWorkerPool disk{world};
  MetadataCache metadata;
};

}  // namespace cluster
