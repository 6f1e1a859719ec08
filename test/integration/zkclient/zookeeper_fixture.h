// Purpose: what tests against a ZooKeeper share: its address, a loop, a chroot of their own.
//
// BARNABAS_TEST_ZOOKEEPER is the connect string (without chroot) of a server or ensemble that the
// tests may write to. Without it they run against a model server of their own, which is thereby
// proved to behave as the real one.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "runtime/uv/threads.h"
#include "runtime/workers.h"
#include "test/sim/zookeeper/model_server.h"
#include "zkclient/client.h"
#include "zkclient/recursive.h"

namespace zkclient {

struct ZooKeeperFixture {
  runtime::UvLoop loop;
  std::unique_ptr<runtime::WorkerPool> resolver = runtime::make_worker_pool("resolver", 1, 16);
  std::string chroot = "/test-" + loop.random().uuid().to_string();

  std::string servers;  // connect string, once run() has begun
  // The model does not enforce ACLs.
  bool is_model() const { return model_ensemble_ != nullptr; }
  ClientOptions options() const;
  std::unique_ptr<Client> make_client() { return make_client(options()); }
  std::unique_ptr<Client> make_client(ClientOptions options) {
    return std::make_unique<Client>(loop, *resolver, std::move(options));
  }
  // Makes the chroot, runs the test.
  using Test = runtime::Task<void> (*)(ZooKeeperFixture&);
  void run(Test test);

 private:
  runtime::Task<void> run_on_servers(Test test);
  runtime::Task<void> with_chroot(Test test);

  std::unique_ptr<zookeeper_model::Ensemble> model_ensemble_;
  std::unique_ptr<zookeeper_model::Server> model_server_;
};

inline AclList open_acl(const std::string&) { return open_acl_unsafe(); }

// A connected client that sees what was done before.
runtime::Task<std::unique_ptr<Client>> connected(ZooKeeperFixture& zookeeper);
runtime::Task<std::unique_ptr<Client>> connected(ZooKeeperFixture& zookeeper,
                                                 ClientOptions options);

}  // namespace zkclient

// A test whose body is a coroutine with `zookeeper` and a connected `client`.
#define ZOOKEEPER_TEST_CONCAT_(a, b) a##b
#define ZOOKEEPER_TEST_CONCAT(a, b) ZOOKEEPER_TEST_CONCAT_(a, b)
#define ZOOKEEPER_TEST_IMPL(name, body)                         \
  static runtime::Task<void> body(ZooKeeperFixture& zookeeper); \
  TEST_CASE(name) {                                             \
    ZooKeeperFixture zookeeper;                                 \
    zookeeper.run(body);                                        \
  }                                                             \
  static runtime::Task<void> body(ZooKeeperFixture& zookeeper)
#define ZOOKEEPER_TEST(name) \
  ZOOKEEPER_TEST_IMPL(name, ZOOKEEPER_TEST_CONCAT(zookeeper_test_, __LINE__))
