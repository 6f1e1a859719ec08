// Goal: requests are pipelined in the order of the calls; 10,000 znodes go through both ways of
// writing many, and come back.
#include "base/log.h"
#include "test/integration/zkclient/zookeeper_fixture.h"

namespace zkclient {
namespace {

constexpr std::size_t kZnodes = 10'000;

std::string path_of(const char* parent, std::size_t index) {
  return std::string(parent) + "/" + std::to_string(index);
}

std::vector<std::string> all_paths(const char* parent) {
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < kZnodes; ++i) paths.push_back(path_of(parent, i));
  return paths;
}

std::string data_of(std::size_t index) { return "data of " + std::to_string(index); }

runtime::Task<void> check_all(Client& client, const char* parent) {
  const auto names = co_await client.children(parent);
  REQUIRE(names.has_value());
  CHECK(names->size() == kZnodes);
  const auto all = co_await client.get_many(all_paths(parent));
  REQUIRE(all.size() == kZnodes);
  std::size_t right = 0;
  for (std::size_t i = 0; i < kZnodes; ++i) {
    if (all[i] && all[i]->data == data_of(i)) ++right;
  }
  CHECK(right == kZnodes);
}

ZOOKEEPER_TEST("calls made without waiting are answered in order") {
  auto client = co_await connected(zookeeper);
  auto create = client->create("/a", "1", CreateMode::persistent, open_acl_unsafe());
  auto set = client->set("/a", "2", ZkVersion(0));
  auto get = client->get("/a");
  auto remove = client->remove("/a", ZkVersion(1));
  auto exists = client->exists("/a");
  // Awaited backwards: the order of awaiting does not matter.
  const auto found = co_await exists;
  CHECK((found.has_value() && !found->has_value()));
  CHECK((co_await remove).has_value());
  const auto got = co_await get;
  REQUIRE(got.has_value());
  CHECK(got->data == "2");
  CHECK((co_await set).has_value());
  CHECK((co_await create).has_value());
  co_await client->close();
}

ZOOKEEPER_TEST("10,000 znodes by pipeline") {
  auto client = co_await connected(zookeeper);
  co_await client->create("/p", "", CreateMode::persistent, open_acl_unsafe());
  std::vector<Client::NewNode> nodes;
  for (std::size_t i = 0; i < kZnodes; ++i) {
    nodes.push_back({path_of("/p", i), data_of(i), CreateMode::persistent, open_acl_unsafe()});
  }
  const std::int64_t started_ms = zookeeper.loop.now_ms();
  const auto made = co_await client->create_many(std::move(nodes));
  MESSAGE("created by pipeline in ms: ", zookeeper.loop.now_ms() - started_ms);
  std::size_t created = 0;
  for (const auto& one : made) created += one.has_value() ? 1 : 0;
  CHECK(created == kZnodes);
  co_await check_all(*client, "/p");

  const auto removed = co_await client->remove_many(all_paths("/p"));
  std::size_t gone = 0;
  for (const auto& one : removed) gone += one.has_value() ? 1 : 0;
  CHECK(gone == kZnodes);
  co_await client->close();
}

ZOOKEEPER_TEST("10,000 znodes by multi") {
  auto client = co_await connected(zookeeper);
  co_await client->create("/m", "", CreateMode::persistent, open_acl_unsafe());
  const std::int64_t started_ms = zookeeper.loop.now_ms();
  std::vector<Client::Reply<MultiResult>> multis;
  for (std::size_t i = 0; i < kZnodes;) {
    std::vector<Op> ops;
    for (; ops.size() < 500 && i < kZnodes; ++i) {
      ops.push_back(
          Op::create(path_of("/m", i), data_of(i), CreateMode::persistent, open_acl_unsafe()));
    }
    multis.push_back(client->multi(std::move(ops)));
  }
  for (auto& multi : multis) {
    const auto result = co_await multi;
    REQUIRE(result.has_value());
    CHECK(result->ok());
  }
  MESSAGE("created by multi in ms: ", zookeeper.loop.now_ms() - started_ms);
  co_await check_all(*client, "/m");
  co_await client->close();
}

}  // namespace
}  // namespace zkclient
