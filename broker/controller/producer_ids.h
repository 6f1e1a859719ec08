// Purpose: blocks of producer ids for brokers that ask the controller (IBP 3.0 on).
// Source: KafkaController.scala (3.9) processAllocateProducerIds, ZkProducerIdManager; KIP-730.
#pragma once

#include "broker/controller/environment.h"
#include "protocol/error_code.h"
#include "protocol/gen/allocate_producer_ids.h"

namespace controller {

// kNone, BROKER_ID_NOT_REGISTERED or STALE_BROKER_EPOCH. Pure.
protocol::ErrorCode check_producer_id_request(const ControllerContext& context,
                                              const protocol::AllocateProducerIdsRequest& request);

// The next block, written to ZooKeeper before it is given out. The caller is the active controller.
runtime::Task<base::Result<protocol::AllocateProducerIdsResponse>> allocate_producer_ids(
    Environment& env, protocol::AllocateProducerIdsRequest request);

}  // namespace controller
