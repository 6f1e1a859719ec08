// Purpose: the controller's way to one broker: requests in order, one in flight, each repeated
// until it is answered. Source: ControllerChannelManager.scala (3.9), RequestSendThread.
//
// A failure or time-out closes the connection; the same request goes out again on a new one after
// 100 ms, forever, until the channel is closed (the broker's registration went, or we resigned). So
// receivers may see a request twice. No ApiVersions: versions follow the inter-broker protocol.
//
// UpdateMetadata that wait one behind the other are merged, as far as their order says nothing: a
// broker that is slow has one of them waiting, however long it is slow.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "broker/controller/broker_changes.h"
#include "broker/controller/request_batch.h"
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
using ResponseHandler = std::function<void(ControlResponse)>;

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
                ChannelOptions options, ResponseHandler on_response);
  ~BrokerChannel();
  BrokerChannel(const BrokerChannel&) = delete;
  BrokerChannel& operator=(const BrokerChannel&) = delete;

  void send(ControlRequest request);
  // Requests, the one in flight among them.
  std::size_t queued() const { return queue_.size(); }
  // Drops what is queued and in flight. No response is told after this was called.
  runtime::Task<void> close();

 private:
  struct Queued {
    ControlRequest request;
    std::unique_ptr<MergedMetadata> merged;  // what the request will say when its turn comes
  };
  // True if it went into the one that waits last.
  bool merge(const ControlRequest& request);
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
  const ResponseHandler on_response_;
  std::deque<Queued> queue_;
  bool is_front_tried_ = false;  // it may have arrived: from now on it stays as it is
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
                 ResponseHandler on_response);
  ~BrokerChannels() override;

  void send(std::int32_t broker, ControlRequest request) override;
  // A broker without the listener that the controller uses gets no channel, and an error line.
  void open(const cluster::BrokerInfo& broker) override;
  void close(std::int32_t broker) override;
  void close_all();
  // Waits until every channel has ended.
  runtime::Task<void> join();

 private:
  runtime::Task<void> finish(std::unique_ptr<BrokerChannel> channel);

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  const Settings& settings_;
  const ResponseHandler on_response_;
  std::map<std::int32_t, std::unique_ptr<BrokerChannel>> channels_;
  runtime::TaskScope closing_;
};

}  // namespace controller
