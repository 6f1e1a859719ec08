#include "runtime/sim/sim_file_system.h"

#include <cerrno>
#include <utility>

#include "runtime/sim/sim_file.h"

namespace runtime {
namespace {

class SimFileLock final : public FileLock {
 public:
  SimFileLock(std::shared_ptr<SimDisk> disk, std::uint64_t inode, std::uint64_t crashes)
      : disk_(std::move(disk)), inode_(inode), crashes_(crashes) {}
  ~SimFileLock() override {
    base::LockGuard guard(disk_->mutex);
    if (disk_->crashes == crashes_) disk_->locked.erase(inode_);
  }

 private:
  const std::shared_ptr<SimDisk> disk_;
  const std::uint64_t inode_;
  const std::uint64_t crashes_;
};

}  // namespace

SimFileSystem::SimFileSystem(const Clock& clock, std::uint64_t seed)
    : disk_(std::make_shared<SimDisk>(clock, seed)) {}
SimFileSystem::~SimFileSystem() = default;

void SimFileSystem::crash(CrashKind kind) {
  base::LockGuard guard(disk_->mutex);
  ++disk_->crashes;
  disk_->locked.clear();
  if (kind == CrashKind::process_killed) return;
  disk_->root->forget_unsynced(kind == CrashKind::power_loss_torn, disk_->random);
}

void SimFileSystem::set_fault_hook(SimFileFaultHook hook) {
  base::LockGuard guard(disk_->mutex);
  disk_->hook = std::move(hook);
}

void SimFileSystem::set_pause_hook(SimFilePauseHook hook) {
  auto next = std::make_shared<const SimFilePauseHook>(std::move(hook));
  base::LockGuard guard(disk_->mutex);
  disk_->pause_hook = *next ? std::move(next) : nullptr;
}

void SimFileSystem::set_capacity_bytes(std::int64_t capacity_bytes) {
  base::LockGuard guard(disk_->mutex);
  disk_->capacity_bytes = capacity_bytes;
}

base::Result<std::unique_ptr<File>> SimFileSystem::open(const std::string& path, OpenMode mode) {
  disk_->pause(SimFileOperation::open, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "open " + path;
  TRY(disk_->check_fault(SimFileOperation::open, path, context));
  SimPlace place;
  if (const int error = disk_->find(path, place)) return SimDisk::failure(error, context);
  if (place.inode == nullptr) {
    if (mode == OpenMode::read || mode == OpenMode::read_write)
      return SimDisk::failure(ENOENT, context);
    disk_->link(place, disk_->make_inode(false));
  } else {
    if (mode == OpenMode::create_new) return SimDisk::failure(EEXIST, context);
    if (place.inode->is_directory) return SimDisk::failure(EISDIR, context);
    if (mode == OpenMode::truncate) place.inode->resize(0);
  }
  return std::make_unique<SimFile>(disk_, place.inode, path, mode != OpenMode::read,
                                   disk_->crashes);
}

base::Result<void> SimFileSystem::remove_file(const std::string& path) {
  disk_->pause(SimFileOperation::remove, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "delete " + path;
  TRY(disk_->check_fault(SimFileOperation::remove, path, context));
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, context));
  if (place.inode->is_directory) return SimDisk::failure(EISDIR, context);
  disk_->unlink(place);
  return {};
}

base::Result<void> SimFileSystem::rename(const std::string& from, const std::string& to) {
  disk_->pause(SimFileOperation::rename, from);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "rename " + from + " to " + to;
  TRY(disk_->check_fault(SimFileOperation::rename, from, context));
  TRY_ASSIGN(const SimPlace source, disk_->existing(from, context));
  SimPlace target;
  if (const int error = disk_->find(to, target)) return SimDisk::failure(error, context);
  if (source.directory == nullptr || target.directory == nullptr)
    return SimDisk::failure(EBUSY, context);
  if (target.inode == source.inode) return {};
  if (target.inode != nullptr) {
    if (target.inode->is_directory && !source.inode->is_directory)
      return SimDisk::failure(EISDIR, context);
    if (!target.inode->is_directory && source.inode->is_directory)
      return SimDisk::failure(ENOTDIR, context);
    if (!target.inode->entries.empty()) return SimDisk::failure(ENOTEMPTY, context);
  }
  disk_->unlink(source);
  disk_->link(target, source.inode);
  return {};
}

base::Result<void> SimFileSystem::create_directory(const std::string& path) {
  disk_->pause(SimFileOperation::create_directory, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "create directory " + path;
  TRY(disk_->check_fault(SimFileOperation::create_directory, path, context));
  SimPlace place;
  if (const int error = disk_->find(path, place)) return SimDisk::failure(error, context);
  if (place.inode != nullptr) return SimDisk::failure(EEXIST, context);
  disk_->link(place, disk_->make_inode(true));
  return {};
}

base::Result<void> SimFileSystem::create_directories(const std::string& path) {
  std::string so_far;
  for (const std::string& part : SimDisk::split(path)) {
    so_far += "/" + part;
    const auto made = create_directory(so_far);
    if (made) continue;
    const auto there = info(so_far);
    if (!there || !there->is_directory) return made;
  }
  return {};
}

base::Result<void> SimFileSystem::remove_directory(const std::string& path) {
  disk_->pause(SimFileOperation::remove, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "remove directory " + path;
  TRY(disk_->check_fault(SimFileOperation::remove, path, context));
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, context));
  if (!place.inode->is_directory) return SimDisk::failure(ENOTDIR, context);
  if (!place.inode->entries.empty()) return SimDisk::failure(ENOTEMPTY, context);
  if (place.directory == nullptr) return SimDisk::failure(EBUSY, context);
  disk_->unlink(place);
  return {};
}

base::Result<void> SimFileSystem::sync_directory(const std::string& path) {
  disk_->pause(SimFileOperation::sync_directory, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "sync directory " + path;
  TRY(disk_->check_fault(SimFileOperation::sync_directory, path, context));
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, context));
  if (!place.inode->is_directory) return SimDisk::failure(ENOTDIR, context);
  place.inode->durable_entries = place.inode->entries;
  return {};
}

