// Purpose: a disk in memory that forgets what was not synced, and fails on demand.
//
// Every file has its content as the process sees it (the page cache) and as the device has it.
// sync() of a file makes its content durable, sync_directory() the names in that directory: a file
// that was created, renamed or deleted without it may be back to what it was after a power loss,
// as POSIX allows. Paths are absolute or relative to "/"; "." and ".." are understood.
// Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/clock.h"
#include "runtime/file.h"
#include "runtime/sim/sim_disk.h"

namespace runtime {

enum class CrashKind {
  process_killed,   // the page cache survives; open files and locks do not
  power_loss,       // what was not synced is gone
  power_loss_torn,  // the same, but unsynced appends may have left a part of themselves
};

class SimFileSystem final : public FileSystem {
 public:
  // `clock` stamps modification times. `seed` decides what a torn crash leaves.
  explicit SimFileSystem(const Clock& clock, std::uint64_t seed = 1);
  ~SimFileSystem() override;

  // Files and locks held before a crash answer EIO after it.
  void crash(CrashKind kind);
  // Asked before every operation, on the calling thread. Must not call into the file system.
  using FaultHook =
      std::function<SimFileFault(SimFileOperation operation, const std::string& path)>;
  void set_fault_hook(FaultHook hook);
  // Called before every operation, on the calling thread, without any lock: it may wait for what
  // another thread does on this disk.
  void set_pause_hook(SimFilePauseHook hook);
  // Contents may take this much in sum; beyond it a write gets ENOSPC and a part through.
  void set_capacity_bytes(std::int64_t capacity_bytes);

  base::Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  base::Result<void> remove_file(const std::string& path) override;
  base::Result<void> rename(const std::string& from, const std::string& to) override;
  base::Result<void> create_directory(const std::string& path) override;
  base::Result<void> create_directories(const std::string& path) override;
  base::Result<void> remove_directory(const std::string& path) override;
  base::Result<void> sync_directory(const std::string& path) override;
  base::Result<void> sync_file_system(const std::string& path) override;
  base::Result<std::vector<DirectoryEntry>> list_directory(const std::string& path) override;
  base::Result<FileInfo> info(const std::string& path) override;
  base::Result<void> set_modified(const std::string& path, std::int64_t wall_ms) override;
  base::Result<SpaceInfo> space(const std::string& path) override;
  base::Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  base::Result<void> restrict_to_owner(const std::string& path) override;

 private:
  const std::shared_ptr<SimDisk> disk_;  // open files outlive the file system object
};

}  // namespace runtime
