// Purpose: what tests of broker/cluster against a real ZooKeeper share: a broker's worker pools, a
// log directory, its session on a chroot of its own.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "broker/cluster/zk_session.h"
#include "runtime/posix/file_system.h"
#include "test/integration/zkclient/zookeeper_fixture.h"
#include "test/unit/broker/cluster/temporary_directory.h"

namespace cluster {

using zkclient::ZooKeeperFixture;

// A broker's outside, without its inside. One per broker; directories may be shared by a successor.
struct TestBroker {
  explicit TestBroker(ZooKeeperFixture& zookeeper, std::string directory,
                      std::int32_t session_timeout_ms = 2'000)
      : session(zookeeper.loop, *zookeeper.resolver, *disk, *files,
                options(zookeeper, std::move(directory), session_timeout_ms)) {}

  static ZkSessionOptions options(ZooKeeperFixture& zookeeper, std::string directory,
                                  std::int32_t session_timeout_ms) {
    ZkSessionOptions options;
    options.zookeeper.connect = zookeeper.servers + zookeeper.chroot;
    options.zookeeper.session_timeout_ms = session_timeout_ms;
    options.zookeeper.connection_timeout_ms = 10'000;
    options.log_directories = {std::move(directory)};
    return options;
  }

  std::unique_ptr<runtime::FileSystem> files = runtime::make_posix_file_system();
  std::unique_ptr<runtime::WorkerPool> disk = runtime::make_worker_pool("disk", 1, 16);
  ZkSession session;
};

inline BrokerInfo broker_at(std::int32_t id, const std::string& host) {
  BrokerInfo broker;
  broker.id = id;
  broker.endpoints = {{"PLAINTEXT", config::SecurityProtocol::plaintext, host, 9092}};
  return broker;
}

// Ends a session as ZooKeeper's expiry does, by closing it from elsewhere.
runtime::Task<void> expire(ZooKeeperFixture& zookeeper, zkclient::SessionCredentials credentials);
// A broker that was killed: its node stays, its session too. Leaves its secret in `directory`.
runtime::Task<void> leave_registration(ZooKeeperFixture& zookeeper, BrokerInfo broker,
                                       std::string directory);

}  // namespace cluster
