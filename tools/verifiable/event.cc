#include "tools/verifiable/event.h"

#include <fmt/format.h>

#include <cstdio>

#include "runtime/uv/system.h"

namespace verifiable {

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

Json& Json::add_raw(std::string_view field, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  append_quoted(field, text_);
  text_ += ':';
  text_ += json;
  return *this;
}

Json& Json::add(std::string_view field, std::int64_t value) {
  return add_raw(field, fmt::to_string(value));
}

Json& Json::add(std::string_view field, bool value) {
  return add_raw(field, value ? "true" : "false");
}

Json& Json::add(std::string_view field, double value) {
  std::string text = fmt::to_string(value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return add_raw(field, text);
}

Json& Json::add(std::string_view field, std::optional<std::string_view> text) {
  if (!text) return add_raw(field, "null");
  std::string quoted;
  append_quoted(*text, quoted);
  return add_raw(field, quoted);
}

Json event(std::string_view name) {
  Json json;
  json.add("timestamp", runtime::SystemClock().wall_ms()).add("name", std::optional(name));
  return json;
}

void EventPrinter::print(const Json& json) {
  output_ += json.text();
  output_ += '\n';
  if (output_.size() >= kFlushBytes) flush();
}

void EventPrinter::flush() {
  if (output_.empty()) return;
  // Who closes stdout does not want to know; the work goes on, as in Kafka.
  static_cast<void>(std::fwrite(output_.data(), 1, output_.size(), stdout));
  std::fflush(stdout);
  output_.clear();
}

}  // namespace verifiable
