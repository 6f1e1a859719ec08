// Purpose: the JSON of /brokers/topics/T/partitions/P/state: leader and ISR.
// Source: TopicPartitionStateZNode in ZkData.scala, LeaderAndIsr.scala (3.9).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cluster {

// The znode's dataVersion is the partition epoch; it stands in the Stat, not in here.
struct PartitionState {
  std::int32_t leader = -1;  // -1: none
  std::int32_t leader_epoch = 0;
  std::vector<std::int32_t> isr;
  std::int32_t controller_epoch = 0;  // of the controller that wrote the node last
  bool recovering = false;            // an unclean leader that has not recovered yet (IBP 3.2+)
  friend bool operator==(const PartitionState&, const PartitionState&) = default;
};

// `leader_recovery_state` is written only while recovering.
std::string encode_partition_state(const PartitionState& state);
// Errors: Errc::corrupt.
base::Result<PartitionState> decode_partition_state(std::string_view json);

}  // namespace cluster
