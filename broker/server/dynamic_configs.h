// Purpose: what changed configs in ZooKeeper do to a running broker: topics' logs get new settings,
// the broker's own config is computed anew and handed to the parts that use it.
#pragma once

#include "broker/cluster/config_store.h"
#include "broker/replication/partition_table.h"
#include "broker/server/log_settings.h"
#include "config/properties.h"
#include "runtime/task_scope.h"
#include "storage/log_manager.h"

namespace server {

// What a changed broker config sets in motion beside the logs. Control loop.
class BrokerConfigUser {
 public:
  virtual ~BrokerConfigUser() = default;
  virtual void on_changed(const config::ServerConfig& before, const config::ServerConfig& now) = 0;
  // A topic's own config says that it may be led by a replica outside the ISR.
  virtual void on_unclean_allowed(const std::string& topic) = 0;
};

// Control loop.
class DynamicConfigs final : public cluster::ConfigListener {
 public:
  DynamicConfigs(runtime::Loop& control, const config::Properties& file, CurrentConfig& current,
                 const TopicSettings& settings, storage::LogManager& logs,
                 replication::PartitionTable& partitions, BrokerConfigUser& user);

  void on_topic_config(const std::string& topic, cluster::ConfigPointer overrides) override;
  void on_broker_config(cluster::ConfigPointer default_config,
                        cluster::ConfigPointer own_config) override;
  runtime::Task<void> stop();

 private:
  void apply(const std::string& topic);
  // The broker's config has changed, and so have the settings of every topic that has a log here:
  // each as it is when its turn comes.
  runtime::Task<void> apply_all();

  const config::Properties& file_;
  CurrentConfig& current_;
  const TopicSettings& settings_;
  storage::LogManager& logs_;
  replication::PartitionTable& partitions_;
  BrokerConfigUser& user_;
  std::vector<std::string> waiting_;  // topics that apply_all() has still to visit
  bool is_applying_ = false;
  runtime::TaskScope scope_;
};

}  // namespace server
