// Purpose: a JSON object written field by field, for tools that print one a line. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tools {

// Fields stay in the order in which they were added.
class JsonObject {
 public:
  JsonObject& add(std::string_view field, std::int64_t value);
  JsonObject& add(std::string_view field, std::int32_t value) {
    return add(field, static_cast<std::int64_t>(value));
  }
  JsonObject& add(std::string_view field, bool value);
  JsonObject& add(std::string_view field, double value);  // as Java prints it: 10.0
  JsonObject& add(std::string_view field, std::optional<std::string_view> text);  // nullopt: null
  JsonObject& add(std::string_view field, const char* text) = delete;  // would become a bool
  JsonObject& add_raw(std::string_view field, std::string_view json);
  std::string text() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

// "[a,b]" of values that are JSON already.
std::string json_array(std::span<const std::string> values);

}  // namespace tools
