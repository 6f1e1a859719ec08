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
  // /brokers/topics/T/partitions/P/state changed; watched only while it is unreadable.
  runtime::Task<base::Result<void>> on_state_changed(TopicPartition partition);
  // /admin/delete_topics changed.
  runtime::Task<base::Result<void>> on_deletion_markers_changed();

  // Tries again what a topic's znodes refused: reading, and removing.
  runtime::Task<base::Result<void>> retry_refused();

  // Puts topics and their assignments into the context, gives ids to those without one (IBP 2.8
  // on; below, ids that are there are kept). Answers their partitions. Topics whose node is gone
  // are left out, and so are those that make no sense: each is named once, and looked at again when
  // its node changes.
  runtime::Task<base::Result<std::vector<TopicPartition>>> load(std::vector<std::string> names);

  // What their state znodes say. Those that make no sense are named and watched.
  runtime::Task<base::Result<void>> load_states(std::vector<TopicPartition> partitions);

 private:
  // Partitions that may have been served before, under another controller.
  runtime::Task<base::Result<void>> adopt(std::vector<TopicPartition> partitions);
  runtime::Task<base::Result<void>> start_up(std::vector<TopicPartition> partitions);
  runtime::Task<base::Result<void>> load_some(std::vector<std::string> names,
                                              std::vector<TopicPartition>& partitions);
  runtime::Task<base::Result<void>> load_some_states(std::vector<TopicPartition> partitions);
  // Gives ids to topics that have none. Takes those out of `read` that may not be written.
  runtime::Task<base::Result<void>> assign_ids(
      std::map<std::string, cluster::TopicAssignment>& read);
  void leave_out(const std::string& topic, std::string_view reason);
  runtime::Task<base::Result<void>> start_partitions(std::vector<TopicPartition> partitions);
  // Somebody added partitions to a topic that is being deleted: takes them out again.
  runtime::Task<base::Result<void>> restore_assignment(std::string name,
                                                       cluster::TopicAssignment found);

  Environment& env_;
  Machines& machines_;
};

}  // namespace controller
