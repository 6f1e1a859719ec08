// Goal: what a session does when servers are silent, gone, behind, or talk nonsense. Virtual time,
// so that timeouts are exact and cost nothing.
#include "test/sim/zkclient/sim_fixture.h"

namespace zkclient {
namespace {

using base::Errc;

TEST_CASE("a server that never answers the connect request costs one second") {
  SimFixture zookeeper(2);
  zookeeper.server(0).freeze();
  for (int i = 0; i < 4; ++i) {
    auto client = zookeeper.make_client();
    const std::int64_t started_ms = zookeeper.loop.now_ms();
    CHECK(zookeeper.connect(*client));
    CHECK(zookeeper.loop.now_ms() - started_ms < 1'100);
    CHECK(client->server() == "10.0.0.1:2182");
    CHECK(zookeeper.run(client->close()));
  }
  CHECK(!zookeeper.server(0).connects.empty());
}

TEST_CASE("no server at all: connect gives up in time, and may be tried again") {
  SimFixture zookeeper(1);
  zookeeper.server(0).freeze();
  auto client = zookeeper.make_client();
  const std::int64_t started_ms = zookeeper.loop.now_ms();
  const auto result = zookeeper.run(client->connect(5'000));
  REQUIRE(!result.has_value());
  CHECK(result.error().is(Errc::timed_out));
  CHECK(zookeeper.loop.now_ms() - started_ms == 5'000);
  zookeeper.server(0).thaw();
  CHECK(zookeeper.connect(*client));
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("a silent server is left after 2/3 of the session timeout, and the session lives on") {
  SimFixture zookeeper(2);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  const std::int64_t session = client->session_id();
  const std::string first = client->server();
  zookeeper.server_of(*client).freeze();
  const std::int64_t frozen_ms = zookeeper.loop.now_ms();
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::suspended));
  CHECK(zookeeper.loop.now_ms() - frozen_ms <= 4'000);
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::connected));
  // Another 1 s at most if the frozen server is asked again first.
  CHECK(zookeeper.loop.now_ms() - frozen_ms <= 5'200);
  CHECK(client->server() != first);
  CHECK(client->session_id() == session);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("pings keep an idle session, a third of its timeout apart") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  zookeeper.world.run_for(60'000);
  CHECK(client->connected());
  std::size_t pings = 0;
  for (const auto& seen : zookeeper.server(0).seen) pings += seen.op == OpCode::ping ? 1 : 0;
  CHECK(pings >= 29);
  CHECK(pings <= 31);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("a session that expired meanwhile: told once, nothing sent, waiting requests not done") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  zookeeper.server(0).freeze();
  zookeeper.server(0).drop_connections();
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::suspended));
  auto waiting = client->create("/a", "", CreateMode::persistent, open_acl_unsafe());
  zookeeper.ensemble.expire_session(client->session_id());
  zookeeper.server(0).thaw();
  const auto unsent = zookeeper.run(std::move(waiting));
  REQUIRE(!unsent.has_value());
  CHECK(unsent.error().is(ZkError::session_expired));
  CHECK(!is_outcome_unknown(unsent.error()));
  const auto late = zookeeper.run(client->get("/"));
  CHECK(late.error().is(ZkError::session_expired));
  CHECK(zookeeper.ensemble.tree().find("/a") == nullptr);
  CHECK(zookeeper.states == std::vector<SessionState>{SessionState::connected,
                                                      SessionState::suspended,
                                                      SessionState::expired});
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("a reply lost after the write took effect: outcome unknown") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  zookeeper.server(0).writes_until_lost_reply = 1;
  const auto lost =
      zookeeper.run(client->create("/a", "", CreateMode::persistent, open_acl_unsafe()));
  REQUIRE(!lost.has_value());
  CHECK(lost.error().is(ZkError::connection_loss));
  CHECK(zookeeper.ensemble.tree().find("/a") != nullptr);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("reads in flight are asked again, in their place") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  zookeeper.server(0).freeze();
  auto get = client->get("/");
  auto names = client->children("/");
  auto create = client->create("/a", "", CreateMode::persistent, open_acl_unsafe());
  zookeeper.world.run_for(10);
  zookeeper.server(0).drop_connections();
  auto after = client->exists("/a");
  zookeeper.server(0).thaw();
  CHECK(zookeeper.run(std::move(get)).has_value());
  CHECK(zookeeper.run(std::move(names)).has_value());
  CHECK(zookeeper.run(std::move(create)).error().is(ZkError::connection_loss));
  CHECK(zookeeper.run(std::move(after)).has_value());
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("a request past its deadline: not done if unsent, outcome unknown if sent") {
  SimFixture zookeeper(1);
  ClientOptions options = zookeeper.options();
  options.session_timeout_ms = 30'000;
  options.request_timeout_ms = 2'000;
  options.max_in_flight = 1;
  auto client = zookeeper.make_client(options);
  REQUIRE(zookeeper.connect(*client));
  zookeeper.server(0).freeze();
  auto sent = client->set("/", "1");
  auto unsent = client->set("/", "2");
  CHECK(zookeeper.run(std::move(sent)).error().is(ZkError::operation_timeout));
  CHECK(zookeeper.run(std::move(unsent)).error().is(Errc::timed_out));
  zookeeper.server(0).thaw();
  // The late reply of the first finds its place; the connection is of use again.
  const auto got = zookeeper.run(client->get("/"));
  REQUIRE(got.has_value());
  CHECK(got->data == "1");
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("watches are armed again before anything else, and what was missed is told") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  auto& tree = zookeeper.ensemble.tree();
  tree.apply({Op::create("/d", "0", CreateMode::persistent, open_acl_unsafe()),
              Op::create("/kept", "0", CreateMode::persistent, open_acl_unsafe())},
             {});
  CHECK(zookeeper.run(client->get("/d", true)).has_value());
  CHECK(zookeeper.run(client->get("/kept", true)).has_value());
  CHECK(zookeeper.run(client->exists("/e", true)).has_value());
  CHECK(zookeeper.run(client->children("/", true)).has_value());

  zookeeper.server(0).freeze();
  zookeeper.server(0).drop_connections();
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::suspended));
  auto waiting = client->sync("/");
  tree.apply({Op::set("/d", "1")}, {});
  zookeeper.server(0).seen.clear();
  zookeeper.server(0).thaw();
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::connected));
  CHECK(zookeeper.events == std::vector<WatchEvent>{{WatchEvent::Type::data_changed, "/d"}});
  CHECK(zookeeper.run(std::move(waiting)).has_value());
  REQUIRE(zookeeper.server(0).seen.size() == 2);
  CHECK(zookeeper.server(0).seen[0].op == OpCode::set_watches);
  CHECK(zookeeper.server(0).connects.back().last_zxid_seen > 0);

