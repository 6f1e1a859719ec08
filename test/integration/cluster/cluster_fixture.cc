#include "test/integration/cluster/cluster_fixture.h"

#include "broker/cluster/session_store.h"
#include "broker/cluster/znode_paths.h"

namespace cluster {

runtime::Task<void> expire(ZooKeeperFixture& zookeeper, zkclient::SessionCredentials credentials) {
  auto options = zookeeper.options();
  options.reattach = std::move(credentials);
  auto thief = zookeeper.make_client(std::move(options));
  const auto taken = co_await thief->connect(10'000);
  CHECK(taken.has_value());
  CHECK(co_await thief->close());
}

runtime::Task<void> leave_registration(ZooKeeperFixture& zookeeper, BrokerInfo broker,
                                       std::string directory) {
  auto options = zookeeper.options();
  options.session_timeout_ms = 3'000;
  auto client = co_await zkclient::connected(zookeeper, std::move(options));
  co_await zkclient::ensure_path(*client, std::string(paths::kBrokerIds), zkclient::open_acl);
  const auto made = co_await client->create(
      paths::broker_id(broker.id), encode_broker_info(broker, config::kLatestInterBrokerProtocol),
      zkclient::CreateMode::ephemeral, zkclient::open_acl_unsafe());
  CHECK(made.has_value());
  if (!directory.empty()) {
    const auto files = runtime::make_posix_file_system();
    StoredSession stored;
    stored.session_id = client->credentials().id;
    stored.password = client->credentials().password;
    stored.boot_id = read_boot_id(*files);
    stored.endpoints = endpoints_text(broker);
    stored.timeout_ms = client->negotiated_timeout_ms();
    stored.sequence = 5;
    CHECK(save_stored_session(*files, {directory}, stored).has_value());
  }
  co_await client->abandon();
}

}  // namespace cluster
