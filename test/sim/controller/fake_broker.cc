#include "test/sim/controller/fake_broker.h"

#include <algorithm>

#include "protocol/api_key.h"
#include "protocol/error_code.h"
#include "runtime/stream_io.h"

namespace controller_sim {

using protocol::LeaderAndIsrRequest;
using protocol::LeaderAndIsrResponse;
using protocol::StopReplicaRequest;
using protocol::StopReplicaResponse;
using protocol::UpdateMetadataRequest;
using protocol::UpdateMetadataResponse;

namespace {

constexpr auto kStaleControllerEpoch =
    static_cast<std::int16_t>(protocol::ErrorCode::kStaleControllerEpoch);

}  // namespace

FakeBroker::FakeBroker(runtime::Loop& loop, std::string ip, std::uint16_t port)
    : loop_(loop), scope_(loop, "fake broker") {
  listener_ = std::move(*loop.listen(*runtime::SocketAddress::from_ip(ip, port), {}));
  scope_.spawn(accept());
}

runtime::Task<void> FakeBroker::stop() {
  listener_->close();
  scope_.cancel();
  co_await scope_.join();
}

runtime::Task<void> FakeBroker::accept() {
  for (;;) {
    auto connection = co_await listener_->accept();
    if (!connection) co_return;
    auto stream = loop_.adopt(std::move(*connection));
    if (stream) scope_.spawn(serve(std::move(*stream)));
  }
}

runtime::Task<void> FakeBroker::serve(std::unique_ptr<runtime::Stream> stream) {
  for (;;) {
    base::Buffer frame = base::Buffer::with_capacity(4);
    frame.commit(4);
    if (!co_await runtime::read_exact(*stream, frame.mutable_bytes(), runtime::kNoTimeout,
                                      scope_.token())) {
      co_return;
    }
    const auto size = static_cast<std::size_t>(protocol::Reader(frame.bytes()).read_int32());
    frame = base::Buffer::with_capacity(size);
    frame.commit(size);
    if (!co_await runtime::read_exact(*stream, frame.mutable_bytes(), runtime::kNoTimeout,
                                      scope_.token())) {
      co_return;
    }
    if (is_muted) continue;
    auto response = answer(frame.bytes());
    if (!response) {
      ++faults;
      co_return;
    }
    runtime::OutputList output;
    output.add(std::move(*response));
    if (!co_await runtime::write_all(*stream, std::move(output), runtime::kNoTimeout,
                                     scope_.token())) {
      co_return;
    }
  }
}

base::Result<base::Buffer> FakeBroker::answer(base::Bytes frame) {
  ++requests;
  protocol::Reader reader(frame);
  TRY_ASSIGN(const protocol::RequestHeader header, protocol::RequestHeader::decode(reader));
  const auto encode = [&header](const auto& response) {
    return protocol::encode_response_frame(header.correlation_id, response, header.api_version)
        .take();
  };
  switch (static_cast<protocol::ApiKey>(header.api_key)) {
    case protocol::ApiKey::kLeaderAndIsr: {
      TRY_ASSIGN(const auto request, LeaderAndIsrRequest::decode(reader, header.api_version));
      return encode(take(request));
    }
    case protocol::ApiKey::kUpdateMetadata: {
      TRY_ASSIGN(const auto request, UpdateMetadataRequest::decode(reader, header.api_version));
      return encode(take(request));
    }
    case protocol::ApiKey::kStopReplica: {
      TRY_ASSIGN(const auto request, StopReplicaRequest::decode(reader, header.api_version));
      return encode(take(request));
    }
    default: return base::fail(base::Errc::unsupported);
  }
}

bool FakeBroker::is_stale(std::int32_t epoch) {
  if (epoch < controller_epoch) return true;
  controller_epoch = epoch;
  return false;
}

LeaderAndIsrResponse FakeBroker::take(const LeaderAndIsrRequest& request) {
  LeaderAndIsrResponse response;
  if (is_stale(request.controller_epoch)) {
    response.error_code = kStaleControllerEpoch;
    return response;
  }
  for (const auto& topic : request.topic_states) {
    auto& answered = response.topics.emplace_back();
    answered.topic_id = topic.topic_id;
    for (const auto& state : topic.partition_states) {
      auto& error = answered.partition_errors.emplace_back();
      error.partition_index = state.partition_index;
      if (state.isr.empty()) ++faults;
      if (state.leader >= 0 && std::ranges::find(state.isr, state.leader) == state.isr.end()) {
        ++faults;
      }
      if (failed.contains({topic.topic_name, state.partition_index})) {
        error.error_code = static_cast<std::int16_t>(protocol::ErrorCode::kKafkaStorageError);
        continue;
      }
      Told& told = hosted[{topic.topic_name, state.partition_index}];
      if (state.leader_epoch <= told.leader_epoch) {
        error.error_code = kStaleControllerEpoch;
        continue;
      }
      told = {state.leader, state.leader_epoch, state.isr};
    }
  }
  return response;
}

UpdateMetadataResponse FakeBroker::take(const UpdateMetadataRequest& request) {
  UpdateMetadataResponse response;
  if (is_stale(request.controller_epoch)) {
    response.error_code = kStaleControllerEpoch;
    return response;
  }
  controller_id = request.controller_id;
  live_brokers.clear();
  for (const auto& broker : request.live_brokers) live_brokers.insert(broker.id);
  for (const auto& topic : request.topic_states) {
    for (const auto& state : topic.partition_states) {
      const base::TopicPartition partition{topic.topic_name, state.partition_index};
      if (state.leader == -2) {
        metadata.erase(partition);
        told_deleted.insert(partition);
      } else {
        metadata[partition] = {state.leader, state.leader_epoch, state.isr};
      }
    }
  }
  return response;
}

StopReplicaResponse FakeBroker::take(const StopReplicaRequest& request) {
  StopReplicaResponse response;
  if (is_stale(request.controller_epoch)) {
    response.error_code = kStaleControllerEpoch;
    return response;
  }
  for (const auto& topic : request.topic_states) {
    for (const auto& state : topic.partition_states) {
      auto& error = response.partition_errors.emplace_back();
      error.topic_name = topic.topic_name;
      error.partition_index = state.partition_index;
      if (state.delete_partition) hosted.erase({topic.topic_name, state.partition_index});
    }
  }
  return response;
}

}  // namespace controller_sim
