// Goal: sessions begin, are taken over and end as client.h says.
#include "test/integration/zkclient/zookeeper_fixture.h"

namespace zkclient {
namespace {

using base::Errc;

ZOOKEEPER_TEST("a session is abandoned, reattached and closed") {
  auto first = co_await connected(zookeeper);
  const SessionCredentials credentials = first->credentials();
  CHECK(credentials.id != 0);
  CHECK(credentials.password.size() == 16);
  CHECK(first->negotiated_timeout_ms() > 0);
  CHECK(first->last_contact_ms() > 0);
  CHECK(!first->server().empty());
  co_await first->create("/e", "", CreateMode::ephemeral, open_acl_unsafe());
  co_await first->abandon();
  CHECK(first->state() == SessionState::closed);

  ClientOptions options = zookeeper.options();
  options.reattach = credentials;
  auto second = co_await connected(zookeeper, options);
  CHECK(second->session_id() == credentials.id);
  const auto ephemeral = co_await second->get("/e");
  REQUIRE(ephemeral.has_value());
  CHECK(ephemeral->stat.ephemeral_owner == credentials.id);
  CHECK(co_await second->close());

  auto third = zookeeper.make_client(options);
  const auto refused = co_await third->connect(5'000);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().is(ZkError::session_expired));
  CHECK(third->state() == SessionState::expired);
  const auto late = co_await third->get("/e");
  CHECK((!late && late.error().is(ZkError::session_expired)));
  co_await third->close();
}

ZOOKEEPER_TEST("a wrong password does not take a session") {
  auto owner = co_await connected(zookeeper);
  ClientOptions options = zookeeper.options();
  options.reattach = owner->credentials();
  options.reattach->password[3] = static_cast<char>(options.reattach->password[3] ^ 1);
  auto thief = zookeeper.make_client(options);
  const auto refused = co_await thief->connect(5'000);
  CHECK((!refused && refused.error().is(ZkError::session_expired)));
  co_await thief->close();
  CHECK((co_await owner->get("/")).has_value());
  CHECK(co_await owner->close());
}

ZOOKEEPER_TEST("two clients with one session: the later one has it, the former one comes back") {
  auto first = co_await connected(zookeeper);
  ClientOptions options = zookeeper.options();
  options.reattach = first->credentials();
  auto second = co_await connected(zookeeper, options);
  CHECK((co_await second->get("/")).has_value());
  CHECK(co_await second->close());
  // A follower may answer reads until it hears of the end.
  auto after = co_await first->get("/");
  for (int i = 0; i < 500 && after; ++i) {
    (void)co_await runtime::sleep_ms(zookeeper.loop, 10);
    after = co_await first->get("/");
  }
  CHECK((!after && after.error().is(ZkError::session_expired)));
  CHECK(first->state() == SessionState::expired);
  CHECK(co_await first->close());
}

ZOOKEEPER_TEST("requests queued at close go out first, later ones are refused") {
  auto client = co_await connected(zookeeper);
  auto create = client->create("/c", "", CreateMode::persistent, open_acl_unsafe());
  CHECK(co_await client->close());
  CHECK((co_await create).has_value());
  const auto late = co_await client->get("/c");
  CHECK((!late && late.error().is(Errc::closed)));
  CHECK(co_await client->close());
}

ZOOKEEPER_TEST("a connect string that makes no sense, and a server that is not there") {
  ClientOptions options = zookeeper.options();
  options.connect_string = "/chroot-only";
  auto bad = zookeeper.make_client(options);
  const auto refused = co_await bad->connect(1'000);
  CHECK((!refused && refused.error().is(Errc::invalid_argument)));

  options.connect_string = "127.0.0.1:1";
  auto nobody = zookeeper.make_client(options);
  auto waiting = nobody->get("/");
  const auto late = co_await nobody->connect(300);
  REQUIRE(!late.has_value());
  CHECK(late.error().is(Errc::timed_out));
  CHECK(late.error().context().find("127.0.0.1:1") != std::string::npos);
  co_await nobody->close();
  const auto unsent = co_await waiting;
  CHECK((!unsent && unsent.error().is(Errc::closed)));
}

ZOOKEEPER_TEST("a connection kept alive by pings") {
  ClientOptions options = zookeeper.options();
  options.session_timeout_ms = 1'000;  // servers clamp it to two ticks
  auto client = co_await connected(zookeeper, options);
  const std::int64_t contact_ms = client->last_contact_ms();
  std::vector<SessionState> states;
  client->set_session_handler([&states](SessionState state) { states.push_back(state); });
  (void)co_await runtime::sleep_ms(zookeeper.loop, client->negotiated_timeout_ms() * 3 / 2);
  CHECK(states.empty());
  CHECK(client->last_contact_ms() > contact_ms);
  co_await client->close();
}

}  // namespace
}  // namespace zkclient
