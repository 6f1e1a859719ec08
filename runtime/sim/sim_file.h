// Purpose: an open file of the simulated disk.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "runtime/file.h"
#include "runtime/sim/sim_disk.h"

namespace runtime {

class SimFile final : public File {
 public:
  SimFile(std::shared_ptr<SimDisk> disk, std::shared_ptr<SimInode> inode, std::string path,
          bool writable, std::uint64_t crashes)
      : disk_(std::move(disk)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(writable),
        crashes_(crashes) {}

  base::Result<std::size_t> pread(base::MutableBytes into, std::int64_t position) override {
    return read(SimFileOperation::read, into, position);
  }
  base::Result<std::size_t> pread_nowait(base::MutableBytes into, std::int64_t position) override;
  base::Result<void> pwritev(std::span<const base::Bytes> parts, std::int64_t position) override;
  base::Result<std::int64_t> size() override;
  base::Result<void> truncate(std::int64_t size_bytes) override;
  base::Result<void> sync() override;
  std::optional<int> descriptor() const override { return std::nullopt; }

 private:
  base::Result<void> check_alive(const char* operation) REQUIRES(disk_->mutex) {
    if (disk_->crashes != crashes_) return SimDisk::failure(EIO, operation + path_);
    return {};
  }
  base::Result<std::size_t> read(SimFileOperation operation, base::MutableBytes into,
                                 std::int64_t position);

  const std::shared_ptr<SimDisk> disk_;
  const std::shared_ptr<SimInode> inode_;
  const std::string path_;
  const bool writable_;
  const std::uint64_t crashes_;  // of the disk, when it was opened
};

}  // namespace runtime
