// Purpose: a ZooKeeper session for the length of one command.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "runtime/uv/threads.h"
#include "tools/tool.h"
#include "zkclient/client.h"

namespace tools {

struct ZookeeperSettings {
  std::string connect_string;
  // How long to try before giving up with one line.
  std::int64_t connect_timeout_ms = 10'000;
  std::function<void(zkclient::SessionState)> on_state;
  std::function<void(const zkclient::WatchEvent&)> on_watch;
};

// What the loop and the client need around a command; one per process run.
class ZookeeperSession {
 public:
  explicit ZookeeperSession(ZookeeperSettings settings);

  // Connects, awaits `body(client)` and closes the session. `body` is a plain callable that returns
  // a Task<Outcome<T>>.
  template <class T, class Body>
  Outcome<T> run(Body body) {
    return runtime::block_on(loop_, connect_and_run<T>(std::move(body)));
  }
  runtime::UvLoop& loop() { return loop_; }

 private:
  runtime::Task<Outcome<>> connect();

  template <class T, class Body>
  runtime::Task<Outcome<T>> connect_and_run(Body body) {
    auto connected = co_await connect();
    if (!connected) {
      co_await client_.abandon();
      co_return std::unexpected(std::move(connected).error());
    }
    Outcome<T> answer = co_await body(client_);
    co_await client_.close();
    co_return answer;
  }

  const ZookeeperSettings settings_;
  runtime::UvLoop loop_;
  std::unique_ptr<runtime::WorkerPool> resolver_;
  zkclient::Client client_;
};

}  // namespace tools
