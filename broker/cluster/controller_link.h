// Purpose: this broker's calls to the controller, over one connection to whichever broker that is
// (this one included): AlterPartition, AllocateProducerIds, ControlledShutdown.
//
// Control loop; from others by call_on(scope(), ...). The controller is the one that the last
// UpdateMetadata named, reached on the control plane listener if there is one, else on the
// inter-broker listener. Source: NodeToControllerChannelManager (3.9).
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "broker/cluster/metadata_cache.h"
#include "client/broker_connection.h"
#include "config/server_config.h"
#include "runtime/task_scope.h"

namespace cluster {

class ControllerLink {
 public:
  ControllerLink(runtime::Loop& control, runtime::WorkerPool& resolver,
                 const MetadataCache& metadata, const config::NetworkConfig& network,
                 std::int32_t broker_id);

  runtime::TaskScope& scope() { return scope_; }
  // One try. Errc::unavailable when no controller is known. The version is the highest that both
  // sides speak.
  template <class Response, class Request>
  runtime::Task<base::Result<Response>> call(Request request, std::int64_t timeout_ms) {
    auto connected = co_await connection();
    if (!connected) co_return base::fail(connected.error());
    std::shared_ptr<client::BrokerConnection> connection = std::move(*connected);
    const auto version = connection->api_versions().template highest_common<Request>();
    if (!version) co_return base::fail(version.error());
    auto reply =
        co_await connection->template request<Response>(std::move(request), *version, timeout_ms);
    if (!reply) co_return base::fail(reply.error());
    co_return std::move(reply->value);
  }
  // The same for a request whose fields depend on the version, which is `version_max` at most:
  // `make(version)` is called once, before anything is sent.
  template <class Response, class Make>
  runtime::Task<base::Result<Response>> call_at_most(Make make, std::int16_t version_max,
                                                     std::int64_t timeout_ms) {
    using Request = std::invoke_result_t<Make&, std::int16_t>;
    auto connected = co_await connection();
    if (!connected) co_return base::fail(connected.error());
    std::shared_ptr<client::BrokerConnection> connection = std::move(*connected);
    const auto version = connection->api_versions().template highest_common<Request>(version_max);
    if (!version) co_return base::fail(version.error());
    auto reply =
        co_await connection->template request<Response>(make(*version), *version, timeout_ms);
    if (!reply) co_return base::fail(reply.error());
    co_return std::move(reply->value);
  }
  // Ends the calls under way, and whatever they wait for; the next one connects anew.
  void drop_connection();
  runtime::Task<void> close();

 private:
  runtime::Task<base::Result<std::shared_ptr<client::BrokerConnection>>> connection();

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  const MetadataCache& metadata_;
  const std::string listener_;
  const client::ConnectOptions options_;
  std::shared_ptr<client::BrokerConnection> connection_;
  std::string connected_to_;  // "host:port"
  // What drop_connection() ends.
  runtime::CancelSource* connecting_ = nullptr;
  client::BrokerConnection* negotiating_ = nullptr;
  bool is_connecting_ = false;
  runtime::Notify connect_done_;
  runtime::TaskScope scope_;
};

}  // namespace cluster
