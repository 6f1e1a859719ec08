// Goal: each kind of watch fires once, with the path as the caller knows it, and in the order of
// replies and events on the wire.
#include "test/integration/zkclient/zookeeper_fixture.h"

namespace zkclient {
namespace {

// The events a client got, and waiting for them.
struct Events {
  explicit Events(runtime::Loop& loop) : arrived(loop) {}
  std::vector<WatchEvent> seen;
  runtime::Notify arrived;

  void attach(Client& client) {
    client.set_watch_handler([this](const WatchEvent& event) {
      seen.push_back(event);
      arrived.notify_all();
    });
  }
  runtime::Task<bool> wait_for(std::size_t count) {
    while (seen.size() < count) {
      const auto woken = co_await arrived.wait(5'000);
      if (!woken) co_return false;
    }
    co_return true;
  }
};

using Type = WatchEvent::Type;

ZOOKEEPER_TEST("data, exist and child watches fire once") {
  auto client = co_await connected(zookeeper);
  auto other = co_await connected(zookeeper);
  Events events(zookeeper.loop);
  events.attach(*client);

  co_await client->exists("/w", true);
  co_await other->create("/w", "1", CreateMode::persistent, open_acl_unsafe());
  REQUIRE(co_await events.wait_for(1));
  CHECK(events.seen[0] == WatchEvent{Type::created, "/w"});

  co_await client->get("/w", true);
  co_await other->set("/w", "2");
  co_await other->set("/w", "3");
  REQUIRE(co_await events.wait_for(2));
  CHECK(events.seen[1] == WatchEvent{Type::data_changed, "/w"});

  co_await client->children("/", true);
  co_await other->create("/v", "", CreateMode::persistent, open_acl_unsafe());
  REQUIRE(co_await events.wait_for(3));
  CHECK(events.seen[2] == WatchEvent{Type::children_changed, "/"});

  co_await client->get("/w", true);
  co_await client->children("/w", true);
  co_await other->remove("/w");
  REQUIRE(co_await events.wait_for(4));
  CHECK(events.seen[3] == WatchEvent{Type::deleted, "/w"});

  co_await client->sync("/");
  CHECK(events.seen.size() == 4);
  co_await client->close();
  co_await other->close();
}

// A caller that was answered before an event must see its answer first, or a stale value overwrites
// the news. Both may arrive in one read.
ZOOKEEPER_TEST("a reply is seen before the event behind it") {
  auto client = co_await connected(zookeeper);
  co_await client->create("/w", "0", CreateMode::persistent, open_acl_unsafe());
  Events events(zookeeper.loop);
  events.attach(*client);
  for (std::size_t round = 1; round <= 50; ++round) {
    auto get = client->get("/w", true);
    auto set = client->set("/w", std::to_string(round));  // fires the watch of the get before it
    const auto got = co_await get;
    REQUIRE(got.has_value());
    CHECK(events.seen.size() == round - 1);
    CHECK((co_await set).has_value());
    REQUIRE(co_await events.wait_for(round));
  }
  co_await client->close();
}

}  // namespace
}  // namespace zkclient
