#include "broker/server/make_apis.h"

#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "broker/server/logging.h"
#include "runtime/memory_limit.h"

namespace server {
namespace {

using protocol::ApiKey;

template <class Api, class... Args>
void serve(Parts& parts, std::unique_ptr<Api>& slot, ApiKey key, Args&&... args) {
  slot = std::make_unique<Api>(std::forward<Args>(args)...);
  parts.dispatcher.add(key, *slot);
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

void make_data_apis(Parts& p) {
  const auto config = p.config.get();
  serve(p, p.apis.produce, ApiKey::kProduce, p.partitions, *p.logs, p.metadata, *p.heavy,
        *p.request_scopes);
  serve(
      p, p.apis.fetch, ApiKey::kFetch,
      api::FetchApi::Options{config->network.fetch_max_bytes, p.disk.get(), p.request_scopes.get()},
      p.partitions, *p.logs, p.metadata, *p.fetch_sessions);
  serve(p, p.apis.list_offsets, ApiKey::kListOffsets, p.partitions, *p.logs, p.metadata, *p.disk);
  serve(p, p.apis.offset_for_leader_epoch, ApiKey::kOffsetForLeaderEpoch, p.partitions, *p.logs,
        p.metadata);
  serve(p, p.apis.metadata, ApiKey::kMetadata, p.metadata, p.cluster_id, *p.auto_create);
  serve(p, p.apis.describe_cluster, ApiKey::kDescribeCluster, p.metadata, p.cluster_id);
  serve(p, p.apis.init_producer_id, ApiKey::kInitProducerId, *p.producer_ids);
}

void make_group_apis(Parts& p) {
  groups::GroupCoordinator& coordinator = *p.group_coordinator;
  serve(p, p.apis.find_coordinator, ApiKey::kFindCoordinator, coordinator, p.metadata,
        *p.auto_create);
  serve(p, p.apis.join_group, ApiKey::kJoinGroup, coordinator);
  serve(p, p.apis.sync_group, ApiKey::kSyncGroup, coordinator);
  serve(p, p.apis.heartbeat, ApiKey::kHeartbeat, coordinator);
  serve(p, p.apis.leave_group, ApiKey::kLeaveGroup, coordinator);
  const api::ZookeeperOffsets in_zookeeper{*p.consumer_offsets, p.session->scope()};
  serve(p, p.apis.offset_commit, ApiKey::kOffsetCommit, coordinator, p.metadata, in_zookeeper);
  serve(p, p.apis.offset_fetch, ApiKey::kOffsetFetch, coordinator, p.metadata, in_zookeeper);
  serve(p, p.apis.offset_delete, ApiKey::kOffsetDelete, coordinator, p.metadata);
  serve(p, p.apis.list_groups, ApiKey::kListGroups, coordinator);
  serve(p, p.apis.describe_groups, ApiKey::kDescribeGroups, coordinator);
  serve(p, p.apis.delete_groups, ApiKey::kDeleteGroups, coordinator);
}

void make_admin_apis(Parts& p) {
  const auto config = p.config.get();
  const api::ConfigContext configs = config_context(p);
  serve(p, p.apis.create_topics, ApiKey::kCreateTopics, admin_context(p),
        [configs] { return api::broker_sources(configs); });
  serve(p, p.apis.delete_topics, ApiKey::kDeleteTopics, admin_context(p),
        config->topics.delete_enable);
  serve(p, p.apis.create_partitions, ApiKey::kCreatePartitions, admin_context(p));
  serve(p, p.apis.describe_configs, ApiKey::kDescribeConfigs, configs);
  serve(p, p.apis.alter_configs, ApiKey::kAlterConfigs, configs);
  serve(p, p.apis.incremental_alter_configs, ApiKey::kIncrementalAlterConfigs, configs);
}

void make_inter_broker_apis(Parts& p) {
  const api::OwnBrokerEpoch own_epoch = [&p] { return p.session->broker_epoch().value(); };
  serve(p, p.apis.leader_and_isr, ApiKey::kLeaderAndIsr, *p.replica_control, own_epoch,
        [&p](std::vector<std::string> topics) {
          return read_new_topic_configs(&p, std::move(topics));
        });
  serve(p, p.apis.stop_replica, ApiKey::kStopReplica, *p.replica_control, own_epoch);
  serve(p, p.apis.update_metadata, ApiKey::kUpdateMetadata, *p.replica_control, p.metadata,
        own_epoch, [&p](std::vector<base::TopicPartition> partitions) {
          p.group_coordinator->on_partitions_deleted(std::move(partitions));
        });
  serve(p, p.apis.controlled_shutdown, ApiKey::kControlledShutdown, *p.controller);
  serve(p, p.apis.alter_partition, ApiKey::kAlterPartition, *p.controller);
  serve(p, p.apis.allocate_producer_ids, ApiKey::kAllocateProducerIds, *p.controller);
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

void make_apis(Parts& p) {
  p.auto_create = std::make_unique<api::AutoCreate>(p.config.get()->topics.auto_create_enable,
                                                    *p.topic_admin, p.session->scope());
  p.apis.api_versions = std::make_unique<api::ApiVersionsApi>(p.dispatcher, [&p] {
    return p.features != nullptr ? p.features->epoch() : cluster::FeatureWatch::kUnknown;
  });
  serve(p, p.apis.sasl_handshake, ApiKey::kSaslHandshake);
  serve(p, p.apis.sasl_authenticate, ApiKey::kSaslAuthenticate);
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
