#include "test/integration/zkclient/zookeeper_fixture.h"

#include <cstdlib>

namespace zkclient {
namespace {

runtime::Task<void> with_chroot(ZooKeeperFixture& zookeeper, ZooKeeperFixture::Test test) {
  const auto made = co_await ensure_chroot(zookeeper.loop, *zookeeper.resolver, zookeeper.options(),
                                           open_acl, 10'000);
  REQUIRE_MESSAGE(made.has_value(), made.error().to_string());
  co_await test(zookeeper);
}

}  // namespace

std::string ZooKeeperFixture::servers() {
  const char* servers = std::getenv("BARNABAS_TEST_ZOOKEEPER");
  REQUIRE_MESSAGE(servers != nullptr, "set BARNABAS_TEST_ZOOKEEPER to host:port[,host:port...]");
  return servers;
}

ClientOptions ZooKeeperFixture::options() const {
  ClientOptions options;
  options.connect_string = servers() + chroot;
  options.session_timeout_ms = 6'000;
  return options;
}

void ZooKeeperFixture::run(Test test) { runtime::block_on(loop, with_chroot(*this, test)); }

runtime::Task<std::unique_ptr<Client>> connected(ZooKeeperFixture& zookeeper) {
  co_return co_await connected(zookeeper, zookeeper.options());
}

runtime::Task<std::unique_ptr<Client>> connected(ZooKeeperFixture& zookeeper,
                                                 ClientOptions options) {
  auto client = zookeeper.make_client(std::move(options));
  const auto result = co_await client->connect(10'000);
  CHECK_MESSAGE(result.has_value(), (result ? "" : result.error().to_string()));
  // In a quorum, this server may be behind what was done through another one.
  CHECK((co_await client->sync("/")).has_value());
  co_return std::move(client);
}

}  // namespace zkclient
