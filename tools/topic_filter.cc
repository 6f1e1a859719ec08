#include "tools/topic_filter.h"

#include <fmt/core.h>

#include <algorithm>
#include <regex>

#include "broker/cluster/topic_name.h"

namespace tools {

namespace {

constexpr std::string_view kSpecial = ".*+?()[]{}|^$\\,";

std::string clean(std::string_view text) {
  std::string cleaned;
  for (const char c : text) {
    if (c == ' ' || c == '\t') continue;
    cleaned += c == ',' ? '|' : c;
  }
  const std::size_t first = cleaned.find_first_not_of("\"'");
  if (first == std::string::npos) return {};
  return cleaned.substr(first, cleaned.find_last_not_of("\"'") - first + 1);
}

}  // namespace

struct TopicFilter::Pattern {
  std::string literal;              // when there is nothing special in it
  std::optional<std::regex> regex;  // otherwise
};

TopicFilter::TopicFilter(std::unique_ptr<Pattern> pattern, bool exclude_internal)
    : pattern_(std::move(pattern)), exclude_internal_(exclude_internal) {}
TopicFilter::~TopicFilter() = default;
TopicFilter::TopicFilter(TopicFilter&&) noexcept = default;
TopicFilter& TopicFilter::operator=(TopicFilter&&) noexcept = default;

Outcome<TopicFilter> TopicFilter::compile(std::optional<std::string> pattern,
                                          bool exclude_internal) {
  if (!pattern) return TopicFilter(nullptr, exclude_internal);
  auto compiled = std::make_unique<Pattern>();
  compiled->literal = clean(*pattern);
  if (compiled->literal.find_first_of(kSpecial) != std::string::npos) {
    try {
      compiled->regex.emplace(compiled->literal, std::regex::ECMAScript);
    } catch (const std::regex_error&) {
      return failure(fmt::format("{} is an invalid regex.", *pattern));
    }
  }
  return TopicFilter(std::move(compiled), exclude_internal);
}

bool TopicFilter::matches(std::string_view topic) const {
  if (exclude_internal_ && cluster::is_internal_topic(topic)) return false;
  if (pattern_ == nullptr) return true;
  if (!pattern_->regex) return topic == pattern_->literal;
  try {
    return std::regex_match(topic.begin(), topic.end(), *pattern_->regex);
  } catch (const std::regex_error&) {  // too complex
    return false;
  }
}

}  // namespace tools
