#include "runtime/sim/sim_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace runtime {

base::Result<std::size_t> SimFile::pread_nowait(base::MutableBytes into, std::int64_t position) {
  auto count = read(SimFileOperation::read_nowait, into, position);
  if (!count && count.error().is(std::errc::resource_unavailable_try_again)) {
    return base::fail(base::Errc::would_block);
  }
  return count;
}

base::Result<std::int64_t> SimFile::size() {
  base::LockGuard guard(disk_->mutex);
  TRY(check_alive("size of "));
  return static_cast<std::int64_t>(inode_->content.size());
}

base::Result<void> SimFile::truncate(std::int64_t size_bytes) {
  disk_->pause(SimFileOperation::truncate, path_);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "truncate " + path_;
  TRY(check_alive("truncate "));
  TRY(disk_->check_fault(SimFileOperation::truncate, path_, context));
  if (size_bytes < 0 || !writable_) return SimDisk::failure(EINVAL, context);
  inode_->resize(static_cast<std::size_t>(size_bytes));
  inode_->modified_ms = disk_->clock.wall_ms();
  return {};
}

base::Result<void> SimFile::sync() {
  disk_->pause(SimFileOperation::sync, path_);
  base::LockGuard guard(disk_->mutex);
  TRY(check_alive("sync "));
  const auto failed = disk_->check_fault(SimFileOperation::sync, path_, "sync " + path_);
  if (!failed) {
    inode_->drop_unsynced();
    return failed;
  }
  inode_->sync_content();
  return {};
}

base::Result<std::size_t> SimFile::read(SimFileOperation operation, base::MutableBytes into,
                                        std::int64_t position) {
  disk_->pause(operation, path_);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "read " + path_;
  TRY(check_alive("read "));
  TRY(disk_->check_fault(operation, path_, context));
  if (position < 0) return SimDisk::failure(EINVAL, context);
  const std::string& content = inode_->content;
  const std::size_t begin = std::min(static_cast<std::size_t>(position), content.size());
  const std::size_t count = std::min(into.size(), content.size() - begin);
  if (count > 0) std::memcpy(into.data(), content.data() + begin, count);
  return count;
}

base::Result<void> SimFile::pwritev(std::span<const base::Bytes> parts, std::int64_t position) {
  disk_->pause(SimFileOperation::write, path_);
  base::LockGuard guard(disk_->mutex);
  const std::string context = "write " + path_;
  TRY(check_alive("write "));
  if (!writable_) return SimDisk::failure(EBADF, context);
  if (position < 0) return SimDisk::failure(EINVAL, context);
  std::string bytes;
  for (const base::Bytes part : parts) bytes.append(base::as_text(part));

  SimFileFault fault = disk_->hook ? disk_->hook(SimFileOperation::write, path_) : SimFileFault{};
  const auto begin = static_cast<std::size_t>(position);
  const std::size_t end = begin + bytes.size();
  if (fault.errno_value == 0 && end > inode_->content.size() && disk_->has_capacity()) {
    const std::size_t possible_end =
        inode_->content.size() + static_cast<std::size_t>(disk_->free_bytes());
    if (end > possible_end) {
      fault = {ENOSPC, possible_end > begin ? possible_end - begin : 0};
    }
  }
  if (fault.errno_value != 0) bytes.resize(std::min(fault.partial_bytes, bytes.size()));
  if (!bytes.empty()) {
    inode_->write_at(begin, bytes);
    inode_->modified_ms = disk_->clock.wall_ms();
  }
  if (fault.errno_value != 0) return SimDisk::failure(fault.errno_value, context);
  return {};
}

}  // namespace runtime
