#include "tools/partition_filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/result.h"

namespace tools {

namespace {

std::optional<std::int32_t> parse_int(std::string_view text) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

Outcome<PartitionFilter> PartitionFilter::of_topic(std::optional<std::string> topic,
                                                   std::string_view partitions) {
  TRY_ASSIGN(TopicFilter filter, TopicFilter::compile(std::move(topic), false));
  Rule rule{std::move(filter), {}};
  if (!partitions.empty()) {
    for (const std::string_view text : split(partitions)) {
      const auto partition = parse_int(text);
      if (!partition) {
        return failure(fmt::format(
            "--partitions expects a comma separated list of numeric partition ids, but received: "
            "{}",
            partitions));
      }
      rule.partitions.insert(*partition);
    }
  }
  PartitionFilter result;
  result.rules_.push_back(std::move(rule));
  return result;
}

Outcome<PartitionFilter> PartitionFilter::of_rules(std::string_view rules) {
  PartitionFilter result;
  for (const std::string_view text : split(rules)) {
    TRY_ASSIGN(Rule rule, parse_rule(text));
    result.rules_.push_back(std::move(rule));
  }
  return result;
}

Outcome<PartitionFilter::Rule> PartitionFilter::parse_rule(std::string_view text) {
  const auto invalid = [&] { return failure(fmt::format("Invalid rule specification: {}", text)); };
  const std::size_t colon = text.find(':');
  std::optional<std::string> topic;
  if (colon != 0 && !text.empty()) topic = text.substr(0, colon);
  TRY_ASSIGN(TopicFilter filter, TopicFilter::compile(std::move(topic), false));
  Rule rule{std::move(filter), {}};
  const std::string_view bounds =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (bounds.empty()) return rule;
  const std::size_t dash = bounds.find('-');
  const std::string_view first = bounds.substr(0, dash);
  if (!first.empty()) {
    const auto number = parse_int(first);
    if (!number || *number < 0) return invalid();
    rule.first = *number;
    if (dash == std::string_view::npos) rule.partitions.insert(*number);
  }
  const std::string_view end =
      dash == std::string_view::npos ? std::string_view() : bounds.substr(dash + 1);
  if (!end.empty()) {
    const auto number = parse_int(end);
    if (!number || *number < 0) return invalid();
    rule.end = *number;
  }
  return rule;
}

bool PartitionFilter::matches(std::string_view topic, std::int32_t partition) const {
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    const bool in_bounds = rule.partitions.empty() ? partition >= rule.first && partition < rule.end
                                                   : rule.partitions.contains(partition);
    return in_bounds && rule.topic.matches(topic);
  });
}

}  // namespace tools
