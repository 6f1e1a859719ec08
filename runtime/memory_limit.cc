#include "runtime/memory_limit.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace runtime {
namespace {

// The kernel's files claim a size of 0, so read_file() is not for them. Empty if there is none.
std::string content_of(FileSystem& files, const std::string& path) {
  auto file = files.open(path, OpenMode::read);
  if (!file) return {};
  std::array<std::byte, 16 * 1024> bytes;
  const auto count = (*file)->pread(bytes, 0);
  return count ? std::string(base::as_text(base::Bytes(bytes).first(*count))) : std::string();
}

// Nullopt for "max", which is no limit.
std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> machine_bytes(FileSystem& files) {
  const std::string info = content_of(files, "/proc/meminfo");
  constexpr std::string_view kKey = "MemTotal:";
  const std::size_t at = info.find(kKey);
  if (at == std::string::npos) return std::nullopt;
  const std::size_t digits = info.find_first_not_of(' ', at + kKey.size());
  if (digits == std::string::npos) return std::nullopt;
  const auto kilobytes = number_in(std::string_view(info).substr(digits));
  return kilobytes ? std::optional(*kilobytes * 1024) : std::nullopt;
}

// Lowers `limit` to what the group at `path`, or one around it, allows. In a container the path may
// be the host's: groups that are not there have no say. "No limit" of v1 is a number near 2^63.
void apply_groups(FileSystem& files, const std::string& root, std::string path,
                  std::string_view file_name, std::int64_t& limit) {
  for (;;) {
    const auto found = number_in(content_of(files, root + path + "/" + std::string(file_name)));
    if (found && *found > 0) limit = std::min(limit, *found);
    if (path.empty()) return;
    const std::size_t parent = path.rfind('/');
    path.resize(parent == std::string::npos ? 0 : parent);
  }
}

// One line "hierarchy:controllers:path"; version 2 is the one without controllers.
void apply_membership(FileSystem& files, std::string_view line, std::int64_t& limit) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return;
  const std::string controllers =
      "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
  std::string path(line.substr(second + 1));
  if (path == "/") path.clear();
  if (controllers == ",,") {
    apply_groups(files, "/sys/fs/cgroup", path, "memory.max", limit);
  } else if (controllers.find(",memory,") != std::string::npos) {
    apply_groups(files, "/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", limit);
  }
}

}  // namespace

std::int64_t memory_limit_bytes(FileSystem& files) {
  constexpr std::int64_t kUnknown = INT64_MAX;
  std::int64_t limit = machine_bytes(files).value_or(kUnknown);
  const std::string memberships = content_of(files, "/proc/self/cgroup");
  for (std::string_view left = memberships; !left.empty();) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    apply_membership(files, line, limit);
  }
  return limit == kUnknown ? 0 : limit;
}

}  // namespace runtime
