// Purpose: a broker in a simulated network that does to each request what the test says.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "client/broker_connection.h"
#include "protocol/gen/api_versions.h"
#include "protocol/gen/metadata.h"
#include "protocol/headers.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "runtime/stream_io.h"

namespace client {

// What a broker writes back: frames, perhaps none, or raw bytes; `hang_up` closes behind them.
struct Scripted {
  std::vector<base::Buffer> frames;
  bool hang_up = false;
};

class ScriptedBroker {
 public:
  // Gets the header and body; called on each request.
  using Script = std::function<Scripted(const protocol::RequestHeader&, protocol::Reader&)>;

  ScriptedBroker(runtime::Loop& loop, std::string ip, std::uint16_t port, Script script)
      : loop_(loop), script_(std::move(script)), scope_(loop, "scripted broker") {
    listener_ = std::move(*loop.listen(*runtime::SocketAddress::from_ip(ip, port), {}));
    scope_.spawn(accept());
  }
  runtime::Task<void> stop() {
    listener_->close();
    scope_.cancel();
    co_await scope_.join();
  }
  int connections = 0;

 private:
  runtime::Task<void> accept() {
    for (;;) {
      auto connection = co_await listener_->accept();
      if (!connection) co_return;
      ++connections;
      auto stream = loop_.adopt(std::move(*connection));
      if (stream) scope_.spawn(serve(std::move(*stream)));
    }
  }
  runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream) {
    for (;;) {
      base::Buffer frame = base::Buffer::with_capacity(4);
      frame.commit(4);
      if (!co_await read(*stream, frame)) co_return;
      const auto size = static_cast<std::size_t>(protocol::Reader(frame.bytes()).read_int32());
      frame = base::Buffer::with_capacity(size);
      frame.commit(size);
      if (!co_await read(*stream, frame)) co_return;
      protocol::Reader reader(frame.bytes());
      const auto header = protocol::RequestHeader::decode(reader);
      REQUIRE(header);
      Scripted scripted = script_(*header, reader);
      runtime::OutputList output;
      for (base::Buffer& buffer : scripted.frames) output.add(std::move(buffer));
      if (!co_await runtime::write_all(*stream, std::move(output), runtime::kNoTimeout,
                                       scope_.token())) {
        co_return;
      }
      if (scripted.hang_up) co_return;
    }
  }
  runtime::Task<bool> read(runtime::Stream& stream, base::Buffer& into) {
    const auto result = co_await runtime::read_exact(stream, into.mutable_bytes(),
                                                     runtime::kNoTimeout, scope_.token());
    co_return result.has_value();
  }

  runtime::Loop& loop_;
  const Script script_;
  std::unique_ptr<runtime::Listener> listener_;
  runtime::TaskScope scope_;
};

template <class Response>
base::Buffer respond(const protocol::RequestHeader& header, const Response& response,
                     std::optional<std::int16_t> version = {}) {
  return protocol::encode_response_frame(header.correlation_id, response,
                                         version.value_or(header.api_version))
      .take();
}

inline protocol::ApiVersionsResponse api_versions_of(std::int16_t metadata_max,
                                                     std::int16_t api_versions_max) {
  protocol::ApiVersionsResponse response;
  auto& metadata = response.api_keys.emplace_back();
  metadata.api_key = protocol::MetadataRequest::kApiKey;
  metadata.max_version = metadata_max;
  auto& versions = response.api_keys.emplace_back();
  versions.api_key = protocol::ApiVersionsRequest::kApiKey;
  versions.max_version = api_versions_max;
  return response;
}

inline constexpr const char* kBrokerIp = "10.0.0.1";

// A client's loop, and the brokers' loop.
struct ClientFixture {
  ClientFixture() { base::set_log_level(base::LogLevel::off); }
  template <class T>
  T run(runtime::Task<T> task) {
    return world.block_on(loop, std::move(task));
  }
  void stop(ScriptedBroker& broker) { world.block_on(broker_loop, broker.stop()); }
  std::unique_ptr<BrokerConnection> connect() {
    auto connection = run(BrokerConnection::connect(
        loop, resolver, kBrokerIp, 9092, {.client_id = "test", .request_timeout_ms = 1'000}));
    REQUIRE(connection);
    return std::move(*connection);
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world, "10.0.0.9"};
  runtime::SimLoop broker_loop{world, kBrokerIp};
  runtime::SimWorkerPool resolver{world};
};

}  // namespace client
