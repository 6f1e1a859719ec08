// Purpose: which server to try next, how long to wait before, and how long for its answer.
//
// Servers are shuffled once and then tried in turn, so that the brokers of a cluster spread over
// the ensemble. A server has one second to answer a connect request: one that is starting accepts
// connections that it never answers. After a whole round without success all get more time and a
// pause comes before each round: creating a session is a quorum write, and an ensemble on slow
// disks would otherwise never be given the time it needs.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/random.h"
#include "zkclient/connect_string.h"

namespace zkclient {

class ServerList {
 public:
  ServerList(std::vector<ServerName> servers, runtime::Random& random);

  struct Attempt {
    ServerName server;
    std::int64_t pause_ms = 0;  // before the attempt
    std::int64_t answer_timeout_ms = 0;
  };
  Attempt next();
  // A connection of this age ended. One that lasted resets the patience; one that did not is as
  // good as a failed attempt, so that a server that accepts and hangs up is not tried in a hurry.
  void connection_ended(std::int64_t lived_ms);

 private:
  static constexpr std::int64_t kAnswerTimeoutMs = 1'000;
  static constexpr std::int64_t kAnswerTimeoutMaxMs = 8'000;
  static constexpr std::int64_t kPauseMs = 100;
  static constexpr std::int64_t kPauseMaxMs = 1'000;
  static constexpr std::int64_t kStableMs = 1'000;

  std::vector<ServerName> servers_;
  runtime::Random& random_;
  std::size_t next_ = 0;
  std::size_t failures_ = 0;  // attempts since the last stable connection
};

}  // namespace zkclient
