// Purpose: everything a broker is made of, in the order in which it is made; destroyed backwards.
// Only broker/server sees this: the rooms know each other by the references they are given.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/api/api_handler.h"
#include "broker/api/auto_create.h"
#include "broker/api/dispatcher.h"
#include "broker/api/loop_scopes.h"
#include "broker/cluster/config_store.h"
#include "broker/cluster/consumer_offsets.h"
#include "broker/cluster/controller_link.h"
#include "broker/cluster/feature_watch.h"
#include "broker/cluster/log_dir_events.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/cluster/topic_admin.h"
#include "broker/cluster/zk_session.h"
#include "broker/controller/controller.h"
#include "broker/groups/group_coordinator.h"
#include "broker/network/memory_budget.h"
#include "broker/network/server.h"
#include "broker/replication/fetch_session_table.h"
#include "broker/replication/follower/fetcher_manager.h"
#include "broker/replication/replica_control.h"
#include "broker/server/broker_addresses.h"
#include "broker/server/cleaning.h"
#include "broker/server/directory_workers.h"
#include "broker/server/dynamic_configs.h"
#include "broker/server/isr_service.h"
#include "broker/server/live_config.h"
#include "broker/server/log_settings.h"
#include "broker/server/upkeep.h"
#include "broker/transactions/producer_id_source.h"
#include "config/properties.h"
#include "config/server_config.h"
#include "runtime/posix/file_system.h"
#include "runtime/uv/system.h"
#include "runtime/uv/threads.h"
#include "storage/log_manager.h"

namespace server {

struct Parts {
  Parts(runtime::UvLoop& control_loop, config::Properties file, config::ServerConfig initial)
      : control(control_loop),
        properties(std::move(file)),
        config(std::make_shared<const config::ServerConfig>(std::move(initial))) {}

  runtime::Clock& clock() { return control.clock(); }

  runtime::UvLoop& control;
  config::Properties properties;
  CurrentConfig config;
  config::ServerConfig settled_config;  // the one at start, with the broker id that was settled
  config::ConfigMap dynamic_default;    // of the brokers, as the start has read them
  config::ConfigMap dynamic_broker;
  std::size_t open_files_limit = 1024;
  std::int32_t broker_id = -1;
  std::string cluster_id;

  // The outer world.
  runtime::SystemRandom random;
  std::unique_ptr<runtime::FileSystem> files = runtime::make_posix_file_system();
  std::unique_ptr<runtime::WorkerPool> resolver;
  std::unique_ptr<runtime::WorkerPool> disk;            // look-ups, recovery
  std::unique_ptr<DirectoryWorkers> directories;        // flushes, upkeep, the controller's orders
  std::unique_ptr<runtime::WorkerPool> replica_orders;  // one thread: splits these orders
  std::unique_ptr<runtime::WorkerPool> heavy;           // large compressed batches
  std::vector<std::unique_ptr<runtime::LoopThread>> data_threads;
  std::vector<runtime::Loop*> data_loops;

  // Domain.
  cluster::MetadataCache metadata;
  std::unique_ptr<cluster::ConfigStore> config_store;
  std::unique_ptr<TopicSettings> topic_settings;
  std::unique_ptr<cluster::FeatureWatch> features;  // IBP 2.7 and above
  std::unique_ptr<storage::LogManager> logs;
  replication::PartitionTable partitions;
  std::unique_ptr<replication::FetchSessionTable> fetch_sessions;
  std::unique_ptr<replication::follower::FetcherManager> fetchers;
  std::unique_ptr<replication::ReplicaControl> replica_control;
  std::unique_ptr<groups::GroupCoordinator> group_coordinator;
  std::unique_ptr<cluster::ZkSession> session;
  std::unique_ptr<cluster::LogDirEvents> log_dir_events;
  std::unique_ptr<cluster::TopicAdmin> topic_admin;
  std::unique_ptr<cluster::ConsumerOffsets> consumer_offsets;  // of clients without coordinator
  std::unique_ptr<cluster::ControllerLink> controller_link;
  std::unique_ptr<IsrService> isr;
  std::unique_ptr<controller::Controller> controller;
  std::unique_ptr<LiveConfig> live_config;
  std::unique_ptr<DynamicConfigs> dynamic_configs;
  std::unique_ptr<Upkeep> upkeep;
  std::unique_ptr<Cleaning> cleaning;  // null with log.cleaner.enable=false

  // Network and APIs.
  std::unique_ptr<network::MemoryBudget> budget;
  std::unique_ptr<BrokerAddresses> broker_addresses;
  std::unique_ptr<api::LoopScopes> request_scopes;
  std::unique_ptr<api::AutoCreate> auto_create;
  std::unique_ptr<transactions::ProducerIdSource> producer_ids;
  api::Dispatcher dispatcher;
  std::vector<std::unique_ptr<api::ApiHandler>> apis;  // which the dispatcher knows by their keys
  std::unique_ptr<network::Server> server;
};

}  // namespace server
