// Purpose: the state machines and what is built on them, as one bundle.
#pragma once

#include "broker/controller/partition_state_machine.h"
#include "broker/controller/replica_state_machine.h"
#include "broker/controller/topic_deletion.h"

namespace controller {

struct Machines {
  explicit Machines(Environment& environment)
      : partitions(environment),
        replicas(environment),
        deletion(environment, partitions, replicas) {}
  Machines(const Machines&) = delete;
  Machines& operator=(const Machines&) = delete;

  PartitionStateMachine partitions;
  ReplicaStateMachine replicas;
  TopicDeletion deletion;
};

}  // namespace controller