  tree.apply(
      {Op::create("/e", "", CreateMode::persistent, open_acl_unsafe()), Op::set("/kept", "1")}, {});
  zookeeper.world.run_for(100);
  CHECK(zookeeper.events.size() == 4);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("a server that is behind hangs up; another one is found") {
  SimFixture zookeeper(2);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  auto& other = client->server().ends_with("2181") ? zookeeper.server(1) : zookeeper.server(0);
  other.behind = true;
  const std::string server = client->server();
  zookeeper.server_of(*client).drop_connections();
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::suspended));
  REQUIRE(zookeeper.wait_for_state(*client, SessionState::connected));
  CHECK(client->server() == server);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("nonsense instead of a reply drops the connection, not the session") {
  const std::vector<std::string> replies = {
      std::string("\xff\xff\xff\xff", 4),                                 // length -1
      std::string("\x7f\xff\xff\xff", 4),                                 // 2 GiB to come
      std::string("\0\0\0\0", 4),                                         // no header
      std::string("\0\0\0\2ab", 6),                                       // too short for one
      std::string("\0\0\0\x10\0\0\x12\x34\0\0\0\0\0\0\0\0\0\0\0\0", 20),  // a strange xid
  };
  for (const std::string& reply : replies) {
    SimFixture zookeeper(1);
    auto client = zookeeper.make_client();
    REQUIRE(zookeeper.connect(*client));
    const std::int64_t session = client->session_id();
    zookeeper.server(0).next_reply = reply;
    const auto write = zookeeper.run(client->set("/", "x"));
    REQUIRE(!write.has_value());
    CHECK(write.error().is(ZkError::connection_loss));
    CHECK(zookeeper.run(client->get("/")).has_value());
    CHECK(client->session_id() == session);
    CHECK(zookeeper.run(client->close()));
  }
}

// Asked again it would be as large: the read must not take one connection after the other with it.
TEST_CASE("a reply beyond the limit ends its read, and costs one connection") {
  SimFixture zookeeper(1);
  ClientOptions options = zookeeper.options();
  options.max_reply_bytes = 1'000;
  auto client = zookeeper.make_client(options);
  REQUIRE(zookeeper.connect(*client));
  zookeeper.ensemble.tree().apply({Op::set("/", std::string(2'000, 'x'))}, {});
  auto large = client->get("/");
  auto small = client->exists("/");
  const auto refused = zookeeper.run(std::move(large));
  REQUIRE(!refused.has_value());
  CHECK(refused.error().is(Errc::too_large));
  CHECK(refused.error().to_string().contains("/"));
  CHECK(refused.error().to_string().contains("1000 are allowed"));
  CHECK(zookeeper.run(std::move(small)).has_value());
  CHECK(zookeeper.server(0).connects.size() == 2);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("a list of children may be larger than other replies") {
  SimFixture zookeeper(1);
  ClientOptions options = zookeeper.options();
  options.max_reply_bytes = 1'000;
  auto client = zookeeper.make_client(options);
  REQUIRE(zookeeper.connect(*client));
  for (int i = 0; i < 200; ++i) {
    const std::string path = "/a-rather-long-name-" + std::to_string(i);
    zookeeper.ensemble.tree().apply(
        {Op::create(path, "", CreateMode::persistent, open_acl_unsafe())}, {});
  }
  CHECK(zookeeper.run(client->children("/")).value().size() >= 200);
  CHECK(zookeeper.run(client->children_with_stat("/")).value().names.size() >= 200);
  CHECK(zookeeper.server(0).connects.size() == 1);
  CHECK(zookeeper.run(client->close()));
}

TEST_CASE("random bytes instead of replies never do more than drop connections") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SimFixture zookeeper(1, seed);
    auto client = zookeeper.make_client();
    REQUIRE(zookeeper.connect(*client));
    for (int i = 0; i < 5; ++i) {
      std::string bytes(zookeeper.world.random().below(200), '\0');
      zookeeper.world.random().fill(std::as_writable_bytes(std::span(bytes)));
      // Half of them with a length that fits, so that what is behind it is looked at.
      if (i % 2 == 0 && bytes.size() >= 8) {
        base::store_be(bytes.data(), static_cast<std::int32_t>(bytes.size() - 4));
        if (i % 4 == 0) base::store_be(bytes.data() + 4, std::int32_t{-1});
      }
      zookeeper.server(0).next_reply = bytes;
      (void)zookeeper.run(client->set("/", "x"));
    }
    zookeeper.server(0).next_reply.reset();
    CHECK(zookeeper.run(client->get("/")).has_value());
    CHECK(zookeeper.run(client->close()));
  }
}

TEST_CASE("close without a server takes its time and no more, and says that it is not sure") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  zookeeper.server(0).freeze();
  auto waiting = client->set("/", "x");
  const std::int64_t started_ms = zookeeper.loop.now_ms();
  CHECK(!zookeeper.run(client->close()));
  CHECK(zookeeper.loop.now_ms() - started_ms == zookeeper.options().close_timeout_ms);
  CHECK(is_outcome_unknown(zookeeper.run(std::move(waiting)).error()));
  CHECK(client->state() == SessionState::closed);
}

TEST_CASE("abandon leaves the session to its timeout") {
  SimFixture zookeeper(1);
  auto client = zookeeper.make_client();
  REQUIRE(zookeeper.connect(*client));
  const std::int64_t session = client->session_id();
  zookeeper.run(client->abandon());
  CHECK(zookeeper.ensemble.has_session(session));
  zookeeper.world.run_for(7'000);
  CHECK(!zookeeper.ensemble.has_session(session));
}

}  // namespace
}  // namespace zkclient
