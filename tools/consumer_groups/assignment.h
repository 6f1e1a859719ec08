// Purpose: which partitions a member of a consumer group has, from the bytes that its group's
// leader made. Pure. Source: ConsumerProtocolAssignment.json (3.9).
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace consumer_groups {

// Sorted. Empty bytes are no assignment; newer versions only add fields behind those read here.
base::Result<std::vector<base::TopicPartition>> decode_assignment(std::string_view bytes);

}  // namespace consumer_groups
