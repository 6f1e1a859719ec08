// Purpose: the controller's way to one broker: requests in order, one in flight, each repeated
// until it is answered. Source: ControllerChannelManager.scala (3.9), RequestSendThread.
//
// A failure or time-out closes the connection; the same request goes out again on a new one after
// 100 ms, forever, until the channel is closed (the broker's registration went, or we resigned). So
// receivers may see a request twice. No ApiVersions: versions follow the inter-broker protocol.
//
// What waits for a broker that does not answer is bounded (channel_queue.h): past that requests are
// dropped, and once it answers again it has to be told everything anew.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "broker/controller/broker_changes.h"
#include "broker/controller/channel_queue.h"
#include "client/broker_connection.h"
#include "runtime/task_scope.h"

namespace controller {

// What a broker said, with the request it answers.
struct ControlResponse {
  std::int32_t broker = -1;
  ControlRequest request;
  std::variant<protocol::LeaderAndIsrResponse, protocol::UpdateMetadataResponse,
               protocol::StopReplicaResponse>
      body;
};

// The controller's side of all channels. Called on the channels' loop.
struct ChannelHandlers {
  std::function<void(ControlResponse)> on_response;
  // A broker for which requests were dropped answers again. It hears nothing more until
  // ChannelSet::begin_full_order().
  std::function<void(std::int32_t broker)> on_answering_again;
  std::function<TopicExtents()> count_partitions;  // of the cluster
};

struct ChannelTarget {
  std::int32_t broker = -1;
  std::string host;
  std::uint16_t port = 0;
};

struct ChannelOptions {
  std::string client_id;  // the controller's broker id
  std::int64_t connect_timeout_ms = 30'000;
  std::int64_t request_timeout_ms = 30'000;
};

// One loop.
class BrokerChannel {
 public:
  BrokerChannel(runtime::Loop& loop, runtime::WorkerPool& resolver, ChannelTarget target,
                ChannelOptions options, const ChannelHandlers& handlers);
  ~BrokerChannel();
  BrokerChannel(const BrokerChannel&) = delete;
  BrokerChannel& operator=(const BrokerChannel&) = delete;

  void send(ControlRequest request);
  ChannelQueue& queue() { return queue_; }
  const ChannelQueue& queue() const { return queue_; }
  // Drops what is queued and in flight. No response is told after this was called.
  runtime::Task<void> close();

 private:
  runtime::Task<void> run();
  // One try; the answer is told to the handler.
  runtime::Task<base::Result<void>> deliver();
  template <class Response, class Request>
  runtime::Task<base::Result<void>> exchange();
  runtime::Task<void> drop_connection();

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  const ChannelTarget target_;
  const ChannelOptions options_;
  const ChannelHandlers& handlers_;
  ChannelQueue queue_;
  std::unique_ptr<client::BrokerConnection> connection_;
  bool closing_ = false;
  bool failure_logged_ = false;
  runtime::Notify wake_;
  runtime::TaskScope scope_;
};

// The channels to all live brokers. One loop.
class BrokerChannels final : public RequestSender, public ChannelSet {
 public:
  BrokerChannels(runtime::Loop& loop, runtime::WorkerPool& resolver, const Settings& settings,
                 ChannelHandlers handlers);
  ~BrokerChannels() override;

  void send(std::int32_t broker, ControlRequest request) override;
  // A broker without the listener that the controller uses gets no channel, and an error line.
  void open(const cluster::BrokerInfo& broker) override;
  void close(std::int32_t broker) override;
  std::optional<std::set<TopicPartition>> begin_full_order(std::int32_t broker) override;
  void end_full_order(std::int32_t broker) override;
  // Requests that wait for the broker, the one in flight among them.
  std::size_t queued(std::int32_t broker) const;
  void close_all();
  // Waits until every channel has ended.
  runtime::Task<void> join();

 private:
  runtime::Task<void> finish(std::unique_ptr<BrokerChannel> channel);

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  const Settings& settings_;
  const ChannelHandlers handlers_;
  std::map<std::int32_t, std::unique_ptr<BrokerChannel>> channels_;
  runtime::TaskScope closing_;
};

}  // namespace controller
