#include "config/properties.h"

#include <fmt/core.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace config {
namespace {

constexpr std::size_t kTextBytesMax = 16u << 20;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }

// Hands out logical lines: blank and comment lines left out, continuations joined, escapes still
// in place.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}

  bool next(std::string& logical, int& line) {
    while (position_ < text_.size()) {
      std::string_view natural = next_natural();
      if (natural.empty() || natural.front() == '#' || natural.front() == '!') continue;
      line = line_;
      logical.assign(natural);
      while (ends_with_escape(logical)) {
        logical.pop_back();
        if (position_ >= text_.size()) break;
        logical.append(next_natural());
      }
      return true;
    }
    return false;
  }

 private:
  // One line of the file without its leading blanks and its end.
  std::string_view next_natural() {
    ++line_;
    const std::size_t begin = position_;
    while (position_ < text_.size() && !is_line_end(text_[position_])) ++position_;
    std::string_view natural = text_.substr(begin, position_ - begin);
    if (position_ < text_.size()) {
      const bool is_crlf =
          text_[position_] == '\r' && position_ + 1 < text_.size() && text_[position_ + 1] == '\n';
      position_ += is_crlf ? 2 : 1;
    }
    while (!natural.empty() && is_blank(natural.front())) natural.remove_prefix(1);
    return natural;
  }

  // An odd number of backslashes at the end.
  static bool ends_with_escape(std::string_view line) {
    std::size_t count = 0;
    while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
    return count % 2 == 1;
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int line_ = 0;
};

void append_utf8(std::string& to, std::uint32_t code) {
  if (code < 0x80) {
    to += static_cast<char>(code);
  } else if (code < 0x800) {
    to += static_cast<char>(0xc0 | (code >> 6));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    to += static_cast<char>(0xe0 | (code >> 12));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    to += static_cast<char>(0xf0 | (code >> 18));
    to += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    to += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    to += static_cast<char>(0x80 | (code & 0x3f));
  }
}

std::optional<std::uint32_t> parse_hex4(std::string_view text) {
  if (text.size() < 4) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    value <<= 4;
    if (c >= '0' && c <= '9') {
      value |= static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value |= static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value |= static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

bool is_high_surrogate(std::uint32_t code) { return code >= 0xd800 && code < 0xdc00; }
bool is_low_surrogate(std::uint32_t code) { return code >= 0xdc00 && code < 0xe000; }

// The code point at the front of `text` and its length; a byte that is no UTF-8 stands for itself,
// as in ISO-8859-1.
std::pair<std::uint32_t, std::size_t> decode_front(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto first = byte(0);
  std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first >= 0xc0 && first < 0xf8 && text.size() >= length) {
    std::uint32_t code = first & (0xffu >> (length + 1));
    bool is_valid = true;
    for (std::size_t i = 1; i < length; ++i) {
      is_valid = is_valid && (byte(i) & 0xc0) == 0x80;
      code = (code << 6) | (byte(i) & 0x3f);
    }
    const bool is_surrogate = code >= 0xd800 && code < 0xe000;
    if (is_valid && code >= kSmallest[length] && code < 0x110000 && !is_surrogate) {
      return {code, length};
    }
  }
  return {first, 1};
}

// nullopt for a malformed \uXXXX.
std::optional<std::string> unescape(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      const auto [code, length] = decode_front(text.substr(i));
      append_utf8(result, code);
      i += length - 1;
      continue;
    }
    if (i + 1 == text.size()) continue;
    const char escaped = text[++i];
    switch (escaped) {
      case 't': result += '\t'; break;
      case 'n': result += '\n'; break;
      case 'r': result += '\r'; break;
      case 'f': result += '\f'; break;
      case 'u': {
        const auto unit = parse_hex4(text.substr(i + 1));
        if (!unit) return std::nullopt;
        i += 4;
        std::uint32_t code = *unit;
        if (is_high_surrogate(code) && text.substr(i + 1).starts_with("\\u")) {
          const auto low = parse_hex4(text.substr(i + 3));
          if (low && is_low_surrogate(*low)) {
            code = 0x10000 + ((code - 0xd800) << 10) + (*low - 0xdc00);
            i += 6;
          }
        }
        // Half of a pair has no UTF-8 form.
        if (is_high_surrogate(code) || is_low_surrogate(code)) code = 0xfffd;
        append_utf8(result, code);
        break;
      }
      default: {
        const auto [code, length] = decode_front(text.substr(i));
        append_utf8(result, code);
        i += length - 1;
      }
    }
  }
  return result;
}

