#include "runtime/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace runtime {
namespace {

constexpr std::int64_t kFileBytesMax = 64 * 1024;

// The first number in `text`, 0 if there is none ("max").
std::int64_t first_number(std::string_view text) {
  const std::size_t start = text.find_first_of("0123456789");
  if (start == std::string_view::npos) return 0;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + start, text.data() + text.size(), value);
  return error == std::errc() ? value : 0;
}

std::int64_t machine_memory_bytes(FileSystem& files) {
  const auto text = files.read_file("/proc/meminfo", kFileBytesMax);
  if (!text) return 0;
  const std::size_t place = text->find("MemTotal:");
  if (place == std::string::npos) return 0;
  return first_number(std::string_view(*text).substr(place)) * 1024;
}

std::int64_t number_in_file(FileSystem& files, const std::string& path) {
  const auto text = files.read_file(path, kFileBytesMax);
  return text ? first_number(*text) : 0;
}

std::string cgroup_path(std::string_view memberships, std::string_view prefix) {
  const std::size_t place = memberships.find(prefix);
  if (place == std::string_view::npos) return {};
  const std::size_t start = place + prefix.size();
  return std::string(memberships.substr(start, memberships.find('\n', start) - start));
}

std::int64_t cgroup_limit_bytes(FileSystem& files) {
  const auto memberships = files.read_file("/proc/self/cgroup", kFileBytesMax);
  if (!memberships) return 0;
  // Inside a container the own group is often mounted at the root.
  const std::string v2 = cgroup_path(*memberships, "0::");
  for (const std::string& path : {"/sys/fs/cgroup" + v2, std::string("/sys/fs/cgroup")}) {
    if (const std::int64_t limit = number_in_file(files, path + "/memory.max"); limit > 0) {
      return limit;
    }
  }
  const std::string v1 = cgroup_path(*memberships, ":memory:");
  for (const std::string& path :
       {"/sys/fs/cgroup/memory" + v1, std::string("/sys/fs/cgroup/memory")}) {
    if (const std::int64_t limit = number_in_file(files, path + "/memory.limit_in_bytes");
        limit > 0) {
      return limit;  // "no limit" is a number near 2^63 there
    }
  }
  return 0;
}

}  // namespace

std::int64_t memory_limit_bytes(FileSystem& files) {
  const std::int64_t machine = machine_memory_bytes(files);
  const std::int64_t cgroup = cgroup_limit_bytes(files);
  if (machine <= 0 || cgroup <= 0) return std::max(machine, cgroup);
  return std::min(machine, cgroup);
}

}  // namespace runtime
