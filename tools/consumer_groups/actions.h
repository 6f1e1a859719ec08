// Purpose: the actions of kafka-consumer-groups, each from the command to its output on stdout and
// stderr.
#pragma once

#include "runtime/loop.h"
#include "tools/consumer_groups/cluster_groups.h"
#include "tools/consumer_groups/command.h"
#include "tools/tool.h"

namespace consumer_groups {

// The groups that the command names, each once; all there are with --all-groups.
runtime::Task<tools::Outcome<std::vector<std::string>>> groups_of(ClusterGroups& groups,
                                                                  const Command& command);

runtime::Task<tools::Outcome<>> list_groups(ClusterGroups& groups, const Command& command);
runtime::Task<tools::Outcome<>> describe_groups(ClusterGroups& groups, const Command& command);
runtime::Task<tools::Outcome<>> delete_groups(ClusterGroups& groups, const Command& command);
runtime::Task<tools::Outcome<>> delete_offsets(ClusterGroups& groups, const Command& command);

// A usage error is what Kafka takes for one although the brokers had to be asked.
runtime::Task<tools::Outcome<tools::Usage<>>> reset_offsets(ClusterGroups& groups,
                                                            const Command& command,
                                                            std::int64_t now_wall_ms);

}  // namespace consumer_groups
