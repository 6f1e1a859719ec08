// Purpose: Kafka's offset checkpoints of a log directory: line 1 the version 0, line 2 the number
// of entries, then "topic partition offset" lines. Source: CheckpointFile, OffsetCheckpointFile.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace storage {

using OffsetCheckpoint = std::map<base::TopicPartition, base::Offset>;

inline constexpr char kRecoveryPointCheckpoint[] = "recovery-point-offset-checkpoint";
inline constexpr char kHighWatermarkCheckpoint[] = "replication-offset-checkpoint";
inline constexpr char kLogStartCheckpoint[] = "log-start-offset-checkpoint";
inline constexpr char kCleanerCheckpoint[] = "cleaner-offset-checkpoint";

base::Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text);
std::string format_offset_checkpoint(const OffsetCheckpoint& entries);

// A missing or empty file has no entries. Errc::corrupt when malformed.
base::Result<OffsetCheckpoint> read_offset_checkpoint(runtime::FileSystem& files,
                                                      const std::string& path);
base::Result<void> write_offset_checkpoint(runtime::FileSystem& files, const std::string& path,
                                           const OffsetCheckpoint& entries);

}  // namespace storage