// Splits a logical line at the first unescaped separator.
std::pair<std::string_view, std::string_view> split(std::string_view line) {
  std::size_t key_end = 0;
  while (key_end < line.size()) {
    const char c = line[key_end];
    if (c == '=' || c == ':' || is_blank(c)) break;
    key_end += c == '\\' ? 2 : 1;
  }
  key_end = std::min(key_end, line.size());
  std::size_t value_begin = key_end;
  while (value_begin < line.size() && is_blank(line[value_begin])) ++value_begin;
  if (value_begin < line.size() && (line[value_begin] == '=' || line[value_begin] == ':')) {
    ++value_begin;
    while (value_begin < line.size() && is_blank(line[value_begin])) ++value_begin;
  }
  return {line.substr(0, key_end), line.substr(value_begin)};
}

void append_escaped(std::string& to, std::string_view text, bool is_key) {
  for (std::size_t i = 0; i < text.size();) {
    const auto [code, length] = decode_front(text.substr(i));
    switch (code) {
      case ' ': to += is_key || i == 0 ? "\\ " : " "; break;
      case '\t': to += "\\t"; break;
      case '\n': to += "\\n"; break;
      case '\r': to += "\\r"; break;
      case '\f': to += "\\f"; break;
      case '\\':
      case '=':
      case ':':
      case '#':
      case '!':
        to += '\\';
        to += static_cast<char>(code);
        break;
      default:
        if (code >= 0x20 && code < 0x7f) {
          to += static_cast<char>(code);
        } else if (code < 0x10000) {
          to += fmt::format("\\u{:04X}", code);
        } else {
          to += fmt::format("\\u{:04X}\\u{:04X}", 0xd800 + ((code - 0x10000) >> 10),
                            0xdc00 + ((code - 0x10000) & 0x3ff));
        }
    }
    i += length;
  }
}

}  // namespace

std::string Property::where() const { return line > 0 ? fmt::format("{}:{}", file, line) : file; }

base::Result<Properties> Properties::parse(std::string_view text, std::string file) {
  if (text.size() > kTextBytesMax) {
    return base::fail(base::Errc::too_large, fmt::format("{}: more than 16 MB", file));
  }
  Properties properties;
  LineReader lines(text);
  std::string logical;
  int line = 0;
  while (lines.next(logical, line)) {
    const auto [raw_key, raw_value] = split(logical);
    auto key = unescape(raw_key);
    auto value = unescape(raw_value);
    if (!key || !value) {
      return base::fail(base::Errc::invalid_argument,
                        fmt::format("{}:{}: malformed \\uXXXX escape (a backslash must be written "
                                    "as \\\\)",
                                    file, line));
    }
    properties.set({std::move(*key), std::move(*value), file, line});
  }
  return properties;
}

void Properties::set(Property property) {
  const auto [position, is_new] = index_.try_emplace(property.key, entries_.size());
  if (is_new) {
    entries_.push_back(std::move(property));
  } else {
    entries_[position->second] = std::move(property);
  }
}

void Properties::set(std::string key, std::string value, std::string source) {
  set({std::move(key), std::move(value), std::move(source), 0});
}

base::Result<> Properties::set_override(std::string_view argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return base::fail(base::Errc::invalid_argument,
                      fmt::format("--override {}: must be of the form property=value", argument));
  }
  set(std::string(argument.substr(0, equals)), std::string(argument.substr(equals + 1)));
  return {};
}

void Properties::erase(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return;
  const std::size_t position = found->second;
  index_.erase(found);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(position));
  for (auto& [name, index] : index_) {
    if (index > position) --index;
  }
}

const Property* Properties::find(std::string_view key) const {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

std::string_view Properties::value_or(std::string_view key, std::string_view otherwise) const {
  const Property* property = find(key);
  return property == nullptr ? otherwise : std::string_view(property->value);
}

ConfigMap Properties::to_map() const {
  ConfigMap map;
  for (const Property& property : entries_) map.emplace(property.key, property.value);
  return map;
}

std::string write_properties(const std::vector<std::string>& comments,
                             const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string text;
  for (const std::string& comment : comments) {
    text += '#';
    for (const char c : comment) text += is_line_end(c) ? ' ' : c;
    text += '\n';
  }
  for (const auto& [key, value] : entries) {
    append_escaped(text, key, true);
    text += '=';
    append_escaped(text, value, false);
    text += '\n';
  }
  return text;
}

}  // namespace config
