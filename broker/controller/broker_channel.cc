#include "broker/controller/broker_channel.h"

#include <fmt/core.h>

#include "base/log.h"

namespace controller {

namespace {

constexpr std::int64_t kRetryBackoffMs = 100;

}  // namespace

BrokerChannel::BrokerChannel(runtime::Loop& loop, runtime::WorkerPool& resolver,
                             ChannelTarget target, ChannelOptions options,
                             ResponseHandler on_response)
    : loop_(loop),
      resolver_(resolver),
      target_(std::move(target)),
      options_(std::move(options)),
      on_response_(std::move(on_response)),
      wake_(loop),
      scope_(loop, fmt::format("channel to broker {}", target_.broker)) {
  scope_.spawn(run());
}

BrokerChannel::~BrokerChannel() = default;

void BrokerChannel::send(ControlRequest request) {
  if (closing_ || merge(request)) return;
  queue_.push_back({std::move(request), nullptr});
  wake_.notify_one();
}

bool BrokerChannel::merge(const ControlRequest& request) {
  const auto* next = std::get_if<MetadataOrder>(&request.body);
  if (next == nullptr || queue_.empty()) return false;
  Queued& last = queue_.back();
  auto* waiting = std::get_if<MetadataOrder>(&last.request.body);
  if (waiting == nullptr || (queue_.size() == 1 && is_front_tried_)) return false;
  if (waiting->broker_epoch != next->broker_epoch) return false;
  if (last.merged == nullptr) {
    auto merged = std::make_unique<MergedMetadata>();
    merged->add(*waiting->update);
    if (!merged->accepts(*next->update)) return false;
    waiting->update = nullptr;
    last.merged = std::move(merged);
  }
  if (!last.merged->accepts(*next->update)) return false;
  last.merged->add(*next->update);
  return true;
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
  is_front_tried_ = true;
  Queued& front = queue_.front();
  if (front.merged != nullptr) {
    std::get<MetadataOrder>(front.request.body).update =
        std::make_shared<const MetadataUpdate>(front.merged->take());
    front.merged = nullptr;
  }
  switch (front.request.body.index()) {
    case 0:
      co_return co_await exchange<protocol::LeaderAndIsrResponse, protocol::LeaderAndIsrRequest>();
    case 1: co_return co_await exchange<protocol::UpdateMetadataResponse, MetadataOrder>();
    default:
      co_return co_await exchange<protocol::StopReplicaResponse, protocol::StopReplicaRequest>();
  }
}

template <class Response, class Request>
runtime::Task<base::Result<void>> BrokerChannel::exchange() {
  const ControlRequest& request = queue_.front().request;
  CO_TRY_ASSIGN(
      client::TypedReply<Response> reply,
      co_await connection_->request<Response>(std::get<Request>(request.body), request.version));
  if (closing_) co_return base::fail(base::Errc::cancelled);
  ControlRequest answered = std::move(queue_.front().request);
  queue_.pop_front();
  is_front_tried_ = false;
  on_response_({target_.broker, std::move(answered), std::move(reply.value)});
  co_return base::Result<void>();
}

BrokerChannels::BrokerChannels(runtime::Loop& loop, runtime::WorkerPool& resolver,
                               const Settings& settings, ResponseHandler on_response)
    : loop_(loop),
      resolver_(resolver),
      settings_(settings),
      on_response_(std::move(on_response)),
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
      on_response_);
}

void BrokerChannels::close(std::int32_t broker) {
  const auto found = channels_.find(broker);
  if (found == channels_.end()) return;
  closing_.spawn(finish(std::move(found->second)));
  channels_.erase(found);
}

void BrokerChannels::close_all() {
  while (!channels_.empty()) close(channels_.begin()->first);
}

runtime::Task<void> BrokerChannels::join() { co_await closing_.join(); }

runtime::Task<void> BrokerChannels::finish(std::unique_ptr<BrokerChannel> channel) {
  co_await channel->close();
}

}  // namespace controller
