#include "tools/json_object.h"

#include <fmt/format.h>

namespace tools {

namespace {

void append_quoted(std::string_view text, std::string& json) {
  json += '"';
  for (const char c : text) {
    switch (c) {
      case '"': json += "\\\""; break;
      case '\\': json += "\\\\"; break;
      case '\n': json += "\\n"; break;
      case '\r': json += "\\r"; break;
      case '\t': json += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          json += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        } else {
          json += c;
        }
    }
  }
  json += '"';
}

}  // namespace

JsonObject& JsonObject::add_raw(std::string_view field, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  append_quoted(field, text_);
  text_ += ':';
  text_ += json;
  return *this;
}

JsonObject& JsonObject::add(std::string_view field, std::int64_t value) {
  return add_raw(field, fmt::to_string(value));
}

JsonObject& JsonObject::add(std::string_view field, bool value) {
  return add_raw(field, value ? "true" : "false");
}

JsonObject& JsonObject::add(std::string_view field, double value) {
  std::string text = fmt::to_string(value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return add_raw(field, text);
}

JsonObject& JsonObject::add(std::string_view field, std::optional<std::string_view> text) {
  if (!text) return add_raw(field, "null");
  std::string quoted;
  append_quoted(*text, quoted);
  return add_raw(field, quoted);
}

std::string json_array(std::span<const std::string> values) {
  std::string text = "[";
  for (const std::string& value : values) {
    if (text.size() > 1) text += ',';
    text += value;
  }
  return text + "]";
}

}  // namespace tools
