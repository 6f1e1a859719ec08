#include "client/cluster_client.h"

#include <fmt/format.h>

#include "protocol/gen/find_coordinator.h"
#include "protocol/gen/metadata.h"

namespace client {

namespace {

using protocol::FindCoordinatorRequest;
using protocol::FindCoordinatorResponse;
using protocol::MetadataRequest;
using protocol::MetadataResponse;

// A Metadata request for one topic, or for none (an empty list means "all" in version 0 only).
MetadataRequest metadata_request(const std::string* topic, std::int16_t version) {
  MetadataRequest request;
  request.topics.emplace();
  if (version >= 4) request.allow_auto_topic_creation = false;
  if (topic != nullptr) {
    MetadataRequest::MetadataRequestTopic entry;
    entry.name = *topic;
    request.topics->push_back(std::move(entry));
  }
  return request;
}

constexpr std::int16_t kFirstWithSeveralKeys = 4;  // FindCoordinator (KIP-699)

FindCoordinatorRequest find_coordinator_request(const std::string& group, std::int16_t version) {
  FindCoordinatorRequest request;  // key type 0 is a group
  if (version >= kFirstWithSeveralKeys) {
    request.coordinator_keys.push_back(group);
  } else {
    request.key = group;
  }
  return request;
}

base::Result<std::uint16_t> checked_port(std::int32_t port) {
  if (port < 0 || port > 0xffff) {
    return base::fail(base::Errc::corrupt, fmt::format("broker port {}", port));
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace

ClusterClient::ClusterClient(runtime::Loop& loop, runtime::WorkerPool& resolver,
                             ClusterClientOptions options)
    : loop_(loop), resolver_(resolver), options_(std::move(options)) {}

ClusterClient::~ClusterClient() {
  VERIFY(connections_.empty(), "a cluster client was destroyed with open connections");
}

runtime::Task<void> ClusterClient::close() {
  while (!connections_.empty()) co_await drop(connections_.begin()->first);
}

runtime::Task<void> ClusterClient::drop(Endpoint endpoint) {
  const auto found = connections_.find(endpoint);
  if (found == connections_.end()) co_return;
  const std::unique_ptr<BrokerConnection> connection = std::move(found->second);
  connections_.erase(found);
  co_await connection->close();
}

runtime::Task<base::Result<BrokerConnection*>> ClusterClient::open(Endpoint endpoint) {
  if (const auto found = connections_.find(endpoint); found != connections_.end()) {
    if (!found->second->is_closed() && !found->second->api_versions().empty()) {
      co_return found->second.get();
    }
    co_await drop(endpoint);
  }
  CO_TRY_ASSIGN(std::unique_ptr<BrokerConnection> connection,
                co_await BrokerConnection::connect(loop_, resolver_, endpoint.host, endpoint.port,
                                                   options_.connection));
  auto negotiated = co_await connection->negotiate();
  // Another call may have opened one meanwhile: that one stays.
  const bool is_surplus = connections_.contains(endpoint);
  if (!negotiated || is_surplus) co_await connection->close();
  if (!negotiated) co_return base::fail(std::move(negotiated).error());
  if (!is_surplus) connections_[endpoint] = std::move(connection);
  const auto found = connections_.find(endpoint);
  if (found == connections_.end()) co_return base::fail(base::Errc::unavailable, "closed again");
  co_return found->second.get();
}

runtime::Task<base::Result<BrokerConnection*>> ClusterClient::any_connection() {
  for (const auto& [endpoint, connection] : connections_) {
    if (!connection->is_closed() && !connection->api_versions().empty()) {
      co_return connection.get();
    }
  }
  std::vector<Endpoint> candidates;
  for (const auto& [id, endpoint] : brokers_) candidates.push_back(endpoint);
  for (std::size_t i = 0; i < options_.bootstrap.size(); ++i) {
    candidates.push_back(options_.bootstrap[(next_bootstrap_ + i) % options_.bootstrap.size()]);
  }
  ++next_bootstrap_;
  base::Error last(base::Errc::invalid_argument, "no broker address given");
  for (const Endpoint& endpoint : candidates) {
    auto connection = co_await open(endpoint);
    if (connection) co_return *connection;
    last = std::move(connection).error().with_context(endpoint.to_string());
  }
  co_return base::fail(std::move(last));
}

runtime::Task<base::Result<void>> ClusterClient::refresh() {
  CO_TRY_ASSIGN(BrokerConnection * connection, co_await any_connection());
  CO_TRY_ASSIGN(const std::int16_t version,
                connection->api_versions().highest_common<MetadataRequest>());
  CO_TRY_ASSIGN(
      const TypedReply<MetadataResponse> reply,
      co_await connection->request<MetadataResponse>(metadata_request(nullptr, version), version));
  std::map<base::BrokerId, Endpoint> brokers;
  for (const auto& broker : reply.value.brokers) {
    CO_TRY_ASSIGN(const std::uint16_t port, checked_port(broker.port));
    brokers[base::BrokerId(broker.node_id)] = Endpoint{broker.host, port};
  }
  brokers_ = std::move(brokers);
  controller_id_ = base::BrokerId(reply.value.controller_id);
  co_return base::Result<void>();
}

runtime::Task<base::Result<base::BrokerId>> ClusterClient::leader_of(
    base::TopicPartition partition) {
  CO_TRY_ASSIGN(BrokerConnection * connection, co_await any_connection());
  CO_TRY_ASSIGN(const std::int16_t version,
                connection->api_versions().highest_common<MetadataRequest>());
  CO_TRY_ASSIGN(const TypedReply<MetadataResponse> reply,
                co_await connection->request<MetadataResponse>(
                    metadata_request(&partition.topic, version), version));
  for (const auto& topic : reply.value.topics) {
    for (const auto& entry : topic.partitions) {
      if (entry.partition_index != partition.partition) continue;
      if (entry.leader_id >= 0) co_return base::BrokerId(entry.leader_id);
      co_return base::fail(base::Errc::unavailable, partition.to_string() + " has no leader");
    }
    if (topic.error_code == static_cast<std::int16_t>(protocol::ErrorCode::kLeaderNotAvailable)) {
      co_return base::fail(base::Errc::unavailable, partition.to_string() + " has no leader");
    }
  }
  co_return base::fail(base::Errc::not_found, partition.to_string());
}

runtime::Task<base::Result<base::BrokerId>> ClusterClient::find_coordinator(std::string group) {
  using protocol::ErrorCode;
  CO_TRY_ASSIGN(BrokerConnection * connection, co_await any_connection());
  CO_TRY_ASSIGN(const std::int16_t version,
                connection->api_versions().highest_common<FindCoordinatorRequest>());
  CO_TRY_ASSIGN(const TypedReply<FindCoordinatorResponse> reply,
                co_await connection->request<FindCoordinatorResponse>(
                    find_coordinator_request(group, version), version));
  std::int32_t node_id = reply.value.node_id;
  std::int16_t wire_code = reply.value.error_code;
  if (version >= kFirstWithSeveralKeys) {
    if (reply.value.coordinators.size() != 1) {
      co_return base::fail(base::Errc::corrupt, "FindCoordinator answered another question");
    }
    node_id = reply.value.coordinators[0].node_id;
    wire_code = reply.value.coordinators[0].error_code;
  }
  const ErrorCode code = protocol::error_code_from_wire(wire_code);
  if (code == ErrorCode::kNone) co_return base::BrokerId(node_id);
  co_return base::fail(
      is_wrong_coordinator(code) ? base::Errc::unavailable : base::Errc::invalid_argument,
      fmt::format("group {}: {}", group, protocol::name(code)));
}

runtime::Task<base::Result<base::BrokerId>> ClusterClient::coordinator_of(std::string group) {
  const std::int64_t deadline_ms = loop_.now_ms() + options_.call_timeout_ms;
  for (;;) {
    auto found = co_await find_coordinator(group);
    if (found || !detail::is_worth_another_try(found.error())) co_return found;
    if (loop_.now_ms() + options_.retry_backoff_ms >= deadline_ms) {
      co_return base::fail(base::Errc::timed_out, found.error().to_string());
    }
    CO_TRY(co_await runtime::sleep_ms(loop_, options_.retry_backoff_ms));
  }
}

runtime::Task<base::Result<BrokerConnection*>> ClusterClient::connection_to(Target target) {
  base::BrokerId id = target.broker;
  switch (target.kind) {
    case Target::Kind::any: co_return co_await any_connection();
    case Target::Kind::broker: break;
    case Target::Kind::controller:
      if (controller_id_ == base::kNoBroker) CO_TRY(co_await refresh());
      id = controller_id_;
      break;
    case Target::Kind::leader: {
      CO_TRY_ASSIGN(id, co_await leader_of(target.partition));
      break;
    }
    case Target::Kind::coordinator: {
      CO_TRY_ASSIGN(id, co_await find_coordinator(target.group));
      break;
    }
  }
  if (!brokers_.contains(id)) CO_TRY(co_await refresh());
  const auto found = brokers_.find(id);
  if (found == brokers_.end()) {
    co_return base::fail(base::Errc::unavailable, fmt::format("broker {} is not there", id));
  }
  co_return co_await open(found->second);
}

}  // namespace client
