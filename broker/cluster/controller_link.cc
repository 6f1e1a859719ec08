#include "broker/cluster/controller_link.h"

#include <fmt/core.h>

namespace cluster {
namespace {

client::ConnectOptions options_for(const config::NetworkConfig& network, std::int32_t broker_id) {
  client::ConnectOptions options;
  options.client_id = std::to_string(broker_id);
  options.connect_timeout_ms = network.connection_setup_timeout_ms;
  options.request_timeout_ms = network.request_timeout_ms;
  return options;
}

}  // namespace

ControllerLink::ControllerLink(runtime::Loop& control, runtime::WorkerPool& resolver,
                               const MetadataCache& metadata, const config::NetworkConfig& network,
                               std::int32_t broker_id)
    : loop_(control),
      resolver_(resolver),
      metadata_(metadata),
      listener_(network.control_plane_listener.value_or(network.inter_broker_listener)),
      options_(options_for(network, broker_id)),
      connect_done_(control),
      scope_(control, "controller link") {}

runtime::Task<base::Result<std::shared_ptr<client::BrokerConnection>>>
ControllerLink::connection() {
  using Answer = base::Result<std::shared_ptr<client::BrokerConnection>>;
  while (is_connecting_) (void)co_await connect_done_.wait();
  if (scope_.cancelled()) co_return Answer(base::fail(base::Errc::closed, "controller link"));
  const auto snapshot = metadata_.snapshot();
  const auto* controller = snapshot->find_broker(snapshot->controller_id.value_or(-1));
  const auto* endpoint = controller == nullptr ? nullptr : controller->find_endpoint(listener_);
  if (endpoint == nullptr) co_return Answer(base::fail(base::Errc::unavailable, "no controller"));
  const std::string address = fmt::format("{}:{}", endpoint->host, endpoint->port);
  if (connection_ != nullptr && !connection_->is_closed() && connected_to_ == address) {
    co_return Answer(connection_);
  }

  is_connecting_ = true;
  runtime::CancelSource given_up;
  connecting_ = &given_up;
  auto former = std::exchange(connection_, nullptr);
  if (former != nullptr) co_await former->close();
  auto connected = co_await client::BrokerConnection::connect(
      loop_, resolver_, endpoint->host, static_cast<std::uint16_t>(endpoint->port), options_,
      runtime::CancelToken(given_up));
  connecting_ = nullptr;
  Answer answer = base::fail(base::Errc::unavailable, address);
  if (connected) {
    std::shared_ptr<client::BrokerConnection> fresh = std::move(*connected);
    negotiating_ = fresh.get();
    const auto versions = co_await fresh->negotiate();
    negotiating_ = nullptr;
    if (versions) {
      connection_ = fresh;
      connected_to_ = address;
      answer = fresh;
    } else {
      co_await fresh->close();
      answer = base::fail(versions.error());
    }
  } else {
    answer = base::fail(connected.error());
  }
  is_connecting_ = false;
  connect_done_.notify_all();
  co_return answer;
}

void ControllerLink::drop_connection() {
  if (connecting_ != nullptr) connecting_->cancel();
  if (negotiating_ != nullptr) negotiating_->abort();
  if (connection_ != nullptr) connection_->abort();
}

runtime::Task<void> ControllerLink::close() {
  scope_.cancel();
  drop_connection();
  auto former = std::exchange(connection_, nullptr);
  if (former != nullptr) co_await former->close();
  co_await scope_.join();
}

}  // namespace cluster
