#include "base/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace base {

LogFile::LogFile(std::string path, Output output) : path_(std::move(path)), output_(output) {
  open();
}

LogFile::~LogFile() { close(); }

void LogFile::open() {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) return;
  struct stat status{};
  size_ = ::fstat(descriptor_, &status) == 0 ? status.st_size : 0;
  if (output_ == Output::elsewhere) return;
  ::dup2(descriptor_, STDOUT_FILENO);
  ::dup2(descriptor_, STDERR_FILENO);
}

void LogFile::close() {
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = -1;
}

void LogFile::reopen() {
  close();
  open();
}

void LogFile::rotate(std::int32_t kept_max) {
  const auto older = [this](std::int32_t age) {
    return age == 0 ? path_ : path_ + "." + std::to_string(age);
  };
  close();
  // Beyond it there are more where more were kept before.
  for (std::int32_t age = kept_max; ::unlink(older(age).c_str()) == 0;) ++age;
  for (std::int32_t age = kept_max; age > 0; --age) {
    std::rename(older(age - 1).c_str(), older(age).c_str());
  }
  open();
}

void LogFile::write(std::string_view text, const LogFileLimits& limits) {
  if (descriptor_ < 0) open();
  const auto size_after = size_ + static_cast<std::int64_t>(text.size());
  if (limits.bytes_max > 0 && size_ > 0 && size_after > limits.bytes_max) rotate(limits.kept_max);
  while (!text.empty() && descriptor_ >= 0) {
    const ssize_t written = ::write(descriptor_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    size_ += written;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace base
