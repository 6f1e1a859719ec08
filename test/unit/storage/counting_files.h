// The real file system, counting the bytes that are read of `.log` files.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/posix/file_system.h"

namespace storage_test {

class CountingFile final : public runtime::File {
 public:
  CountingFile(std::unique_ptr<runtime::File> file, std::atomic<std::int64_t>& read_bytes)
      : file_(std::move(file)), read_bytes_(read_bytes) {}

  base::Result<std::size_t> pread(base::MutableBytes into, std::int64_t position) override {
    read_bytes_.fetch_add(static_cast<std::int64_t>(into.size()));
    return file_->pread(into, position);
  }
  base::Result<std::size_t> pread_nowait(base::MutableBytes into, std::int64_t position) override {
    read_bytes_.fetch_add(static_cast<std::int64_t>(into.size()));
    return file_->pread_nowait(into, position);
  }
  base::Result<void> pwritev(std::span<const base::Bytes> parts, std::int64_t position) override {
    return file_->pwritev(parts, position);
  }
  base::Result<std::int64_t> size() override { return file_->size(); }
  base::Result<void> truncate(std::int64_t size_bytes) override {
    return file_->truncate(size_bytes);
  }
  base::Result<void> sync() override { return file_->sync(); }
  std::optional<int> descriptor() const override { return file_->descriptor(); }

 private:
  const std::unique_ptr<runtime::File> file_;
  std::atomic<std::int64_t>& read_bytes_;
};

class CountingFiles final : public runtime::FileSystem {
 public:
  base::Result<std::unique_ptr<runtime::File>> open(const std::string& path,
                                                    runtime::OpenMode mode) override {
    TRY_ASSIGN(auto file, real_->open(path, mode));
    if (!path.ends_with(".log")) return file;
    return std::unique_ptr<runtime::File>(
        std::make_unique<CountingFile>(std::move(file), read_bytes));
  }
  base::Result<void> remove_file(const std::string& path) override {
    return real_->remove_file(path);
  }
  base::Result<void> rename(const std::string& from, const std::string& to) override {
    return real_->rename(from, to);
  }
  base::Result<void> create_directory(const std::string& path) override {
    return real_->create_directory(path);
  }
  base::Result<void> create_directories(const std::string& path) override {
    return real_->create_directories(path);
  }
  base::Result<void> remove_directory(const std::string& path) override {
    return real_->remove_directory(path);
  }
  base::Result<void> sync_directory(const std::string& path) override {
    return real_->sync_directory(path);
  }
  base::Result<void> sync_file_system(const std::string& path) override {
    return real_->sync_file_system(path);
  }
  base::Result<std::vector<runtime::DirectoryEntry>> list_directory(
      const std::string& path) override {
    return real_->list_directory(path);
  }
  base::Result<runtime::FileInfo> info(const std::string& path) override {
    return real_->info(path);
  }
  base::Result<void> set_modified(const std::string& path, std::int64_t wall_ms) override {
    return real_->set_modified(path, wall_ms);
  }
  base::Result<runtime::SpaceInfo> space(const std::string& path) override {
    return real_->space(path);
  }
  base::Result<std::unique_ptr<runtime::FileLock>> lock(const std::string& path) override {
    return real_->lock(path);
  }
  base::Result<void> restrict_to_owner(const std::string& path) override {
    return real_->restrict_to_owner(path);
  }

  std::atomic<std::int64_t> read_bytes{0};

 private:
  std::shared_ptr<runtime::FileSystem> real_ = runtime::make_posix_file_system();
};

}  // namespace storage_test
