// Purpose: kafka-topics --zookeeper: reads and writes the znodes of topics itself, as the tool of
// Kafka 2.4 does, so that it works without any broker. Output is Kafka 2.4's.
// Source: ZookeeperTopicService in TopicCommand.scala, AdminZkClient.scala (2.4).
#pragma once

#include "runtime/random.h"
#include "runtime/task.h"
#include "tools/tool.h"
#include "tools/topics/command.h"
#include "zkclient/client.h"

namespace topics {

class ZookeeperTopics {
 public:
  // `client` is connected; `random` decides where the first replica of a new topic goes.
  ZookeeperTopics(zkclient::Client& client, runtime::Random& random)
      : client_(client), random_(random) {}

  // Prints as it goes.
  runtime::Task<tools::Outcome<>> run(Command command);

 private:
  runtime::Task<tools::Outcome<>> create(Command command);
  runtime::Task<tools::Outcome<>> list(Command command);
  runtime::Task<tools::Outcome<>> alter(Command command);
  runtime::Task<tools::Outcome<>> describe(Command command);
  runtime::Task<tools::Outcome<>> remove(Command command);

  runtime::Task<tools::Outcome<>> alter_config(std::string topic, Command command);
  runtime::Task<tools::Outcome<>> add_partitions(std::string topic, Command command);

  // Names of all topics, sorted; of those that match --topic. None found where one must be: a
  // failure.
  runtime::Task<tools::Outcome<std::vector<std::string>>> all_topics();
  runtime::Task<tools::Outcome<std::vector<std::string>>> matching_topics(Command command);
  runtime::Task<tools::Outcome<std::vector<cluster::AssignableBroker>>> brokers(bool ignore_racks);
  runtime::Task<tools::Outcome<config::ConfigMap>> topic_config(std::string topic);
  runtime::Task<tools::Outcome<>> write_topic_config(std::string topic, config::ConfigMap configs);

  // Creates the znode with its parents; `already_exists` when it was there with other data than
  // ours. A create whose outcome is unknown is looked up.
  enum class Created : bool { by_us, already_exists };
  runtime::Task<tools::Outcome<Created>> create_znode(std::string path, zkclient::Data data);
  // The children, none if the znode is missing.
  runtime::Task<tools::Outcome<std::vector<std::string>>> children(std::string path);

  zkclient::Client& client_;
  runtime::Random& random_;
};

}  // namespace topics
