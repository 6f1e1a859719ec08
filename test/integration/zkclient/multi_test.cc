// Goal: a multi is all or nothing, and its answer names what failed.
#include "test/integration/zkclient/zookeeper_fixture.h"

namespace zkclient {
namespace {

ZOOKEEPER_TEST("a multi that succeeds") {
  auto client = co_await connected(zookeeper);
  std::vector<Op> ops;
  ops.push_back(Op::create("/m", std::nullopt, CreateMode::ephemeral, open_acl_unsafe()));
  ops.push_back(Op::set("/m", "data", ZkVersion(0)));
  ops.push_back(Op::check("/m", ZkVersion(1)));
  ops.push_back(Op::create("/s", "", CreateMode::persistent_sequential, open_acl_unsafe()));
  ops.push_back(Op::create("/t", "", CreateMode::persistent, open_acl_unsafe()));
  ops.push_back(Op::remove("/t"));
  const auto multi = co_await client->multi(ops);
  REQUIRE(multi.has_value());
  REQUIRE(multi->ok());
  REQUIRE(multi->results.size() == 6);
  CHECK(multi->results[0].path == "/m");
  CHECK(multi->results[1].stat.version == ZkVersion(1));
  CHECK(multi->results[1].stat.ephemeral_owner == client->session_id());
  CHECK(multi->results[3].path.starts_with("/s0000"));
  const auto removed = co_await client->exists("/t");
  CHECK((removed.has_value() && !removed->has_value()));
  co_await client->close();
}

ZOOKEEPER_TEST("a multi that fails leaves nothing behind") {
  auto client = co_await connected(zookeeper);
  co_await client->create("/epoch", "1", CreateMode::persistent, open_acl_unsafe());
  std::vector<Op> ops;
  ops.push_back(Op::create("/a", "", CreateMode::persistent, open_acl_unsafe()));
  ops.push_back(Op::check("/epoch", ZkVersion(5)));
  ops.push_back(Op::create("/b", "", CreateMode::persistent, open_acl_unsafe()));
  const auto multi = co_await client->multi(ops);
  REQUIRE(multi.has_value());
  CHECK(!multi->ok());
  REQUIRE(multi->results.size() == 3);
  CHECK(multi->first_error()->index == 1);
  CHECK(multi->first_error()->error == ZkError::bad_version);
  CHECK(multi->results[0].error == ZkError::ok);
  CHECK(multi->results[2].error == ZkError::runtime_inconsistency);
  const auto made = co_await client->exists("/a");
  CHECK((made.has_value() && !made->has_value()));
  co_await client->close();
}

ZOOKEEPER_TEST("the first failing operation is named also when it is a create or a remove") {
  auto client = co_await connected(zookeeper);
  const auto create = co_await client->multi(
      {Op::create("/x/y", "", CreateMode::persistent, open_acl_unsafe()), Op::remove("/none")});
  REQUIRE(create.has_value());
  CHECK(create->first_error()->index == 0);
  CHECK(create->first_error()->error == ZkError::no_node);
  const auto remove = co_await client->multi({Op::remove("/none")});
  REQUIRE(remove.has_value());
  CHECK(remove->first_error()->error == ZkError::no_node);
  co_await client->close();
}

}  // namespace
}  // namespace zkclient
