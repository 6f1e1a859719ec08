// Purpose: the text form that Kafka's checkpoint files share: version, number of lines, lines of
// words separated by white space. Source: CheckpointFile.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace storage {

// The words of each line; Errc::corrupt unless version 0, the announced number of lines and
// `words_per_line` words on each. An empty text has no lines.
base::Result<std::vector<std::vector<std::string_view>>> parse_checkpoint_text(
    std::string_view text, std::size_t words_per_line);

// A whole decimal number, sign allowed.
template <class T>
std::optional<T> parse_number(std::string_view word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace storage
