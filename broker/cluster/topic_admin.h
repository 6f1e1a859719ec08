// Purpose: the administrative writes: create and delete topics, add partitions, change configs.
//
// These write znodes; the controller's watches do the rest. Outcomes carry Kafka's error code,
// because the order of checks and their codes are the contract (CreateTopics and its relatives).
// A write whose outcome is unknown is looked up and, if it had not happened, tried again: a
// creation that meets its own node counts as success (Kafka would answer TOPIC_ALREADY_EXISTS).
// Source: ZkAdminManager.scala, AdminZkClient.scala, KafkaZkClient.scala (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/assignment.h"
#include "broker/cluster/metadata_cache.h"
#include "broker/cluster/zk_session.h"
#include "config/properties.h"
#include "config/server_config.h"
#include "protocol/error_code.h"

namespace cluster {

struct NewTopic {
  std::string name;
  std::int32_t partitions = -1;          // -1: num.partitions
  std::int16_t replication_factor = -1;  // -1: default.replication.factor
  PartitionReplicas assignment;          // empty: placed by us
  std::vector<std::pair<std::string, std::optional<std::string>>> configs;
  bool validate_only = false;
};

struct MorePartitions {
  std::string name;
  std::int32_t count = 0;                              // in total
  std::optional<std::vector<ReplicaList>> assignment;  // of the new ones
  bool validate_only = false;
};

struct TopicOutcome {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::string message;  // empty on success
  base::TopicId topic_id;
  std::int32_t partitions = -1;  // in total
  std::int16_t replication_factor = -1;
  config::ConfigMap configs;  // the overrides, of a new topic

  bool ok() const { return error == protocol::ErrorCode::kNone; }
};

// Control loop: from others by call_on(session.scope(), ...). `config` is the broker's current one.
class TopicAdmin {
 public:
  TopicAdmin(ZkSession& session, const MetadataCache& metadata, const config::ServerConfig& config);

  // Checks from TOPIC_ALREADY_EXISTS on, in Kafka's order; the caller has checked controller,
  // duplicates and rights. Does not wait for leaders.
  runtime::Task<TopicOutcome> create_topic(NewTopic topic);
  // What a topic created on first use gets: internal topics with their own settings.
  NewTopic auto_created(std::string name) const;
  runtime::Task<TopicOutcome> add_partitions(MorePartitions request);
  // Marks for deletion; success too if it was marked already. The caller has checked
  // delete.topic.enable.
  runtime::Task<TopicOutcome> delete_topic(std::string name);

  // Replace the whole set of overrides, then notify all brokers. The topic's existence and the
  // values are checked (INVALID_CONFIG). A broker's values are the caller's to check.
  runtime::Task<TopicOutcome> set_topic_config(std::string topic, config::ConfigMap overrides,
                                               bool validate_only);
  runtime::Task<TopicOutcome> set_broker_config(std::optional<std::int32_t> broker,
                                                config::ConfigMap overrides);
  // What stands in ZooKeeper now (not this broker's copy): the base of an incremental change.
  runtime::Task<base::Result<config::ConfigMap>> read_config(std::string entity_path);

 private:
  struct Writer;
  base::Result<PartitionReplicas> place(const NewTopic& topic, TopicOutcome& outcome) const;

  ZkSession& session_;
  const MetadataCache& metadata_;
  const config::ServerConfig& config_;
};

}  // namespace cluster
