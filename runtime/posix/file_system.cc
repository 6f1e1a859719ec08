#include "runtime/posix/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "runtime/posix/file_descriptor.h"
#include "runtime/posix/posix_file.h"

namespace runtime {
namespace {

using FileIdentity = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

FileDescriptor open_descriptor(const std::string& path, int flags) {
  int descriptor;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (descriptor < 0 && errno == EINTR);
  return FileDescriptor(descriptor);
}

int open_flags(OpenMode mode) {
  switch (mode) {
    case OpenMode::read: return O_RDONLY;
    case OpenMode::read_write: return O_RDWR;
    case OpenMode::create: return O_RDWR | O_CREAT;
    case OpenMode::create_new: return O_RDWR | O_CREAT | O_EXCL;
    case OpenMode::truncate: return O_RDWR | O_CREAT | O_TRUNC;
  }
  return O_RDONLY;
}

std::int64_t to_ms(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1000 + time.tv_nsec / 1'000'000;
}

// A POSIX lock belongs to the process: a second lock call in it would succeed, and closing any
// descriptor of the file would drop the lock. So the process remembers what it holds.
class HeldLocks {
 public:
  bool add(FileIdentity identity) EXCLUDES(mutex_) {
    base::LockGuard guard(mutex_);
    return held_.insert(identity).second;
  }
  void remove(FileIdentity identity) EXCLUDES(mutex_) {
    base::LockGuard guard(mutex_);
    held_.erase(identity);
  }
  bool contains(FileIdentity identity) EXCLUDES(mutex_) {
    base::LockGuard guard(mutex_);
    return held_.contains(identity);
  }

  static HeldLocks& of_process() {
    static HeldLocks locks;
    return locks;
  }

 private:
  base::Mutex mutex_;
  std::set<FileIdentity> held_ GUARDED_BY(mutex_);
};

class PosixFileLock final : public FileLock {
 public:
  PosixFileLock(FileDescriptor descriptor, FileIdentity identity)
      : descriptor_(std::move(descriptor)), identity_(identity) {}
  ~PosixFileLock() override { HeldLocks::of_process().remove(identity_); }

 private:
  const FileDescriptor descriptor_;
  const FileIdentity identity_;
};

// Before Linux 5.8 syncfs succeeded whatever had become of the data.
bool syncfs_reports_errors() {
  utsname kernel;
  int major = 0;
  int minor = 0;
  if (::uname(&kernel) != 0 || std::sscanf(kernel.release, "%d.%d", &major, &minor) != 2) {
    return false;
  }
  return major > 5 || (major == 5 && minor >= 8);
}

class PosixFileSystem final : public FileSystem {
 public:
  base::Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    FileDescriptor descriptor = open_descriptor(path, open_flags(mode));
    if (!descriptor.is_open()) return base::fail_errno("open " + path);
    return std::make_unique<PosixFile>(std::move(descriptor), path);
  }

  base::Result<void> remove_file(const std::string& path) override {
    return check(::unlink(path.c_str()), "delete " + path);
  }

  base::Result<void> rename(const std::string& from, const std::string& to) override {
    return check(::rename(from.c_str(), to.c_str()), "rename " + from + " to " + to);
  }

  base::Result<void> create_directory(const std::string& path) override {
    return check(::mkdir(path.c_str(), 0755), "create directory " + path);
  }

