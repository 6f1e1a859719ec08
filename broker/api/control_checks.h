// Purpose: what other brokers send about topics, partitions and brokers is checked at the edge:
// names that would leave the log directory, numbers below zero, enumerations that nobody knows.
//
// Single entries that are wrong are taken out of a request, each with a line, so that one of them
// does not hold up the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "protocol/error_code.h"
#include "protocol/gen/alter_partition.h"
#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/stop_replica.h"
#include "protocol/gen/update_metadata.h"

namespace api {

struct RefusedPartition {
  std::string topic;
  base::Uuid topic_id;
  std::int32_t partition = 0;
  protocol::ErrorCode error = protocol::ErrorCode::kInvalidRequest;
};

// Takes out what is wrong and names it. What is left is safe to apply.
std::vector<RefusedPartition> take_invalid(protocol::LeaderAndIsrRequest& request);
std::vector<RefusedPartition> take_invalid(protocol::StopReplicaRequest& request);
// Topics by name, below version 2: what no topic can be called is unknown, as in Kafka.
std::vector<RefusedPartition> take_invalid(protocol::AlterPartitionRequest& request,
                                           std::int16_t version);
// Partitions, endpoints and brokers; the response has no place to name them.
void drop_invalid(protocol::UpdateMetadataRequest& request);
// INVALID_REQUEST is the answer to false.
bool is_valid(const protocol::AlterPartitionRequest& request);

// Adds their errors to the response.
void add_refused(const std::vector<RefusedPartition>& refused,
                 protocol::LeaderAndIsrResponse& response);
void add_refused(const std::vector<RefusedPartition>& refused,
                 protocol::StopReplicaResponse& response);
void add_refused(const std::vector<RefusedPartition>& refused,
                 protocol::AlterPartitionResponse& response);

}  // namespace api
