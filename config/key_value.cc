// Parsing and printing of config values, as ConfigDef.java does.
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "config/inter_broker_protocol.h"
#include "config/key_table.h"

namespace config {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::ranges::equal(a, lower, [](char x, char y) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
  });
}

std::string_view java_type_name(KeyType type) {
  switch (type) {
    case KeyType::int32: return "INT";
    case KeyType::int16: return "SHORT";
    case KeyType::int64: return "LONG";
    default: return "DOUBLE";
  }
}

std::optional<std::int64_t> parse_integer(std::string_view text, KeyType type) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (type == KeyType::int32 && value != static_cast<std::int32_t>(value)) return std::nullopt;
  if (type == KeyType::int16 && value != static_cast<std::int16_t>(value)) return std::nullopt;
  return value;
}

std::optional<double> parse_real(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  // Java takes a type suffix.
  if (!text.empty() && std::string_view("dDfF").contains(text.back())) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::string number_text(double number) {
  if (number == std::floor(number) && std::abs(number) < 1e15) {
    return fmt::format("{}", static_cast<std::int64_t>(number));
  }
  return fmt::format("{}", number);
}

bool is_word_of(std::string_view word, std::string_view words) {
  const auto all = split_list(words);
  return std::ranges::find(all, word) != all.end();
}

bool is_throttled_replica(std::string_view text) {
  if (text.empty()) return true;
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto is_number = [](std::string_view digits) {
    return !digits.empty() &&
           std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  };
  return is_number(text.substr(0, colon)) && is_number(text.substr(colon + 1));
}

std::optional<std::string> range_fault(const Validity& validity, double number) {
  if (validity.kind == Validity::Kind::gzip_level && number != -1 && (number < 1 || number > 9)) {
    return "Value must be between 1 and 9 or equal to -1";
  }
  const bool has_low =
      validity.kind == Validity::Kind::at_least || validity.kind == Validity::Kind::between;
  if (has_low && number < validity.low) {
    return fmt::format("Value must be at least {}", number_text(validity.low));
  }
  if (validity.kind == Validity::Kind::between && number > validity.high) {
    return fmt::format("Value must be no more than {}", number_text(validity.high));
  }
  return std::nullopt;
}

std::optional<std::string> text_fault(const Key& key, const std::string& text) {
  if (key.validity.kind == Validity::Kind::one_of && !is_word_of(text, key.validity.words)) {
    return fmt::format("String must be one of: {}", key.validity.words);
  }
  if (key.validity.kind == Validity::Kind::version && !parse_inter_broker_protocol(text)) {
    return fmt::format("Version `{}` is not a valid version", text);
  }
  return std::nullopt;
}

std::optional<std::string> list_fault(const Key& key, const std::vector<std::string>& elements) {
  if (key.validity.kind == Validity::Kind::list_of) {
    for (const std::string& element : elements) {
      if (!is_word_of(element, key.validity.words)) {
        return fmt::format("String must be one of: {}", key.validity.words);
      }
    }
  }
  const bool is_all = elements.size() == 1 && elements.front() == "*";
  if (key.validity.kind == Validity::Kind::throttled_replicas && !is_all &&
      !std::ranges::all_of(elements, is_throttled_replica)) {
    return fmt::format(
        "{} must be the literal '*' or a list of replicas in the following format: "
        "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
        key.name);
  }
  return std::nullopt;
}

// Double.toString: plain between 1e-3 and 1e7, else d.dddE±n, always with a digit behind the point.
std::string java_double_text(double value) {
  char buffer[64];
  const auto written =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<std::size_t>(written.ptr - buffer));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::string_view exponent_text = text.substr(text[e + 1] == '+' ? e + 2 : e + 1);
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c != '.') digits += c;
  }
  const std::string sign = std::signbit(value) ? "-" : "";
  if (value == 0) return sign + "0.0";
  if (exponent < -3 || exponent >= 7) {
    return fmt::format("{}{}.{}E{}", sign, digits[0], digits.size() > 1 ? digits.substr(1) : "0",
                       exponent);
  }
  if (exponent < 0) {
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) digits.resize(whole + 1, '0');
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace

