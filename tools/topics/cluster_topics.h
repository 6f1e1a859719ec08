// Purpose: kafka-topics --bootstrap-server: the brokers do the work. Output is Kafka 3.9's.
// Source: TopicCommand.java (3.9).
#pragma once

#include "client/cluster_client.h"
#include "runtime/task.h"
#include "tools/tool.h"
#include "tools/topics/command.h"
#include "tools/topics/description.h"

namespace topics {

class ClusterTopics {
 public:
  explicit ClusterTopics(client::ClusterClient& cluster) : cluster_(cluster) {}

  // Prints as it goes.
  runtime::Task<tools::Outcome<>> run(Command command);

 private:
  runtime::Task<tools::Outcome<>> create(Command command);
  runtime::Task<tools::Outcome<>> list(Command command);
  runtime::Task<tools::Outcome<>> alter(Command command);
  runtime::Task<tools::Outcome<>> describe(Command command);
  runtime::Task<tools::Outcome<>> remove(Command command);
  // Fills in the overrides and min.insync.replicas.
  runtime::Task<tools::Outcome<>> add_configs(std::vector<TopicDescription>& topics);

  client::ClusterClient& cluster_;
};

}  // namespace topics
