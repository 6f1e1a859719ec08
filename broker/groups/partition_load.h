// Purpose: what the log of one offsets partition says: groups and their offsets, from its start to
// its end. Plain synchronous code that reads from the disk: for a worker.
// Source: GroupMetadataManager.doLoadGroupsAndOffsets (3.9).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "broker/groups/group_offsets.h"
#include "broker/groups/offset_records.h"
#include "storage/partition_log.h"

namespace groups {

struct LoadedGroup {
  std::optional<GroupRecord> record;  // absent: the group only stores offsets
  GroupOffsets offsets;
};

struct LoadCounts {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  std::int64_t skipped = 0;  // records of key versions that only newer brokers know
  std::int64_t damaged = 0;  // records or batches that could not be read: what they said is lost
};

struct LoadedPartition {
  std::unordered_map<std::string, LoadedGroup> groups;
  LoadCounts counts;
};

// Builds that from batches in the order of the log; later records win.
class PartitionLoader {
 public:
  explicit PartitionLoader(std::string name) : name_(std::move(name)) {}

  // One whole batch. A record that makes no sense is counted and said in the log, and the others
  // go on: giving up would lose every group of the partition.
  void add(const protocol::RecordBatchView& batch);
  // What is left when the log has ended. Uses the loader up.
  LoadedPartition finish() &&;

 private:
  struct PendingKey {
    std::string group_id;
    base::TopicPartition id;
    friend auto operator<=>(const PendingKey&, const PendingKey&) = default;
  };
  struct PendingOffset {
    CommittedOffset value;
    base::Offset log_offset;
  };
  using PendingOffsets = std::map<PendingKey, PendingOffset>;

  void on_marker(const protocol::RecordBatchView& batch);
  base::Result<void> add_records(const protocol::RecordBatchView& batch);
  base::Result<void> add_record(const protocol::RecordBatchView& batch,
                                const protocol::RecordView& record);
  base::Result<void> on_offset(const protocol::RecordBatchView& batch, const OffsetKey& key,
                               const std::optional<base::Bytes>& value);
  base::Result<void> on_group(const GroupKey& key, const std::optional<base::Bytes>& value);
  LoadedGroup& group(std::string_view id);
  void damaged(const protocol::RecordBatchView& batch, const base::Error& error);

  const std::string name_;
  LoadedPartition loaded_;
  std::map<std::int64_t, PendingOffsets> pending_;  // by producer id
};

// Reads in pieces of `buffer_bytes`. Errc::cancelled once `stop` is set; the log's own errors.
base::Result<LoadedPartition> load_partition(storage::PartitionLog& log, std::int64_t buffer_bytes,
                                             const std::atomic<bool>& stop);

}  // namespace groups
