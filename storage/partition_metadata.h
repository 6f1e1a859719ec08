// Purpose: `partition.metadata`: the topic id of a partition directory. Two lines, no newline at
// the end: "version: 0", "topic_id: <base64url>". Source: PartitionMetadataFile.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace storage {

inline constexpr char kPartitionMetadataFile[] = "partition.metadata";

base::Result<base::TopicId> parse_partition_metadata(std::string_view text);
std::string format_partition_metadata(base::TopicId id);
// nullopt: no such file, an empty one (a power failure before its first sync), or, with a warning,
// one that makes no sense.
base::Result<std::optional<base::TopicId>> read_partition_metadata(runtime::FileSystem& files,
                                                                   const std::string& directory);

// Not synced; by way of a temporary file, so that a kill leaves all or nothing.
base::Result<void> write_partition_metadata(runtime::FileSystem& files,
                                            const std::string& directory, base::TopicId id);

}  // namespace storage
