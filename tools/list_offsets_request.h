// Purpose: the ListOffsets request of a tool that asks one leader for some of its partitions.
#pragma once

#include <cstdint>
#include <vector>

#include "base/types.h"
#include "protocol/gen/list_offsets.h"

namespace tools {

// `timestamp`: a time in ms, or one of the special values of ListOffsets.
protocol::ListOffsetsRequest list_offsets_request(
    const std::vector<base::TopicPartition>& partitions, std::int64_t timestamp);

}  // namespace tools
