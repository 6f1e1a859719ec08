// Purpose: the controller's Store on ZooKeeper: paths and JSON of broker/cluster, reads pipelined,
// writes fenced by the controller epoch. Contract: store.h.
#pragma once

#include "broker/controller/settings.h"
#include "broker/controller/store.h"
#include "broker/controller/zk_writes.h"

namespace controller {

class ZkStore final : public Store {
 public:
  ZkStore(SessionSlot& session, const Settings& settings)
      : session_(session), settings_(settings), writer_(session) {}

  // After each election.
  void set_fence(base::ZkVersion epoch_zk_version) { writer_.set_fence(epoch_zk_version); }
  // Gives up being controller in ZooKeeper, if we still are: removes /controller.
  StoreTask<void> remove_controller();

  StoreTask<std::vector<RegisteredBroker>> read_brokers() override;
  StoreTask<std::optional<RegisteredBroker>> read_broker(std::int32_t id) override;
  StoreTask<std::vector<std::string>> read_topics() override;
  StoreTask<std::vector<AssignmentRead>> read_assignments(std::vector<std::string> topics) override;
  StoreTask<RefusedTopics> write_assignments(
      std::map<std::string, cluster::TopicAssignment> assignments) override;
  StoreTask<std::set<std::int32_t>> read_partition_numbers(std::string topic) override;
  StoreTask<RefusedTopics> remove_topics(std::vector<std::string> topics) override;
  StoreTask<std::vector<StateRead>> read_states(std::vector<TopicPartition> partitions) override;
  StoreTask<std::vector<StateRead>> watch_states(std::vector<TopicPartition> partitions) override;
  StoreTask<std::vector<StateWriteResult>> create_states(std::vector<StateWrite> writes) override;
  StoreTask<std::vector<StateWriteResult>> update_states(std::vector<StateWrite> writes) override;
  StoreTask<std::map<std::string, base::Result<bool>>> read_unclean_allowed(
      std::set<std::string> topics) override;
  StoreTask<std::set<std::string>> read_deletion_markers() override;
  StoreTask<void> remove_deletion_markers(std::vector<std::string> topics) override;
  StoreTask<Notifications> read_isr_changes() override;
  StoreTask<void> remove_isr_changes(std::vector<std::string> children) override;
  StoreTask<Notifications> read_log_dir_events() override;
  StoreTask<void> remove_log_dir_events(std::vector<std::string> children) override;
  StoreTask<std::optional<std::vector<TopicPartition>>> read_preferred_election() override;
  StoreTask<void> remove_preferred_election() override;
  StoreTask<std::optional<cluster::Reassignments>> read_reassignments() override;
  StoreTask<void> write_reassignments(cluster::Reassignments reassignments) override;
  StoreTask<std::optional<cluster::FeatureNode>> read_features() override;
  StoreTask<base::ZkVersion> write_features(cluster::FeatureNode features) override;
  StoreTask<VersionedBlock> read_producer_id_block() override;
  StoreTask<bool> write_producer_id_block(cluster::ProducerIdBlock block,
                                          base::ZkVersion expected) override;

 private:
  using NodeRead = base::Result<zkclient::NodeData>;
  // Reads that failed for want of a server are repeated; others stand in their element.
  StoreTask<std::vector<NodeRead>> get_all(std::vector<std::string> paths, bool watch);
  StoreTask<std::vector<StateRead>> get_states(std::vector<TopicPartition> partitions, bool watch);
  // nullopt: no such znode. A watch is armed in either case.
  StoreTask<std::optional<zkclient::NodeData>> get_watched(std::string path);
  // Sorted; empty if there is no such znode.
  StoreTask<std::vector<std::string>> list(std::string path, bool watch);
  StoreTask<Notifications> read_notifications(std::string parent, std::string prefix,
                                              bool is_isr_change);
  // The topics' nodes and whatever is below them.
  StoreTask<RefusedTopics> remove_trees(std::vector<std::string> topics);
  struct TreeNode {
    std::string path;
    std::size_t root = 0;  // which of the trees it belongs to
  };
  // All nodes of the trees, parents before their children. What keeps a tree from being listed is
  // put into `refusals`, by root.
  StoreTask<std::vector<TreeNode>> list_trees(std::vector<std::string> roots,
                                              std::map<std::size_t, base::Error>& refusals);
  StoreTask<void> remove_children(std::string parent, std::vector<std::string> children);
  // Each for itself: one that cannot be removed is named in a line and left alone.
  StoreTask<void> remove_each(std::vector<zkclient::Op> ops);

  SessionSlot& session_;
  const Settings& settings_;
  FencedWriter writer_;
};

}  // namespace controller
