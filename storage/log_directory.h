// Purpose: one of the broker's log directories: its lock, its state and the files at its top.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"
#include "storage/checkpoint_file.h"
#include "storage/file_reaper.h"
#include "storage/meta_properties.h"

namespace storage {

inline constexpr char kCleanShutdownMarker[] = ".kafka_cleanshutdown";
// A sync has failed in here: what the kernel could not write it has dropped, and shows all the same
// until the machine restarts.
inline constexpr char kSyncFailedMarker[] = ".barnabas-sync-failed";
inline constexpr char kLockFile[] = ".lock";

// What a directory inside a log directory is.
enum class PartitionDirectoryKind { partition, deleted, future, stray, ignored };
struct PartitionDirectoryName {
  PartitionDirectoryKind kind = PartitionDirectoryKind::partition;
  base::TopicPartition partition;
};
// invalid_argument for a name that is none of them: if it holds logs, the broker must not start.
base::Result<PartitionDirectoryName> parse_partition_directory(std::string_view name);
// "<topic>-<partition>.<uuid as 32 hex digits>-delete", at most 255 characters.
std::string deleted_directory_name(const base::TopicPartition& partition, const base::Uuid& id);

class LogDirectory {
 public:
  LogDirectory(runtime::FileSystem& files, std::string path);

  // Makes it if missing, locks it (Errc::unavailable when held), reads meta.properties.
  base::Result<void> open();

  const std::string& path() const { return path_; }
  bool is_live() const { return is_live_.load(); }
  // False if it was offline already.
  bool take_offline() { return is_live_.exchange(false); }
  const std::optional<MetaProperties>& meta_properties() const { return meta_; }
  base::Result<void> write_meta_properties(const MetaProperties& properties, std::int64_t now_ms);

  // Whether the last stop was clean; the marker is gone afterwards.
  base::Result<bool> take_clean_shutdown_marker();
  base::Result<void> write_clean_shutdown_marker();
  // Whether a sync has failed since all that recovery can read was written anew.
  bool has_failed_sync() const { return files_.exists(path_ + "/" + kSyncFailedMarker); }
  base::Result<void> mark_failed_sync();
  base::Result<void> unmark_failed_sync();
  // One that makes no sense counts as missing, with a warning that says what this means: all of it
  // can be learned again.
  base::Result<OffsetCheckpoint> read_checkpoint(const char* name);
  // `gather` is called under the file's lock, so that an older state never replaces a newer one.
  base::Result<void> write_checkpoint(const char* name,
                                      const std::function<OffsetCheckpoint()>& gather)
      EXCLUDES(checkpoint_mutex_);
  void unlock() { lock_.reset(); }
  // Files in here to be unlinked later.
  FileReaper& reaper() { return reaper_; }
  // One log is made in here at a time; taken before LogManager's.
  base::Mutex& create_mutex() { return create_mutex_; }

 private:
  runtime::FileSystem& files_;
  const std::string path_;
  std::atomic<bool> is_live_{true};
  std::unique_ptr<runtime::FileLock> lock_;
  std::optional<MetaProperties> meta_;
  FileReaper reaper_;
  base::Mutex create_mutex_;
  base::Mutex checkpoint_mutex_;  // taken before LogManager's
};

}  // namespace storage
