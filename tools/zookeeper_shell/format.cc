#include "tools/zookeeper_shell/format.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ctime>

#include "base/result.h"

namespace zookeeper_shell {

using zkclient::ZkError;

namespace {

// java.util.Date: "Tue Nov 14 22:13:20 UTC 2023".
std::string format_time(std::int64_t time_ms) {
  const std::time_t seconds = time_ms / 1000;
  std::tm parts{};
  if (localtime_r(&seconds, &parts) == nullptr) return fmt::to_string(time_ms);
  char text[64];
  return std::string(text, std::strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &parts));
}

constexpr std::pair<char, std::int32_t> kPermissions[] = {
    {'c', zkclient::kPermCreate}, {'d', zkclient::kPermDelete}, {'r', zkclient::kPermRead},
    {'w', zkclient::kPermWrite},  {'a', zkclient::kPermAdmin},
};

tools::Outcome<std::int32_t> parse_permissions(std::string_view text) {
  std::int32_t permissions = 0;
  for (const char c : text) {
    const auto* found = std::ranges::find(kPermissions, c, &std::pair<char, std::int32_t>::first);
    if (found == std::end(kPermissions)) {
      return tools::failure(fmt::format("Unknown perm type: {}", c));
    }
    permissions |= found->second;
  }
  return permissions;
}

}  // namespace

std::string format_stat(const zkclient::Stat& stat) {
  return fmt::format(
      "cZxid = {:#x}\nctime = {}\nmZxid = {:#x}\nmtime = {}\npZxid = {:#x}\ncversion = {}\n"
      "dataVersion = {}\naclVersion = {}\nephemeralOwner = {:#x}\ndataLength = {}\n"
      "numChildren = {}\n",
      static_cast<std::uint64_t>(stat.czxid), format_time(stat.ctime_ms),
      static_cast<std::uint64_t>(stat.mzxid), format_time(stat.mtime_ms),
      static_cast<std::uint64_t>(stat.pzxid), stat.cversion, stat.version.value(), stat.aversion,
      static_cast<std::uint64_t>(stat.ephemeral_owner), stat.data_length, stat.num_children);
}

std::string format_children(std::vector<std::string> names) {
  std::ranges::sort(names);
  return fmt::format("[{}]", fmt::join(names, ", "));
}

std::string format_acl(const zkclient::AclList& acl) {
  std::string text;
  for (const zkclient::Acl& entry : acl) {
    text += fmt::format("'{},'{}\n: ", entry.scheme, entry.id);
    for (const auto& [letter, permission] : kPermissions) {
      if ((entry.perms & permission) != 0) text += letter;
    }
    text += '\n';
  }
  return text;
}

tools::Outcome<zkclient::AclList> parse_acl(std::string_view text) {
  zkclient::AclList acl;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view entry = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t first = entry.find(':');
    const std::size_t last = entry.rfind(':');
    if (first == std::string_view::npos || first == last) {
      return tools::failure(fmt::format("{} does not have the form scheme:id:perm", entry));
    }
    TRY_ASSIGN(const std::int32_t permissions, parse_permissions(entry.substr(last + 1)));
    acl.push_back({permissions, std::string(entry.substr(0, first)),
                   std::string(entry.substr(first + 1, last - first - 1))});
  }
  return acl;
}

std::string explain(const base::Error& error, std::string_view path) {
  if (error.code().category() == zkclient::zookeeper_domain()) {
    switch (static_cast<ZkError>(error.code().value())) {
      case ZkError::no_node: return fmt::format("Node does not exist: {}", path);
      case ZkError::node_exists: return fmt::format("Node already exists: {}", path);
      case ZkError::not_empty: return fmt::format("Node not empty: {}", path);
      case ZkError::no_children_for_ephemerals:
        return fmt::format("Ephemerals cannot have children: {}", path);
      case ZkError::bad_version: return fmt::format("version No is not valid : {}", path);
      case ZkError::no_auth: return fmt::format("Insufficient permission : {}", path);
      case ZkError::invalid_acl: return fmt::format("Acl is not valid : {}", path);
      case ZkError::bad_arguments: return fmt::format("Arguments are not valid : {}", path);
      default: break;
    }
  }
  return error.to_string();
}

}  // namespace zookeeper_shell
