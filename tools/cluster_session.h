// Purpose: a client of the brokers for the length of one command: --bootstrap-server and
// --command-config in, a connected client::ClusterClient out.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "client/cluster_client.h"
#include "protocol/error_code.h"
#include "protocol/gen/metadata.h"
#include "runtime/uv/threads.h"
#include "tools/tool.h"

namespace tools {

struct ClusterSettings {
  std::string bootstrap;                             // "host:port,host:port"
  std::optional<std::string> command_config;         // path of a properties file
  std::string client_id = "adminclient-1";           // unless the file names one
  std::optional<std::int64_t> call_timeout_ms = {};  // over all tries of a call; wins over the file
};

class ClusterSession {
 public:
  // Fails for a bad address or file; connects to nothing yet.
  static Outcome<std::unique_ptr<ClusterSession>> create(const ClusterSettings& settings);

  // Awaits `body(client)` once some broker has answered, and closes the connections. `body` is a
  // plain callable that returns a Task<Outcome<T>>. When no broker can be reached for
  // kConnectTimeoutMs, that is the failure (Kafka's tools go on for a minute).
  template <class T, class Body>
  Outcome<T> run(Body body) {
    return runtime::block_on(loop_, connect_and_run<T>(std::move(body)));
  }

 private:
  static constexpr std::int64_t kConnectTimeoutMs = 5'000;

  ClusterSession(std::string bootstrap, client::ClusterClientOptions options);
  runtime::Task<Outcome<>> connect();

  template <class T, class Body>
  runtime::Task<Outcome<T>> connect_and_run(Body body) {
    auto connected = co_await connect();
    Outcome<T> answer =
        connected ? co_await body(client_) : Outcome<T>(std::unexpected(connected.error()));
    co_await client_.close();
    co_return answer;
  }

  const std::string bootstrap_;
  runtime::UvLoop loop_;
  std::unique_ptr<runtime::WorkerPool> resolver_;
  client::ClusterClient client_;
};

// The brokers and all topics.
runtime::Task<Outcome<protocol::MetadataResponse>> fetch_metadata(client::ClusterClient& cluster);

// A failure with the broker's message, or in words of our own where it sent none.
Failure broker_failure(std::int16_t error_code, const std::optional<std::string>& message);

}  // namespace tools
