#include "broker/server/make_apis.h"

#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "broker/api/alter_partition.h"
#include "broker/api/api_versions.h"
#include "broker/api/configs.h"
#include "broker/api/controlled_shutdown.h"
#include "broker/api/controller_requests.h"
#include "broker/api/create_partitions.h"
#include "broker/api/create_topics.h"
#include "broker/api/delete_topics.h"
#include "broker/api/describe_cluster.h"
#include "broker/api/fetch.h"
#include "broker/api/find_coordinator.h"
#include "broker/api/group_admin.h"
#include "broker/api/group_membership.h"
#include "broker/api/group_offsets.h"
#include "broker/api/list_offsets.h"
#include "broker/api/metadata.h"
#include "broker/api/offset_for_leader_epoch.h"
#include "broker/api/produce.h"
#include "broker/api/producer_ids.h"
#include "broker/api/sasl.h"
#include "broker/server/logging.h"
#include "protocol/sentinels.h"
#include "runtime/memory_limit.h"

namespace server {
namespace {

using protocol::ApiKey;

// The one line with which an API joins.
template <class Api, class... Args>
void serve(Parts& parts, ApiKey key, Args&&... args) {
  parts.apis.push_back(std::make_unique<Api>(std::forward<Args>(args)...));
  parts.dispatcher.add(key, *parts.apis.back());
}

api::AdminContext admin_context(Parts& p) {
  return {p.metadata, *p.topic_admin, p.session->scope(),
          [&p] { return p.controller->is_active(); }};
}

api::ConfigContext config_context(Parts& p) {
  return {admin_context(p), *p.config_store, p.broker_id, p.properties,
          [&p] { return p.config.get()->log.topic_defaults; }};
}

runtime::Task<void> read_new_topic_configs(Parts* p, std::vector<std::string> topics) {
  std::erase_if(topics, [p](const std::string& topic) { return p->logs->has_topic(topic); });
  if (topics.empty()) co_return;
  cluster::ConfigStore* store = p->config_store.get();
  (void)co_await runtime::call_on(store->scope(), [store, topics = std::move(topics)] {
    return store->refresh_topics(topics);
  });
}

replication::DiskWorkers reads_of(Parts& p) {
  return [&p](const std::string& log_dir) -> runtime::WorkerPool& {
    return p.directories->reads(log_dir);
  };
}

void make_data_apis(Parts& p) {
  const auto config = p.config.get();
  serve<api::ProduceApi>(p, ApiKey::kProduce, p.partitions, *p.logs, p.metadata, *p.heavy,
                         *p.request_scopes);
  serve<api::FetchApi>(
      p, ApiKey::kFetch,
      api::FetchApi::Options{config->network.fetch_max_bytes, reads_of(p), p.request_scopes.get()},
      p.partitions, *p.logs, p.metadata, *p.fetch_sessions);
  serve<api::ListOffsetsApi>(p, ApiKey::kListOffsets, p.partitions, *p.logs, p.metadata,
                             reads_of(p));
  serve<api::OffsetForLeaderEpochApi>(p, ApiKey::kOffsetForLeaderEpoch, p.partitions, *p.logs,
                                      p.metadata);
  serve<api::MetadataApi>(p, ApiKey::kMetadata, p.metadata, p.cluster_id, *p.auto_create);
  serve<api::DescribeClusterApi>(p, ApiKey::kDescribeCluster, p.metadata, p.cluster_id);
  serve<api::InitProducerIdApi>(p, ApiKey::kInitProducerId, *p.producer_ids);
}

void make_group_apis(Parts& p) {
  groups::GroupCoordinator& coordinator = *p.group_coordinator;
  serve<api::FindCoordinatorApi>(p, ApiKey::kFindCoordinator, coordinator, p.metadata,
                                 *p.auto_create);
  serve<api::JoinGroupApi>(p, ApiKey::kJoinGroup, coordinator);
  serve<api::SyncGroupApi>(p, ApiKey::kSyncGroup, coordinator);
  serve<api::HeartbeatApi>(p, ApiKey::kHeartbeat, coordinator);
  serve<api::LeaveGroupApi>(p, ApiKey::kLeaveGroup, coordinator);
  const api::ZookeeperOffsets in_zookeeper{*p.consumer_offsets, p.session->scope()};
  serve<api::OffsetCommitApi>(p, ApiKey::kOffsetCommit, coordinator, p.metadata, in_zookeeper);
  serve<api::OffsetFetchApi>(p, ApiKey::kOffsetFetch, coordinator, p.metadata, in_zookeeper);
  serve<api::OffsetDeleteApi>(p, ApiKey::kOffsetDelete, coordinator, p.metadata);
  serve<api::ListGroupsApi>(p, ApiKey::kListGroups, coordinator);
  serve<api::DescribeGroupsApi>(p, ApiKey::kDescribeGroups, coordinator);
  serve<api::DeleteGroupsApi>(p, ApiKey::kDeleteGroups, coordinator);
}

void make_admin_apis(Parts& p) {
  const auto config = p.config.get();
  const api::ConfigContext configs = config_context(p);
  serve<api::CreateTopicsApi>(p, ApiKey::kCreateTopics, admin_context(p),
                              [configs] { return api::broker_sources(configs); });
  serve<api::DeleteTopicsApi>(p, ApiKey::kDeleteTopics, admin_context(p),
                              config->topics.delete_enable);
  serve<api::CreatePartitionsApi>(p, ApiKey::kCreatePartitions, admin_context(p));
  serve<api::DescribeConfigsApi>(p, ApiKey::kDescribeConfigs, configs);
  serve<api::AlterConfigsApi>(p, ApiKey::kAlterConfigs, configs);
  serve<api::IncrementalAlterConfigsApi>(p, ApiKey::kIncrementalAlterConfigs, configs);
}

void make_inter_broker_apis(Parts& p) {
  const api::OwnBrokerEpoch own_epoch = [&p] { return p.session->broker_epoch(); };
  serve<api::LeaderAndIsrApi>(p, ApiKey::kLeaderAndIsr, *p.replica_control, own_epoch,
                              [&p](std::vector<std::string> topics) {
                                return read_new_topic_configs(&p, std::move(topics));
                              });
  serve<api::StopReplicaApi>(p, ApiKey::kStopReplica, *p.replica_control, own_epoch);
  serve<api::UpdateMetadataApi>(p, ApiKey::kUpdateMetadata, *p.replica_control, p.metadata,
                                own_epoch, [&p](std::vector<base::TopicPartition> partitions) {
                                  p.group_coordinator->on_partitions_deleted(std::move(partitions));
                                });
  serve<api::ControlledShutdownApi>(p, ApiKey::kControlledShutdown, *p.controller);
  serve<api::AlterPartitionApi>(p, ApiKey::kAlterPartition, *p.controller);
  serve<api::AllocateProducerIdsApi>(p, ApiKey::kAllocateProducerIds, *p.controller);
}

// Half of the descriptors are for log files (Broker::open_logs), some for everything else: sockets
// to ZooKeeper and other brokers, checkpoints, the listeners.
std::size_t descriptors_of_connections(std::size_t limit) {
  constexpr std::size_t kOthersMax = 256;
  return limit / 2 - std::min(limit / 8, kOthersMax);
}

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

}  // namespace

void make_network(Parts& p) {
  const auto config = p.config.get();
  p.budget = std::make_unique<network::MemoryBudget>(network::derived_budget_bytes(
      config->network.queued_max_request_bytes, config->network.socket_request_max_bytes,
      runtime::memory_limit_bytes(*p.files)));
  p.request_scopes = std::make_unique<api::LoopScopes>(p.data_loops);
  p.broker_addresses = std::make_unique<BrokerAddresses>(p.control, *p.resolver, p.metadata);
  p.server = std::make_unique<network::Server>(
      config->network, p.control, p.data_loops, *p.resolver, *p.budget, p.dispatcher,
      network::ServerLimits{.connections_max = static_cast<std::int32_t>(std::min<std::size_t>(
                                descriptors_of_connections(p.open_files_limit), INT32_MAX)),
                            .is_broker_address = [&p](const std::string& ip) {
                              return p.broker_addresses->contains(ip);
                            }});
}

void apply_identity(Parts& p, const cluster::ClusterIdentity& identity) {
  config::LoadReport report;
  auto merged = config::load_with_dynamic(p.properties, identity.dynamic_default,
                                          identity.dynamic_broker, report);
  for (const std::string& warning : report.warnings) LOG_WARN("{}", warning);
  p.dynamic_default = identity.dynamic_default;
  p.dynamic_broker = identity.dynamic_broker;
  p.settled_config = *p.config.get();
  if (merged) {
    p.settled_config = std::move(*merged);
  } else {
    LOG_ERROR("dynamic broker config not applied: {}", merged.error().to_string());
  }
  p.settled_config.identity.broker_id = identity.broker_id;
  p.config.set(std::make_shared<const config::ServerConfig>(p.settled_config));
  apply_logging(p.settled_config.logging);
}

std::unique_ptr<controller::Controller> make_controller(Parts& p) {
  return std::make_unique<controller::Controller>(
      p.control, *p.resolver, controller::Settings::from(p.settled_config, p.broker_id));
}

std::int64_t wire_epoch(const Parts& p) {
  const auto epoch = p.session->broker_epoch();
  return epoch ? epoch->value() : protocol::kNoBrokerEpoch;
}

void make_apis(Parts& p) {
  p.auto_create = std::make_unique<api::AutoCreate>(p.config.get()->topics.auto_create_enable,
                                                    *p.topic_admin, p.session->scope());
  serve<api::ApiVersionsApi>(p, ApiKey::kApiVersions, p.dispatcher, [&p] {
    return p.features != nullptr ? p.features->epoch() : std::nullopt;
  });
  serve<api::SaslHandshakeApi>(p, ApiKey::kSaslHandshake);
  serve<api::SaslAuthenticateApi>(p, ApiKey::kSaslAuthenticate);
  make_data_apis(p);
  make_group_apis(p);
  make_admin_apis(p);
  make_inter_broker_apis(p);
}

cluster::BrokerInfo registration_of(Parts& p) {
  const auto config = p.config.get();
  cluster::BrokerInfo info;
  info.id = p.broker_id;
  info.rack = config->identity.rack;
  info.timestamp_ms = p.clock().wall_ms();
  for (config::Listener endpoint : config->network.advertised_listeners) {
    if (endpoint.host.empty()) endpoint.host = host_name();
    if (endpoint.port == 0) {
      const auto& bound = p.server->bound();
      const auto place = std::find_if(bound.begin(), bound.end(), [&](const auto& candidate) {
        return candidate.listener.name == endpoint.name;
      });
      if (place != bound.end()) endpoint.port = place->address.port();
    }
    info.endpoints.push_back(std::move(endpoint));
  }
  return info;
}

}  // namespace server
