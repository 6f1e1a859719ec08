// Purpose: the door to the disk: files and directories, as libc calls on Linux (runtime/posix) and
// as a disk that forgets what was not synced in tests (runtime/sim).
//
// All calls are synchronous. Page-cache appends run inline on a data loop; whatever may wait for
// the device (sync, cold reads, deletes, directory scans) belongs on a WorkerPool.
// Errors carry errno (std::errc) with operation and path as context. No call is retried here
// except EINTR. Any thread; one File may be used by several threads where noted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace runtime {

// A sync that failed, for whatever reason (the context names it): what could not be written may
// have been dropped from memory by then, so that no later sync makes up for it. Opening what is to
// be synced fails with its errno, like any open.
enum class FileErrc { sync_failed = 1 };
const std::error_category& file_domain() noexcept;
inline std::error_code make_error_code(FileErrc code) noexcept {
  return {static_cast<int>(code), file_domain()};
}
}  // namespace runtime

template <>
struct std::is_error_code_enum<runtime::FileErrc> : std::true_type {};

namespace runtime {

// For the implementations: "sync /data/x: Input/output error".
base::Error sync_failure(int errno_value, const std::string& context);

enum class OpenMode {
  read,        // must exist
  read_write,  // must exist
  create,      // read and write; made empty if missing
  create_new,  // read and write; EEXIST if there
  truncate,    // read and write; made empty if there
};

// An open file. Positions are absolute; there is no cursor, so concurrent reads need no lock.
class File {
 public:
  virtual ~File() = default;

  // Fills `into` from `position`; returns fewer bytes only at the end of the file.
  virtual base::Result<std::size_t> pread(base::MutableBytes into, std::int64_t position) = 0;
  // The same without waiting for the device: Errc::would_block if a page is not in memory
  // (RWF_NOWAIT). File systems that cannot tell (tmpfs) read as pread does.
  virtual base::Result<std::size_t> pread_nowait(base::MutableBytes into,
                                                 std::int64_t position) = 0;
  // Writes all parts one behind the other. On an error some of the bytes may be there: the caller
  // truncates back.
  virtual base::Result<void> pwritev(std::span<const base::Bytes> parts, std::int64_t position) = 0;
  base::Result<void> pwrite(base::Bytes bytes, std::int64_t position) {
    return pwritev(std::span(&bytes, 1), position);
  }
  virtual base::Result<std::int64_t> size() = 0;
  virtual base::Result<void> truncate(std::int64_t size_bytes) = 0;
  // Content and size are on the device when this returns (fdatasync), else FileErrc::sync_failed.
  virtual base::Result<void> sync() = 0;
  // For sendfile; nullopt where there is none (sim).
  virtual std::optional<int> descriptor() const = 0;
};

struct FileInfo {
  std::int64_t size_bytes = 0;
  std::int64_t modified_ms = 0;  // wall clock
  bool is_directory = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
};

struct SpaceInfo {
  std::int64_t total_bytes = 0;
  std::int64_t usable_bytes = 0;
};

// Held until destroyed or the process ends, however it ends.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual base::Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual base::Result<void> remove_file(const std::string& path) = 0;
  // Replaces `to` if it exists. Durable only after sync_directory of the parent.
  virtual base::Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual base::Result<void> create_directory(const std::string& path) = 0;    // one level
  virtual base::Result<void> create_directories(const std::string& path) = 0;  // with parents
  virtual base::Result<void> remove_directory(const std::string& path) = 0;    // empty only
  virtual base::Result<void> sync_directory(const std::string& path) = 0;
  // Everything on the file system that holds `path` is on the device, names too: for very many
  // files at once (syncfs). Errc::unsupported where the kernel does not report lost writes.
  virtual base::Result<void> sync_file_system(const std::string& path) = 0;
  virtual base::Result<std::vector<DirectoryEntry>> list_directory(const std::string& path) = 0;
  virtual base::Result<FileInfo> info(const std::string& path) = 0;  // ENOENT when missing
  virtual base::Result<void> set_modified(const std::string& path, std::int64_t wall_ms) = 0;
  virtual base::Result<SpaceInfo> space(const std::string& path) = 0;
  // Exclusive POSIX lock on the whole file, as Kafka's .lock (made if missing; mode 0644).
  // Errc::unavailable when another process holds it.
  virtual base::Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
  // Owner-only permissions (0600), for files with secrets.
  virtual base::Result<void> restrict_to_owner(const std::string& path) = 0;

  bool exists(const std::string& path) { return info(path).has_value(); }
  // The whole content; Errc::too_large above `limit_bytes`.
  base::Result<std::string> read_file(const std::string& path, std::int64_t limit_bytes);
  // Kafka's way for checkpoints: `<path>.tmp`, sync, rename, sync of the directory.
  base::Result<void> write_file_atomically(const std::string& path, base::Bytes content);
};

// A part of a file on its way to a socket. Copies share the descriptor, so a deleted segment stays
// readable until the last slice is gone.
struct FileSlice {
  std::shared_ptr<File> file;
  std::int64_t position = 0;
  std::size_t size_bytes = 0;
  // The owning log counts its truncations here; a slice planned before one must not be sent.
  std::shared_ptr<const std::atomic<std::uint64_t>> generation;  // may be null
  std::uint64_t expected_generation = 0;

  bool is_current() const {
    return generation == nullptr ||
           generation->load(std::memory_order_acquire) == expected_generation;
  }
};

}  // namespace runtime