std::string_view trim(std::string_view text) {
  const auto is_blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> elements;
  text = trim(text);
  if (text.empty()) return elements;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    elements.emplace_back(trim(text.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return elements;
}

std::expected<Value, std::string> parse_value(const Key& key, std::string_view text) {
  const std::string_view trimmed = trim(text);
  switch (key.type) {
    case KeyType::boolean:
      if (equals_ignoring_case(trimmed, "true")) return Value(true);
      if (equals_ignoring_case(trimmed, "false")) return Value(false);
      return std::unexpected("Expected value to be either true or false");
    case KeyType::int32:
    case KeyType::int16:
    case KeyType::int64: {
      const auto number = parse_integer(trimmed, key.type);
      if (!number) {
        return std::unexpected(fmt::format("Not a number of type {}", java_type_name(key.type)));
      }
      if (auto fault = range_fault(key.validity, static_cast<double>(*number))) {
        return std::unexpected(std::move(*fault));
      }
      return Value(*number);
    }
    case KeyType::real: {
      const auto number = parse_real(trimmed);
      if (!number) return std::unexpected("Not a number of type DOUBLE");
      if (auto fault = range_fault(key.validity, *number)) return std::unexpected(*fault);
      return Value(*number);
    }
    case KeyType::list: {
      auto elements = split_list(trimmed);
      if (auto fault = list_fault(key, elements)) return std::unexpected(std::move(*fault));
      return Value(std::move(elements));
    }
    case KeyType::string:
    case KeyType::class_name:
    case KeyType::password: break;
  }
  std::string value(trimmed);
  if (auto fault = text_fault(key, value)) return std::unexpected(std::move(*fault));
  return Value(std::move(value));
}

Value default_value(const Key& key) {
  if (!key.default_text) return {};
  return parse_value(key, *key.default_text).value_or(Value{});
}

std::optional<std::string> value_to_text(const Value& value) {
  switch (value.index()) {
    case 1: return std::get<bool>(value) ? "true" : "false";
    case 2: return fmt::format("{}", std::get<std::int64_t>(value));
    case 3: return java_double_text(std::get<double>(value));
    case 4: return std::get<std::string>(value);
    case 5: {
      std::string joined;
      for (const std::string& element : std::get<std::vector<std::string>>(value)) {
        if (&element != &std::get<std::vector<std::string>>(value).front()) joined += ',';
        joined += element;
      }
      return joined;
    }
    default: return std::nullopt;
  }
}

std::string allowed_text(const Key& key) {
  std::string_view type;
  switch (key.type) {
    case KeyType::boolean: return "true or false";
    case KeyType::int32: type = "a whole number of 32 bits"; break;
    case KeyType::int16: type = "a whole number of 16 bits"; break;
    case KeyType::int64: type = "a whole number of 64 bits"; break;
    case KeyType::real: type = "a number"; break;
    case KeyType::list: type = "a list with commas"; break;
    default: type = "a text"; break;
  }
  const Validity& validity = key.validity;
  switch (validity.kind) {
    case Validity::Kind::any: return std::string(type);
    case Validity::Kind::at_least:
      return fmt::format("{}, at least {}", type, number_text(validity.low));
    case Validity::Kind::between:
      return fmt::format("{} from {} to {}", type, number_text(validity.low),
                         number_text(validity.high));
    case Validity::Kind::one_of: return fmt::format("one of {}", validity.words);
    case Validity::Kind::list_of: return fmt::format("a list with commas of {}", validity.words);
    case Validity::Kind::version: return "a release from 0.8.0 to 3.9, such as 2.4 or 3.9-IV0";
    case Validity::Kind::gzip_level: return "-1, or 1 to 9";
    case Validity::Kind::throttled_replicas: return "*, or a list of partition:broker";
  }
  return std::string(type);
}

}  // namespace config
