#include "tools/consumer_groups/reset_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/result.h"

namespace consumer_groups {

using tools::failure;
using tools::Outcome;

namespace {

// The fields of one line; nullopt for an open quote.
std::optional<std::vector<std::string>> split_line(std::string_view line) {
  std::vector<std::string> fields(1);
  bool is_quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (is_quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (is_quoted ? c == '"' : (c == '"' && fields.back().empty())) {
      is_quoted = !is_quoted;
    } else if (!is_quoted && c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (is_quoted) return std::nullopt;
  return fields;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Entry {
  TopicPartition partition;
  std::int64_t offset = 0;
};

// "topic,partition,offset" from the field `first` on, and nothing behind.
std::optional<Entry> read_entry(const std::vector<std::string>& fields, std::size_t first) {
  if (fields.size() != first + 3) return std::nullopt;
  const auto partition = parse_number<std::int32_t>(fields[first + 1]);
  const auto offset = parse_number<std::int64_t>(fields[first + 2]);
  if (!partition || !offset) return std::nullopt;
  return Entry{{fields[first], *partition}, *offset};
}

// Jackson's rule: what is long is not looked at but quoted.
std::string quoted_if_needed(const std::string& text) {
  constexpr std::size_t kLookedAtMax = 24;
  constexpr unsigned char kFirstHarmless = ',' + 1;
  const bool is_harmless =
      text.size() <= kLookedAtMax &&
      std::ranges::all_of(text, [](unsigned char c) { return c >= kFirstHarmless; });
  if (is_harmless) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Outcome<ResetPlan> parse_csv(std::string_view text, const std::optional<std::string>& only_group) {
  ResetPlan plan;
  std::optional<bool> has_group_column;  // the first line tells
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto fields = split_line(line);
    if (!has_group_column) {
      has_group_column = !only_group || !fields || !read_entry(*fields, 0);
    }
    const auto entry =
        fields ? read_entry(*fields, *has_group_column ? 1 : 0) : std::optional<Entry>();
    if (!entry) {
      return failure(fmt::format("line {} of the reset plan is not {}topic,partition,offset: {}",
                                 number, *has_group_column ? "group," : "", line));
    }
    plan[*has_group_column ? fields->front() : *only_group][entry->partition] = entry->offset;
  }
  return plan;
}

std::string format_csv(const ResetPlan& plan, bool has_group_column) {
  std::string text;
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      if (has_group_column) text += quoted_if_needed(group) + ",";
      text +=
          fmt::format("{},{},{}\n", quoted_if_needed(partition.topic), partition.partition, offset);
    }
  }
  return text;
}

std::string format_plan(const ResetPlan& plan) {
  if (plan.empty()) return {};
  std::string text =
      fmt::format("\n{:<30} {:<30} {:<10} {:<15}\n", "GROUP", "TOPIC", "PARTITION", "NEW-OFFSET");
  for (const auto& [group, offsets] : plan) {
    for (const auto& [partition, offset] : offsets) {
      text += fmt::format("{:<30} {:<30} {:<10} {:<15}\n", group, partition.topic,
                          partition.partition, offset);
    }
  }
  return text;
}

Offsets cut_to_log(const Offsets& requested, const Offsets& log_starts, const Offsets& log_ends,
                   std::vector<std::string>& warnings) {
  Offsets cut;
  const auto set = [&](const TopicPartition& partition, std::int64_t asked, std::int64_t given,
                       std::string_view what) {
    warnings.push_back(
        fmt::format("New offset ({}) is {} offset for topic partition {}. Value will be set to {}",
                    asked, what, partition, given));
    cut[partition] = given;
  };
  for (const auto& [partition, offset] : requested) {
    const auto start = log_starts.find(partition);
    const auto end = log_ends.find(partition);
    if (end != log_ends.end() && offset > end->second) {
      set(partition, offset, end->second, "higher than latest");
    } else if (start != log_starts.end() && offset < start->second) {
      set(partition, offset, start->second, "lower than earliest");
    } else {
      cut[partition] = offset;
    }
  }
  return cut;
}

}  // namespace consumer_groups
