// Purpose: one open file as pread, pwritev and fdatasync.
#pragma once

#include <atomic>
#include <string>

#include "runtime/file.h"
#include "runtime/posix/file_descriptor.h"

namespace runtime {

class PosixFile final : public File {
 public:
  PosixFile(FileDescriptor descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  base::Result<std::size_t> pread(base::MutableBytes into, std::int64_t position) override;
  base::Result<std::size_t> pread_nowait(base::MutableBytes into, std::int64_t position) override;
  base::Result<void> pwritev(std::span<const base::Bytes> parts, std::int64_t position) override;
  base::Result<std::int64_t> size() override;
  base::Result<void> truncate(std::int64_t size_bytes) override;
  base::Result<void> sync() override;
  std::optional<int> descriptor() const override { return descriptor_.get(); }

 private:
  const FileDescriptor descriptor_;
  const std::string path_;
  // Set once the file system has said that it knows no RWF_NOWAIT.
  std::atomic<bool> nowait_unsupported_{false};
};

}  // namespace runtime
