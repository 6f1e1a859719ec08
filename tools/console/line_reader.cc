#include "tools/console/line_reader.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/result.h"

namespace console {

using tools::failure;
using tools::Outcome;

namespace {

constexpr std::size_t kReadBytes = 256 * 1024;

bool is_true(const config::Properties& properties, std::string_view key) {
  std::string text(properties.value_or(key, "false"));
  std::erase(text, ' ');
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text == "true";
}

}  // namespace

Outcome<LineReader> LineReader::create(const config::Properties& properties) {
  LineReader reader;
  reader.has_key_ = is_true(properties, "parse.key");
  reader.has_headers_ = is_true(properties, "parse.headers");
  reader.ignore_error_ = is_true(properties, "ignore.error");
  reader.key_separator_ = properties.value_or("key.separator", "\t");
  reader.headers_delimiter_ = properties.value_or("headers.delimiter", "\t");
  reader.headers_separator_ = properties.value_or("headers.separator", ",");
  reader.headers_key_separator_ = properties.value_or("headers.key.separator", ":");
  if (const auto* marker = properties.find("null.marker")) reader.null_marker_ = marker->value;
  // Texts that must differ to be told apart, with their names.
  const std::pair<std::string_view, const std::string*> separators[] = {
      {"headers.delimiter", &reader.headers_delimiter_},
      {"headers.separator", &reader.headers_separator_},
      {"headers.key.separator", &reader.headers_key_separator_},
      {"key.separator", &reader.key_separator_},
  };
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = i + 1; j < 3; ++j) {
      if (*separators[i].second != *separators[j].second) continue;
      return failure(
          fmt::format("{} and {} may not be equal", separators[i].first, separators[j].first));
    }
  }
  for (const auto& [name, text] : separators) {
    if (text->empty()) return failure(fmt::format("{} may not be empty", name));
    if (reader.null_marker_ != *text) continue;
    return failure(fmt::format("null.marker and {} may not be equal", name));
  }
  return reader;
}

LineRecord::Field LineReader::or_null(std::string_view field) const {
  if (null_marker_ && field == *null_marker_) return std::nullopt;
  return field;
}

Outcome<LineRecord::Field> LineReader::cut(std::string_view& rest, std::string_view separator,
                                           std::string_view separator_name, std::string_view line,
                                           std::int64_t number) const {
  const std::size_t at = rest.find(separator);
  if (at == std::string_view::npos) {
    if (ignore_error_) return LineRecord::Field();
    return failure(
        fmt::format("No {} found on line number {}: '{}'", separator_name, number, line));
  }
  const std::string_view field = rest.substr(0, at);
  rest.remove_prefix(at + separator.size());
  return LineRecord::Field(field);
}

Outcome<> LineReader::parse_headers(std::string_view text, std::int64_t number,
                                    LineRecord& record) const {
  while (true) {
    const std::size_t end = text.find(headers_separator_);
    const std::string_view pair = text.substr(0, end);
    const std::size_t at = pair.find(headers_key_separator_);
    if (at == std::string_view::npos) {
      if (!ignore_error_) {
        return failure(fmt::format("No header key separator found in pair '{}' on line number {}",
                                   pair, number));
      }
      record.headers.emplace_back(pair, std::nullopt);
    } else {
      const std::string_view key = pair.substr(0, at);
      if (null_marker_ && key == *null_marker_) {
        return failure(fmt::format(
            "Header keys should not be equal to the null marker '{}' as they can't be null", key));
      }
      record.headers.emplace_back(key, or_null(pair.substr(at + headers_key_separator_.size())));
    }
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + headers_separator_.size());
  }
}

Outcome<> LineReader::parse(std::string_view line, std::int64_t number, LineRecord& record) const {
  record.key.reset();
  record.headers.clear();
  std::string_view rest = line;
  if (has_headers_) {
    TRY_ASSIGN(const auto headers,
               cut(rest, headers_delimiter_, "headers delimiter", line, number));
    if (headers && or_null(*headers)) TRY(parse_headers(*headers, number, record));
  }
  if (has_key_) {
    TRY_ASSIGN(const auto key, cut(rest, key_separator_, "key separator", line, number));
    if (key) record.key = or_null(*key);
  }
  record.value = or_null(rest);
  return {};
}

LineSource::LineSource(int descriptor) : descriptor_(descriptor) {}

bool LineSource::fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() - end_ < kReadBytes) {
    buffer_.resize(std::max(buffer_.size() * 2, end_ + kReadBytes));
  }
  while (true) {
    const ssize_t count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
    if (count > 0) end_ += static_cast<std::size_t>(count);
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

std::optional<std::string_view> LineSource::next() {
  std::size_t searched = 0;  // bytes of this line without an end
  while (true) {
    if (skip_newline_ && begin_ < end_) {
      skip_newline_ = false;
      if (buffer_[begin_] == '\n') ++begin_;
    }
    const char* first = buffer_.data() + begin_ + searched;
    const std::size_t length = end_ - begin_ - searched;
    const auto* newline = static_cast<const char*>(std::memchr(first, '\n', length));
    const std::size_t line_length =
        newline != nullptr ? static_cast<std::size_t>(newline - first) : length;
    const auto* carriage_return = static_cast<const char*>(std::memchr(first, '\r', line_length));
    const char* end = carriage_return != nullptr ? carriage_return : newline;
    if (end != nullptr) {
      const std::string_view line(buffer_.data() + begin_,
                                  static_cast<std::size_t>(end - buffer_.data()) - begin_);
      begin_ += line.size() + 1;
      skip_newline_ = *end == '\r';
      return line;
    }
    searched = end_ - begin_;
    if (fill()) continue;
    if (begin_ == end_) return std::nullopt;
    const std::string_view line(buffer_.data() + begin_, end_ - begin_);
    begin_ = end_;
    return line;
  }
}

}  // namespace console
