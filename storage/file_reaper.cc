#include "storage/file_reaper.h"

#include <fmt/format.h>

#include "base/log.h"

namespace storage {

void FileReaper::add(std::vector<std::string> paths, std::int64_t delay_ms) {
  base::LockGuard guard(mutex_);
  pending_.push_back({std::move(paths), delay_ms, -1});
}

void FileReaper::remove_due(std::int64_t now_ms) {
  std::vector<Pending> due;
  {
    base::LockGuard guard(mutex_);
    std::vector<Pending> later;
    for (Pending& item : pending_) {
      if (item.due_ms < 0) item.due_ms = now_ms + item.delay_ms;
      (item.due_ms <= now_ms ? due : later).push_back(std::move(item));
    }
    pending_ = std::move(later);
  }
  for (const Pending& item : due) {
    for (const std::string& path : item.paths) remove_path(path);
  }
}

void FileReaper::remove_path(const std::string& path) {
  const auto info = files_.info(path);
  if (!info) return;  // somebody was quicker
  auto removed = base::Result<void>();
  if (info->is_directory) {
    if (const auto entries = files_.list_directory(path)) {
      for (const auto& entry : *entries) remove_path(path + "/" + entry.name);
    }
    removed = files_.remove_directory(path);
  } else {
    removed = files_.remove_file(path);
  }
  if (!removed) LOG_WARN("cannot remove error=\"{}\"", removed.error().to_string());
}

std::size_t FileReaper::waiting() const {
  base::LockGuard guard(mutex_);
  return pending_.size();
}

}  // namespace storage
