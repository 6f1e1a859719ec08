// Purpose: what tests against a real ZooKeeper share: its address, a loop, a chroot of their own.
//
// BARNABAS_TEST_ZOOKEEPER is the connect string (without chroot) of a server or ensemble that the
// tests may write to.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "runtime/uv/threads.h"
#include "runtime/workers.h"
#include "zkclient/client.h"
#include "zkclient/recursive.h"

namespace zkclient {

struct ZooKeeperFixture {
  runtime::UvLoop loop;
  std::unique_ptr<runtime::WorkerPool> resolver = runtime::make_worker_pool("resolver", 1, 16);
  std::string chroot = "/test-" + loop.random().uuid().to_string();

  static std::string servers();  // ends the test run if the variable is missing
  ClientOptions options() const;
  std::unique_ptr<Client> make_client() { return make_client(options()); }
  std::unique_ptr<Client> make_client(ClientOptions options) {
    return std::make_unique<Client>(loop, *resolver, std::move(options));
  }
  // Makes the chroot, runs the test.
  using Test = runtime::Task<void> (*)(ZooKeeperFixture&);
  void run(Test test);
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
