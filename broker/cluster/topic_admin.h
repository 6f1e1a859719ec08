// Purpose: the administrative writes: create and delete topics, add partitions, change configs.
//
// These write znodes; the controller's watches do the rest. Outcomes carry Kafka's error code,
// because the order of checks and their codes are the contract (CreateTopics and its relatives).
// Source: ZkAdminManager.scala, AdminZkClient.scala, KafkaZkClient.scala (3.9).
//
// Where Kafka writes several znodes one after the other, these are one multi here, with the same
// check of /controller: a topic never exists with half its znodes. A write whose outcome is unknown
// is looked up and, if it had not happened, tried again: a creation that meets its own node counts
// as success (Kafka would answer TOPIC_ALREADY_EXISTS).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/admin_write.h"
#include "broker/cluster/assignment.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/cluster/partition_growth.h"
#include "broker/cluster/topic_outcome.h"
#include "broker/cluster/zk_session.h"
#include "config/properties.h"
#include "config/server_config.h"
#include "protocol/error_code.h"

namespace cluster {

struct NewTopic {
  std::string name;
  std::optional<std::int32_t> partitions;          // else num.partitions
  std::optional<std::int16_t> replication_factor;  // else default.replication.factor
  PartitionReplicas assignment;                    // empty: placed by us
  std::vector<std::pair<std::string, std::optional<std::string>>> configs;
  bool validate_only = false;
};

// Control loop: from others by call_on(session.scope(), ...).
class TopicAdmin {
 public:
  // The references must outlive the object and its tasks.
  TopicAdmin(ZkSession& session, const MetadataCache& metadata,
             std::shared_ptr<const config::ServerConfig> config);
  // After a dynamic change.
  void set_config(std::shared_ptr<const config::ServerConfig> config) {
    config_ = std::move(config);
  }

  // Checks from TOPIC_ALREADY_EXISTS on, in Kafka's order; the caller has checked controller,
  // duplicates and rights. Does not wait for leaders.
  runtime::Task<TopicOutcome> create_topic(NewTopic topic);
  // Several at a time; an outcome for each.
  runtime::Task<std::vector<TopicOutcome>> create_topics(std::vector<NewTopic> topics);
  // What a topic created on first use gets: internal topics with their own settings.
  NewTopic auto_created(std::string name) const;
  runtime::Task<TopicOutcome> add_partitions(MorePartitions request);
  // Marks for deletion; success too if it was marked already. The caller has checked
  // delete.topic.enable.
  runtime::Task<TopicOutcome> delete_topic(std::string name);
  runtime::Task<std::vector<TopicOutcome>> delete_topics(std::vector<std::string> names);

  // Change the overrides that stand in ZooKeeper, then notify all brokers: of two changes at once
  // the second one sees the first. The topic's existence is checked, and its values
  // (INVALID_CONFIG); a broker's values are the edit's to check. nullopt is the default of all
  // brokers.
  runtime::Task<TopicOutcome> edit_topic_config(std::string topic, ConfigEdit edit,
                                                bool validate_only);
  runtime::Task<TopicOutcome> edit_broker_config(std::optional<std::int32_t> broker,
                                                 ConfigEdit edit, bool validate_only);
  // Replace them all.
  runtime::Task<TopicOutcome> set_topic_config(std::string topic, config::ConfigMap overrides,
                                               bool validate_only);
  runtime::Task<TopicOutcome> set_broker_config(std::optional<std::int32_t> broker,
                                                config::ConfigMap overrides);
  // As ZooKeeper says, for a broker that the controller has told nothing yet.
  runtime::Task<base::Result<bool>> topic_exists(std::string name);
  // What stands in ZooKeeper now (not this broker's copy).
  // `entity_path`: "topics/t", "brokers/1", "brokers/<default>".
  runtime::Task<base::Result<config::ConfigMap>> read_config(std::string entity_path);

 private:
  struct Placed {
    PartitionReplicas replicas;
    TopicOutcome outcome;
  };
  Placed place(const NewTopic& topic);
  // Existing names by what they collide on; read once for many new topics.
  using Colliding = std::multimap<std::string, std::string>;
  runtime::Task<base::Result<void>> read_colliding(zkclient::Client& client, Colliding* into);
  runtime::Task<TopicOutcome> check_new_topic(zkclient::Client& client, std::string name,
                                              Colliding* names);
  runtime::Task<TopicOutcome> create_topic(NewTopic topic, Colliding* names);
  struct Creations;
  runtime::Task<void> create_next(Creations* creations);
  struct Deletions;
  runtime::Task<void> delete_next(Deletions* deletions);

  ZkSession& session_;
  const MetadataCache& metadata_;
  std::shared_ptr<const config::ServerConfig> config_;
};

}  // namespace cluster
