#include "zkclient/path.h"

#include "zkclient/zk_error.h"

namespace zkclient {
namespace {

bool is_valid_component(std::string_view component) {
  return !component.empty() && component != "." && component != "..";
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

}  // namespace

base::Result<void> validate_path(std::string_view path, bool sequential) {
  const auto bad = [path](const char* why) {
    return base::fail(ZkError::bad_arguments, "path '" + std::string(path) + "' " + why);
  };
  if (path.empty() || path.front() != '/') return bad("does not start with /");
  for (const char c : path) {
    if (is_control(static_cast<unsigned char>(c))) return bad("has a control character");
  }
  std::string_view rest = path.substr(1);
  if (rest.empty()) return {};
  for (;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    if (slash == std::string_view::npos) {
      if (component.empty() && sequential) return {};
      if (!is_valid_component(component) && !sequential) return bad("has a bad last component");
      return {};
    }
    if (!is_valid_component(component)) return bad("has an empty or relative component");
    rest.remove_prefix(slash + 1);
  }
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/")
                                                       : path.substr(0, slash);
}

std::string Chroot::add(std::string_view path) const {
  if (prefix_.empty()) return std::string(path);
  if (path == "/") return prefix_;
  return prefix_ + std::string(path);
}

std::optional<std::string> Chroot::strip(std::string_view path) const {
  if (prefix_.empty()) return std::string(path);
  if (!path.starts_with(prefix_)) return std::nullopt;
  path.remove_prefix(prefix_.size());
  if (path.empty()) return "/";
  if (path.front() != '/') return std::nullopt;
  return std::string(path);
}

}  // namespace zkclient
