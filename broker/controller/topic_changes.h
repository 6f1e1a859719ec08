// Purpose: topics and partitions that appear or vanish in ZooKeeper.
// Source: KafkaController.scala (3.9): processTopicChange, processPartitionModifications,
// processTopicIds, onNewPartitionCreation.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "broker/controller/environment.h"
#include "broker/controller/machines.h"

namespace controller {

class TopicChanges {
 public:
  TopicChanges(Environment& environment, Machines& machines)
      : env_(environment), machines_(machines) {}

  // /brokers/topics changed.
  runtime::Task<base::Result<void>> on_topics_changed();
  // /brokers/topics/T changed: new partitions. Changed replicas of known ones are ignored.
  runtime::Task<base::Result<void>> on_topic_modified(std::string name);
  // /admin/delete_topics changed.
  runtime::Task<base::Result<void>> on_deletion_markers_changed();

  // Puts topics and their assignments into the context, gives ids to those without one (IBP 2.8
  // on; below, ids that are there are kept). Answers their partitions. Topics whose node is gone or
  // unreadable are logged and left out.
  runtime::Task<base::Result<std::vector<TopicPartition>>> load(std::vector<std::string> names);

 private:
  runtime::Task<base::Result<void>> start_partitions(std::vector<TopicPartition> partitions);
  // Somebody added partitions to a topic that is being deleted: takes them out again.
  runtime::Task<base::Result<void>> restore_assignment(std::string name,
                                                       cluster::TopicAssignment found);

  Environment& env_;
  Machines& machines_;
};

}  // namespace controller