base::Result<void> SimFileSystem::sync_file_system(const std::string& path) {
  disk_->pause(SimFileOperation::sync_file_system, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "sync file system of " + path;
  TRY(disk_->check_fault(SimFileOperation::sync_file_system, path, context));
  TRY(disk_->existing(path, context));
  disk_->root->sync_tree();
  return {};
}

base::Result<std::vector<DirectoryEntry>> SimFileSystem::list_directory(const std::string& path) {
  disk_->pause(SimFileOperation::list, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "list " + path;
  TRY(disk_->check_fault(SimFileOperation::list, path, context));
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, context));
  if (!place.inode->is_directory) return SimDisk::failure(ENOTDIR, context);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, inode] : place.inode->entries) {
    entries.push_back({name, inode->is_directory});
  }
  return entries;
}

base::Result<FileInfo> SimFileSystem::info(const std::string& path) {
  base::LockGuard guard(disk_->mutex);
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, "stat " + path));
  FileInfo info;
  info.size_bytes = static_cast<std::int64_t>(place.inode->content.size());
  info.modified_ms = place.inode->modified_ms;
  info.is_directory = place.inode->is_directory;
  info.device = 1;
  info.inode = place.inode->id;
  return info;
}

base::Result<void> SimFileSystem::set_modified(const std::string& path, std::int64_t wall_ms) {
  base::LockGuard guard(disk_->mutex);
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, "set time of " + path));
  place.inode->modified_ms = wall_ms;
  return {};
}

base::Result<SpaceInfo> SimFileSystem::space(const std::string& path) {
  base::LockGuard guard(disk_->mutex);
  TRY(disk_->existing(path, "space of " + path));
  SpaceInfo space;
  space.total_bytes = disk_->capacity_bytes;
  space.usable_bytes = disk_->free_bytes();
  return space;
}

base::Result<std::unique_ptr<FileLock>> SimFileSystem::lock(const std::string& path) {
  TRY(open(path, OpenMode::create));
  disk_->pause(SimFileOperation::lock, path);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "lock " + path;
  TRY(disk_->check_fault(SimFileOperation::lock, path, context));
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, context));
  if (!disk_->locked.insert(place.inode->id).second) {
    return base::fail(base::Errc::unavailable, context + ": held by this process");
  }
  return std::make_unique<SimFileLock>(disk_, place.inode->id, disk_->crashes);
}

base::Result<void> SimFileSystem::restrict_to_owner(const std::string& path) {
  base::LockGuard guard(disk_->mutex);
  TRY_ASSIGN(const SimPlace place, disk_->existing(path, "chmod " + path));
  place.inode->mode = 0600;
  return {};
}

}  // namespace runtime