  base::Result<void> create_directories(const std::string& path) override {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), 0755) != 0) {
        const int error = errno;
        struct stat status;
        const bool is_there = ::stat(part.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
        if (!is_there)
          return base::fail(base::Error::from_errno(error, "create directory " + part));
      }
      if (end == std::string::npos) return {};
    }
  }

  base::Result<void> remove_directory(const std::string& path) override {
    return check(::rmdir(path.c_str()), "remove directory " + path);
  }

  base::Result<void> sync_directory(const std::string& path) override {
    const FileDescriptor descriptor = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!descriptor.is_open()) return base::fail_errno("open directory " + path);
    return check_sync(::fsync(descriptor.get()), "sync directory " + path);
  }

  base::Result<void> sync_file_system(const std::string& path) override {
    if (!syncfs_reports_errors()) {
      return base::fail(base::Errc::unsupported, "syncfs before Linux 5.8");
    }
    const FileDescriptor descriptor = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!descriptor.is_open()) return base::fail_errno("open directory " + path);
    return check_sync(::syncfs(descriptor.get()), "sync file system of " + path);
  }

  base::Result<std::vector<DirectoryEntry>> list_directory(const std::string& path) override {
    DIR* const directory = ::opendir(path.c_str());
    if (directory == nullptr) return base::fail_errno("list " + path);
    std::vector<DirectoryEntry> entries;
    for (;;) {
      errno = 0;
      const dirent* const entry = ::readdir(directory);
      if (entry == nullptr) break;
      std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      bool is_directory = entry->d_type == DT_DIR;
      if (entry->d_type == DT_UNKNOWN || entry->d_type == DT_LNK) {
        struct stat status;
        is_directory = ::fstatat(::dirfd(directory), entry->d_name, &status, 0) == 0 &&
                       S_ISDIR(status.st_mode);
      }
      entries.push_back({std::move(name), is_directory});
    }
    const int error = errno;
    ::closedir(directory);
    if (error != 0) return base::fail(base::Error::from_errno(error, "list " + path));
    return entries;
  }

  base::Result<FileInfo> info(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) return base::fail_errno("stat " + path);
    FileInfo info;
    info.size_bytes = status.st_size;
    info.modified_ms = to_ms(status.st_mtim);
    info.is_directory = S_ISDIR(status.st_mode);
    info.device = status.st_dev;
    info.inode = status.st_ino;
    return info;
  }

  base::Result<void> set_modified(const std::string& path, std::int64_t wall_ms) override {
    timespec times[2];
    times[0].tv_sec = 0;
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = wall_ms / 1000;
    times[1].tv_nsec = (wall_ms % 1000) * 1'000'000;
    return check(::utimensat(AT_FDCWD, path.c_str(), times, 0), "set time of " + path);
  }

  base::Result<SpaceInfo> space(const std::string& path) override {
    struct statvfs status;
    if (::statvfs(path.c_str(), &status) != 0) return base::fail_errno("space of " + path);
    SpaceInfo space;
    const auto unit = static_cast<std::int64_t>(status.f_frsize);
    space.total_bytes = static_cast<std::int64_t>(status.f_blocks) * unit;
    space.usable_bytes = static_cast<std::int64_t>(status.f_bavail) * unit;
    return space;
  }

  base::Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    struct stat status;
    // Before opening: closing a second descriptor would drop the lock this process holds.
    if (::stat(path.c_str(), &status) == 0 &&
        HeldLocks::of_process().contains({status.st_dev, status.st_ino})) {
      return base::fail(base::Errc::unavailable, "lock " + path + ": held by this process");
    }
    FileDescriptor descriptor = open_descriptor(path, O_RDWR | O_CREAT);
    if (!descriptor.is_open()) return base::fail_errno("open " + path);
    if (::fstat(descriptor.get(), &status) != 0) return base::fail_errno("stat " + path);
    struct flock request = {};
    request.l_type = F_WRLCK;
    request.l_whence = SEEK_SET;
    if (::fcntl(descriptor.get(), F_SETLK, &request) != 0) {
      if (errno == EAGAIN || errno == EACCES) {
        return base::fail(base::Errc::unavailable, "lock " + path + ": held by another process");
      }
      return base::fail_errno("lock " + path);
    }
    const FileIdentity identity{status.st_dev, status.st_ino};
    if (!HeldLocks::of_process().add(identity)) {
      return base::fail(base::Errc::unavailable, "lock " + path + ": held by this process");
    }
    return std::make_unique<PosixFileLock>(std::move(descriptor), identity);
  }

  base::Result<void> restrict_to_owner(const std::string& path) override {
    return check(::chmod(path.c_str(), 0600), "chmod " + path);
  }

 private:
  static base::Result<void> check(int result, std::string context) {
    if (result != 0) return base::fail_errno(std::move(context));
    return {};
  }
  static base::Result<void> check_sync(int result, const std::string& context) {
    if (result != 0) return base::fail(sync_failure(errno, context));
    return {};
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_posix_file_system() { return std::make_unique<PosixFileSystem>(); }

}  // namespace runtime
