// Purpose: the steps by which a broker that won the election becomes the working controller.
// Source: KafkaController.scala (3.9) onControllerFailover, initializeControllerContext.
#pragma once

#include "broker/controller/broker_changes.h"
#include "broker/controller/environment.h"
#include "broker/controller/feature_setup.h"
#include "broker/controller/machines.h"
#include "broker/controller/replica_election.h"
#include "broker/controller/topic_changes.h"

namespace controller {

struct FailoverParts {
  Environment& env;
  Machines& machines;
  TopicChanges& topics;
  ReplicaElection& elections;
  ChannelSet& channels;
};

// The context is empty but for the epoch. On an error the caller resigns. All watches of the
// controller are armed when this returns: every read arms its own before anything is decided.
runtime::Task<base::Result<void>> take_over(FailoverParts parts);

}  // namespace controller
