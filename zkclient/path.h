// Purpose: znode paths: what is a valid one, and the chroot put before and taken off.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace zkclient {

// ZkError::bad_arguments unless `path` is one that a server takes (PathUtils.validatePath):
// absolute, no empty, "." or ".." component, no control characters, no slash at the end.
// `sequential`: the server appends digits, so that a slash at the end is fine.
base::Result<void> validate_path(std::string_view path, bool sequential = false);

// "/a/b" -> "/a", "/a" -> "/". `path` is a valid one other than "/".
std::string_view parent_of(std::string_view path);

class Chroot {
 public:
  Chroot() = default;
  explicit Chroot(std::string prefix) : prefix_(std::move(prefix)) {}  // "" or "/a/b"

  const std::string& prefix() const { return prefix_; }
  std::string add(std::string_view path) const;
  // nullopt: the path is outside.
  std::optional<std::string> strip(std::string_view path) const;

 private:
  std::string prefix_;
};

}  // namespace zkclient
