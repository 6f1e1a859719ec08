// Purpose: where each leader epoch began in one log, ascending, kept in memory and as
// `leader-epoch-checkpoint`. Source: LeaderEpochFileCache, LeaderEpochCheckpointFile.
//
// Changes are made in memory; the owner writes the file out before it moves its recovery point:
// entries above it are learned again from the batch headers by recovery. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace storage {

struct EpochEntry {
  base::LeaderEpoch epoch;
  base::Offset start_offset;
  friend bool operator==(const EpochEntry&, const EpochEntry&) = default;
};

// KIP-320's answer to "where did this epoch end?"; (-1, -1) when unknown.
struct EpochEndOffset {
  base::LeaderEpoch epoch{-1};
  base::Offset end_offset{-1};
  friend bool operator==(const EpochEndOffset&, const EpochEndOffset&) = default;
};

class LeaderEpochCache {
 public:
  LeaderEpochCache(runtime::FileSystem& files, std::string path);

  // Reads the file; a missing one is empty. Errc::corrupt when malformed or without a byte (as
  // Kafka makes it first, and a power failure leaves it): nothing of it is kept, and what is
  // learned instead replaces it.
  base::Result<void> load() EXCLUDES(mutex_);
  // Writes the file if anything changed since the last time.
  base::Result<void> save_if_changed() EXCLUDES(save_mutex_, mutex_);
  // The same in two steps, for very many files at once: stage writes beside the file, then the
  // caller brings that to the device, then replace_by_staged gives it the file's name (which the
  // caller brings to the device as well).
  bool has_changed() EXCLUDES(mutex_);
  base::Result<void> stage_if_changed() EXCLUDES(save_mutex_, mutex_);
  base::Result<void> replace_by_staged() EXCLUDES(save_mutex_, mutex_);

  void assign(base::LeaderEpoch epoch, base::Offset start_offset) EXCLUDES(mutex_);
  void truncate_from_end(base::Offset end_offset) EXCLUDES(mutex_);
  void truncate_from_start(base::Offset start_offset) EXCLUDES(mutex_);
  void clear() EXCLUDES(mutex_);

  std::optional<base::LeaderEpoch> latest_epoch() EXCLUDES(mutex_);
  std::optional<EpochEntry> earliest_entry() EXCLUDES(mutex_);
  std::optional<EpochEntry> latest_entry() EXCLUDES(mutex_);
  // The epoch of the record at `offset`.
  std::optional<base::LeaderEpoch> epoch_for(base::Offset offset) EXCLUDES(mutex_);
  EpochEndOffset end_offset_for(base::LeaderEpoch epoch, base::Offset log_end_offset)
      EXCLUDES(mutex_);
  std::vector<EpochEntry> entries() EXCLUDES(mutex_);
  // The directory moved.
  void set_path(std::string path) EXCLUDES(mutex_);

 private:
  void add(EpochEntry entry) REQUIRES(mutex_);
  std::string text() const REQUIRES(mutex_);

  runtime::FileSystem& files_;
  base::Mutex save_mutex_;  // taken before mutex_
  std::string staged_text_ GUARDED_BY(save_mutex_);
  base::Mutex mutex_;
  std::string path_ GUARDED_BY(mutex_);
  std::vector<EpochEntry> entries_ GUARDED_BY(mutex_);  // ascending in both
  bool has_changed_ GUARDED_BY(mutex_) = false;
};

}  // namespace storage
