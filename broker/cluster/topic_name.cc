#include "broker/cluster/topic_name.h"

#include <algorithm>

namespace cluster {
namespace {

constexpr std::size_t kMaxLength = 249;

bool is_legal(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

char unified(char c) { return c == '.' ? '_' : c; }

}  // namespace

std::optional<std::string> invalid_topic_name(std::string_view name) {
  const std::string quoted = "'" + std::string(name.substr(0, 2 * kMaxLength)) + "'";
  const std::string prefix = "Topic name is invalid: ";
  if (name.empty()) return prefix + "the empty string is not allowed";
  if (name == "." || name == "..") return prefix + quoted + " is not allowed";
  if (name.size() > kMaxLength) {
    return prefix + "the length of " + quoted + " is longer than the max allowed length " +
           std::to_string(kMaxLength);
  }
  if (!std::all_of(name.begin(), name.end(), is_legal)) {
    return prefix + quoted +
           " contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
  }
  return std::nullopt;
}

bool is_internal_topic(std::string_view name) {
  return name == kGroupMetadataTopic || name == kTransactionStateTopic;
}

bool has_collision_characters(std::string_view name) {
  return name.find_first_of("._") != std::string_view::npos;
}

bool topic_names_collide(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return unified(x) == unified(y);
         });
}

}  // namespace cluster
