// Purpose: the ISR changes of this broker with all they need: by AlterPartition or by the state
// znode, as inter.broker.protocol.version has it.
#pragma once

#include <memory>

#include "broker/cluster/controller_link.h"
#include "broker/replication/isr_by_controller.h"
#include "broker/replication/isr_by_zookeeper.h"
#include "broker/replication/isr_changes.h"

namespace server {

struct Parts;

// Control loop, except for the keeper.
class IsrService {
 public:
  explicit IsrService(Parts& parts);

  replication::IsrKeeper& keeper() { return *changes_; }
  void start();
  // Nothing is proposed, written or handed to a lane any more.
  runtime::Task<void> stop();
  // After the ZooKeeper session was closed, for whose answers something may still wait.
  runtime::Task<void> close();

 private:
  std::unique_ptr<cluster::ControllerLink> link_;  // with AlterPartition only, like by_controller_
  std::unique_ptr<replication::IsrByController> by_controller_;
  std::unique_ptr<replication::IsrByZookeeper> by_zookeeper_;
  replication::IsrStatesInZookeeper states_;
  std::unique_ptr<replication::IsrChanges> changes_;
};

}  // namespace server
