#include "runtime/file.h"

namespace runtime {
namespace {

class FileDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "file"; }
  std::string message(int) const override { return "sync failed"; }
};

}  // namespace

const std::error_category& file_domain() noexcept {
  static const FileDomain domain;
  return domain;
}

base::Error sync_failure(int errno_value, const std::string& context) {
  return base::Error(FileErrc::sync_failed,
                     base::Error::from_errno(errno_value, context).to_string());
}

base::Result<std::string> FileSystem::read_file(const std::string& path, std::int64_t limit_bytes) {
  TRY_ASSIGN(const auto file, open(path, OpenMode::read));
  TRY_ASSIGN(const std::int64_t size_bytes, file->size());
  if (size_bytes > limit_bytes) {
    return base::fail(base::Errc::too_large, "read " + path + ": " + std::to_string(size_bytes) +
                                                 " bytes, limit " + std::to_string(limit_bytes));
  }
  std::string content(static_cast<std::size_t>(size_bytes), '\0');
  const base::MutableBytes into(reinterpret_cast<std::byte*>(content.data()), content.size());
  TRY_ASSIGN(const std::size_t read_bytes, file->pread(into, 0));
  content.resize(read_bytes);
  return content;
}

base::Result<void> FileSystem::write_file_atomically(const std::string& path, base::Bytes content) {
  const std::string temporary = path + ".tmp";
  {
    TRY_ASSIGN(const auto file, open(temporary, OpenMode::truncate));
    if (!content.empty()) TRY(file->pwrite(content, 0));
    TRY(file->sync());
  }
  TRY(rename(temporary, path));
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return sync_directory(".");
  return sync_directory(slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace runtime
