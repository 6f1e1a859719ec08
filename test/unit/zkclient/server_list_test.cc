#include "zkclient/server_list.h"

#include <doctest/doctest.h>

#include <set>

#include "runtime/sim/sim_world.h"

namespace zkclient {
namespace {

TEST_CASE("every server has its turn, quickly at first, then with more patience") {
  runtime::SimRandom random(1);
  ServerList servers({{"a"}, {"b"}, {"c"}}, random);
  std::set<std::string> first_round;
  for (int i = 0; i < 3; ++i) {
    const auto attempt = servers.next();
    CHECK(attempt.pause_ms == 0);
    CHECK(attempt.answer_timeout_ms == 1'000);
    first_round.insert(attempt.server.host);
  }
  CHECK(first_round.size() == 3);

  for (const std::int64_t expected_timeout_ms : {2'000, 4'000, 8'000, 8'000}) {
    const auto first = servers.next();
    CHECK(first.answer_timeout_ms == expected_timeout_ms);
    CHECK(first.pause_ms > 0);
    CHECK(first.pause_ms <= 1'000);
    CHECK(servers.next().pause_ms == 0);
    CHECK(servers.next().pause_ms == 0);
  }
}

TEST_CASE("only a connection that lasted resets the patience") {
  runtime::SimRandom random(1);
  ServerList servers({{"a"}}, random);
  CHECK(servers.next().pause_ms == 0);
  servers.connection_ended(10);
  CHECK(servers.next().pause_ms > 0);
  servers.connection_ended(60'000);
  CHECK(servers.next().pause_ms == 0);
}

}  // namespace
}  // namespace zkclient
