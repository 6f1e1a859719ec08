// Purpose: the JSON of ISR change and log directory event notifications.
// Source: IsrChangeNotificationSequenceZNode, LogDirEventNotificationSequenceZNode (ZkData.scala).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace cluster {

// /isr_change_notification/isr_change_N
std::string encode_isr_change(const std::vector<base::TopicPartition>& partitions);
base::Result<std::vector<base::TopicPartition>> decode_isr_change(std::string_view json);

// /log_dir_event_notification/log_dir_event_N: a log directory of `broker` failed.
std::string encode_log_dir_event(std::int32_t broker);
base::Result<std::int32_t> decode_log_dir_event(std::string_view json);

}  // namespace cluster
