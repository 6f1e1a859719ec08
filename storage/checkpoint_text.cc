#include "storage/checkpoint_text.h"

#include <string>

namespace storage {
namespace {

std::string_view next_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kSpace = " \t\v\f\r";
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = line.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::string_view word = line.substr(0, line.find_first_of(kSpace));
    words.push_back(word);
    line.remove_prefix(word.size());
  }
}

}  // namespace

base::Result<std::vector<std::vector<std::string_view>>> parse_checkpoint_text(
    std::string_view text, std::size_t words_per_line) {
  std::vector<std::vector<std::string_view>> lines;
  if (text.empty()) return lines;
  const auto version = parse_number<std::int32_t>(next_line(text));
  if (version != 0) return base::fail(base::Errc::corrupt, "checkpoint version is not 0");
  const auto count = parse_number<std::int32_t>(next_line(text));
  if (!count || *count < 0) return base::fail(base::Errc::corrupt, "checkpoint entry count");
  while (!text.empty()) {
    auto words = words_of(next_line(text));
    if (words.size() != words_per_line) {
      return base::fail(base::Errc::corrupt,
                        "checkpoint line " + std::to_string(lines.size() + 3) + " is malformed");
    }
    lines.push_back(std::move(words));
  }
  if (lines.size() != static_cast<std::size_t>(*count)) {
    return base::fail(base::Errc::corrupt, "checkpoint announces " + std::to_string(*count) +
                                               " entries and has " + std::to_string(lines.size()));
  }
  return lines;
}

}  // namespace storage
