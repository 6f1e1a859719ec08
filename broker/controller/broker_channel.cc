#include "broker/controller/broker_channel.h"

#include <fmt/core.h>

#include "base/log.h"

namespace controller {

namespace {

constexpr std::int64_t kRetryBackoffMs = 100;

}  // namespace

BrokerChannel::BrokerChannel(runtime::Loop& loop, runtime::WorkerPool& resolver,
                             ChannelTarget target, ChannelOptions options,
                             const ChannelHandlers& handlers)
    : loop_(loop),
      resolver_(resolver),
      target_(std::move(target)),
      options_(std::move(options)),
      handlers_(handlers),
      queue_(handlers.count_partitions),
      wake_(loop),
      scope_(loop, fmt::format("channel to broker {}", target_.broker)) {
  scope_.spawn(run());
}

BrokerChannel::~BrokerChannel() = default;

void BrokerChannel::send(ControlRequest request) {
  if (closing_) return;
  const bool had_dropped = queue_.has_dropped();
  const std::size_t queued = queue_.size();
  queue_.push(std::move(request));
  if (queue_.has_dropped() && !had_dropped) {
    LOG_WARN(
        "broker {} does not answer: requests={} that wait for it are dropped; once it answers "
        "it will be told everything anew",
        target_.broker, queued);
  }
  wake_.notify_one();
}

runtime::Task<void> BrokerChannel::close() {
  closing_ = true;
  scope_.cancel();
  wake_.notify_all();
  // Ends the request in flight; run() then closes the connection for good.
  if (connection_ != nullptr) connection_->abort();
  co_await scope_.join();
}

runtime::Task<void> BrokerChannel::run() {
  while (!closing_) {
    if (queue_.empty()) {
      (void)co_await wake_.wait(runtime::kNoTimeout, scope_.token());
      continue;
    }
    const base::Result<void> delivered = co_await deliver();
    if (delivered) {
      failure_logged_ = false;
      continue;
    }
    co_await drop_connection();
    if (closing_) break;
    if (!std::exchange(failure_logged_, true)) {
      LOG_WARN("controller cannot reach broker {} at {}:{}, it tries again: {}", target_.broker,
               target_.host, target_.port, delivered.error().to_string());
    }
    (void)co_await runtime::sleep_ms(loop_, kRetryBackoffMs, scope_.token());
  }
  co_await drop_connection();
}

runtime::Task<void> BrokerChannel::drop_connection() {
  if (connection_ == nullptr) co_return;
  const std::unique_ptr<client::BrokerConnection> connection = std::move(connection_);
  co_await connection->close();
}

runtime::Task<base::Result<void>> BrokerChannel::deliver() {
  if (connection_ != nullptr && connection_->is_closed()) co_await drop_connection();
  if (connection_ == nullptr) {
    CO_TRY_ASSIGN(connection_, co_await client::BrokerConnection::connect(
                                   loop_, resolver_, target_.host, target_.port,
                                   {.client_id = options_.client_id,
                                    .connect_timeout_ms = options_.connect_timeout_ms,
                                    .request_timeout_ms = options_.request_timeout_ms},
                                   scope_.token()));
  }
  if (closing_) co_return base::fail(base::Errc::cancelled);
  switch (queue_.take_turn().body.index()) {
    case 0:
      co_return co_await exchange<protocol::LeaderAndIsrResponse, protocol::LeaderAndIsrRequest>();
    case 1: co_return co_await exchange<protocol::UpdateMetadataResponse, MetadataOrder>();
    default:
      co_return co_await exchange<protocol::StopReplicaResponse, protocol::StopReplicaRequest>();
  }
}

template <class Response, class Request>
runtime::Task<base::Result<void>> BrokerChannel::exchange() {
  const ControlRequest& request = queue_.take_turn();
  CO_TRY_ASSIGN(
      client::TypedReply<Response> reply,
      co_await connection_->request<Response>(std::get<Request>(request.body), request.version));
  if (closing_) co_return base::fail(base::Errc::cancelled);
  handlers_.on_response({target_.broker, queue_.pop(), std::move(reply.value)});
  // The first request was the only one kept, so this is said once.
  if (queue_.has_dropped()) handlers_.on_answering_again(target_.broker);
  co_return base::Result<void>();
}

BrokerChannels::BrokerChannels(runtime::Loop& loop, runtime::WorkerPool& resolver,
                               const Settings& settings, ChannelHandlers handlers)
    : loop_(loop),
      resolver_(resolver),
      settings_(settings),
      handlers_(std::move(handlers)),
      closing_(loop, "controller channels") {}

BrokerChannels::~BrokerChannels() {
  VERIFY(channels_.empty(), "controller channels were destroyed open");
}

void BrokerChannels::send(std::int32_t broker, ControlRequest request) {
  const auto found = channels_.find(broker);
  if (found == channels_.end()) {
    LOG_WARN("controller has no channel to broker {}: a request is dropped", broker);
    return;
  }
  found->second->send(std::move(request));
}

void BrokerChannels::open(const cluster::BrokerInfo& broker) {
  if (channels_.contains(broker.id)) return;
  const config::Listener* listener = broker.find_endpoint(settings_.channel_listener());
  if (listener == nullptr) {
    LOG_ERROR("broker {} has no listener {} and cannot be told anything by the controller",
              broker.id, settings_.channel_listener());
    return;
  }
  channels_[broker.id] = std::make_unique<BrokerChannel>(
      loop_, resolver_,
      ChannelTarget{broker.id, listener->host, static_cast<std::uint16_t>(listener->port)},
      ChannelOptions{.client_id = std::to_string(settings_.broker_id),
                     .connect_timeout_ms = settings_.connect_timeout_ms,
                     .request_timeout_ms = settings_.request_timeout_ms},
      handlers_);
}

void BrokerChannels::close(std::int32_t broker) {
  const auto found = channels_.find(broker);
  if (found == channels_.end()) return;
  closing_.spawn(finish(std::move(found->second)));
  channels_.erase(found);
}

std::optional<std::set<TopicPartition>> BrokerChannels::begin_full_order(std::int32_t broker) {
  const auto found = channels_.find(broker);
  if (found == channels_.end()) return std::nullopt;
  return found->second->queue().begin_full_order();
}

void BrokerChannels::end_full_order(std::int32_t broker) {
  const auto found = channels_.find(broker);
  if (found != channels_.end()) found->second->queue().end_full_order();
}

std::size_t BrokerChannels::queued(std::int32_t broker) const {
  const auto found = channels_.find(broker);
  return found == channels_.end() ? 0 : std::as_const(*found->second).queue().size();
}

void BrokerChannels::close_all() {
  while (!channels_.empty()) close(channels_.begin()->first);
}

runtime::Task<void> BrokerChannels::join() { co_await closing_.join(); }

runtime::Task<void> BrokerChannels::finish(std::unique_ptr<BrokerChannel> channel) {
  co_await channel->close();
}

}  // namespace controller
