#include "tools/dump_log/findings.h"

#include <fmt/format.h>

#include <ranges>

namespace dump_log {

std::string Findings::text() const {
  std::string text;
  // Kafka collects these two, newest first.
  for (const auto& [file, pairs] : offset_mismatches_) {
    text += fmt::format("Mismatches in :{}\n", file);
    for (const auto& [indexed, found] : pairs | std::views::reverse) {
      text += fmt::format("  Index offset: {}, log offset: {}\n", indexed, found);
    }
  }
  for (const auto& [file, pairs] : timestamp_mismatches_) {
    text += fmt::format("Found timestamp mismatch in :{}\n", file);
    for (const auto& [indexed, found] : pairs) {
      text += fmt::format("  Index timestamp: {}, log timestamp: {}\n", indexed, found);
    }
  }
  for (const auto& [file, pairs] : out_of_order_) {
    text += fmt::format("Found out of order timestamp in :{}\n", file);
    for (const auto& [indexed, previous] : pairs) {
      text += fmt::format("  Index timestamp: {}, Previously indexed timestamp: {}\n", indexed,
                          previous);
    }
  }
  for (const auto& [file, pairs] : offsets_not_found_) {
    text += "The following indexed offsets are not found in the log.\n";
    for (const auto& [indexed, found] : pairs) {
      text += fmt::format("Indexed offset: {}, found log offset: {}\n", indexed, found);
    }
  }
  for (const auto& [file, pairs] : not_consecutive_) {
    text += fmt::format("Non-consecutive offsets in {}\n", file);
    for (const auto& [first, second] : pairs | std::views::reverse) {
      text += fmt::format("  {} is followed by {}\n", first, second);
    }
  }
  return text;
}

}  // namespace dump_log
