#include "test/integration/zkclient/zookeeper_fixture.h"

#include <cstdlib>

namespace zkclient {

runtime::Task<void> ZooKeeperFixture::with_chroot(Test test) {
  const auto made = co_await ensure_chroot(loop, *resolver, options(), open_acl, 10'000);
  CHECK_MESSAGE(made.has_value(), (made ? "" : made.error().to_string()));
  if (made) co_await test(*this);
}

runtime::Task<void> ZooKeeperFixture::run_on_servers(Test test) {
  if (const char* real = std::getenv("BARNABAS_TEST_ZOOKEEPER")) {
    servers = real;
    co_await with_chroot(test);
    co_return;
  }
  model_ensemble_ = std::make_unique<zookeeper_model::Ensemble>(loop);
  model_server_ = std::make_unique<zookeeper_model::Server>(
      *model_ensemble_, *runtime::SocketAddress::from_ip("127.0.0.1", 0));
  servers = model_server_->address();
  co_await with_chroot(test);
  co_await model_server_->stop();
  co_await model_ensemble_->stop();
}

ClientOptions ZooKeeperFixture::options() const {
  ClientOptions options;
  options.connect_string = servers + chroot;
  options.session_timeout_ms = 6'000;
  return options;
}

void ZooKeeperFixture::run(Test test) { runtime::block_on(loop, run_on_servers(test)); }

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
